using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Overlay.Capture;
using Overlay.Testing;
using Overlay.Wire;

namespace Overlay.Fuzz;

/// <summary>
/// What inputs are made from: the captures of $OVERLAY_CORPUS if there are any, the golden frames below <c>tests/vectors</c>, and frames built here; cut
/// into layers.
/// </summary>
internal sealed class SeedPool
{
    private const int MaxPerLayer = 200;
    private const int MaxSeed = 1600;
    private const int MaxCapture = 4096;
    private const int MaxDepth = 4;

    private readonly Dictionary<SeedLayer, Dictionary<string, byte[]>> _layers = Enum.GetValues<SeedLayer>().ToDictionary(layer => layer, _ => new Dictionary<string, byte[]>());

    private SeedPool()
    {
    }

    /// <summary>Reads and builds them all.</summary>
    public static SeedPool Load()
    {
        SeedPool pool = new();
        foreach (byte[] frame in BuiltSeeds.Frames().Concat(GoldenFrames()))
        {
            pool.AddFrame(frame, MaxDepth);
        }

        foreach (string name in Corpus.Files)
        {
            byte[] file = Corpus.Bytes(name);
            pool.Add(SeedLayer.Capture, file, MaxCapture);
            foreach (CapturedPacket packet in Corpus.Packets(name))
            {
                if (packet.LinkType == LinkType.Ethernet)
                {
                    pool.AddFrame(packet.Data.Span, MaxDepth);
                }
                else
                {
                    pool.AddIP(packet.Data.Span, MaxDepth);
                }
            }
        }

        foreach (byte[] capture in BuiltSeeds.Captures())
        {
            pool.Add(SeedLayer.Capture, capture, MaxCapture);
        }

        foreach (string configuration in BuiltSeeds.Configurations)
        {
            pool.Add(SeedLayer.Configuration, Encoding.UTF8.GetBytes(configuration), MaxCapture);
        }

        foreach (string text in BuiltSeeds.Texts)
        {
            pool.Add(SeedLayer.Text, Encoding.UTF8.GetBytes(text), MaxCapture);
        }

        return pool;
    }

    /// <summary>The seeds of a target: short ones first, in an order that does not depend on anything but them.</summary>
    public IReadOnlyList<byte[]> For(FuzzTarget target) =>
    [
        .. target.Layers.SelectMany(layer => _layers[layer]
            .OrderBy(seed => seed.Value.Length).ThenBy(seed => seed.Key, StringComparer.Ordinal)
            .Select(seed => seed.Value).Take(MaxPerLayer)),
    ];

    /// <summary>All seeds of a layer.</summary>
    public IReadOnlyCollection<byte[]> All(SeedLayer layer) => _layers[layer].Values;

    private static List<byte[]> GoldenFrames()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Vectors.PathOf("kernel-vxlan.json")));
        List<byte[]> frames = [];
        Collect(document.RootElement);
        return frames;

        void Collect(JsonElement element)
        {
            if (element.ValueKind == JsonValueKind.Object)
            {
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    Collect(property.Value);
                }
            }
            else if (element.ValueKind == JsonValueKind.Array)
            {
                foreach (JsonElement item in element.EnumerateArray())
                {
                    Collect(item);
                }
            }
            else if (element.ValueKind == JsonValueKind.String && element.GetString() is { Length: >= 28 } text && text.Length % 2 == 0 && text.All(char.IsAsciiHexDigit))
            {
                frames.Add(Convert.FromHexString(text));
            }
        }
    }

    private void Add(SeedLayer layer, ReadOnlySpan<byte> seed, int maximum = MaxSeed)
    {
        byte[] bytes = seed[..Math.Min(seed.Length, maximum)].ToArray();
        _layers[layer].TryAdd(Convert.ToHexString(bytes), bytes);
    }

    private void AddFrame(ReadOnlySpan<byte> bytes, int depth)
    {
        if (depth == 0 || !EthernetFrame.TryParse(bytes, out EthernetFrame frame))
        {
            return;
        }

        Add(SeedLayer.Frame, bytes);
        if (frame.EtherType == EtherType.Arp)
        {
            Add(SeedLayer.Arp, frame.Payload);
        }
        else if (frame.EtherType is EtherType.IPv4 or EtherType.IPv6)
        {
            AddIP(frame.Payload, depth);
        }
    }

    private void AddIP(ReadOnlySpan<byte> bytes, int depth)
    {
        IPProtocol protocol;
        ReadOnlySpan<byte> transport;
        if (IPv4Packet.TryParseTruncated(bytes, out IPv4Packet ipv4))
        {
            protocol = ipv4.Protocol;
            transport = ipv4.Payload;
        }
        else if (IPv6Packet.TryParseTruncated(bytes, out IPv6Packet ipv6))
        {
            Add(SeedLayer.IPPayload, ipv6.Payload);
            _ = ipv6.TryGetTransport(out protocol, out transport);
        }
        else
        {
            return;
        }

        if (depth == 0)
        {
            return;
        }

        Add(SeedLayer.IP, bytes);
        switch (protocol)
        {
            case IPProtocol.Tcp:
                Add(SeedLayer.Tcp, transport);
                break;
            case IPProtocol.Icmp:
                Add(SeedLayer.Icmp, transport);
                break;
            case IPProtocol.IcmpV6:
                Add(SeedLayer.IcmpV6, transport);
                break;
            case IPProtocol.IPv4 or IPProtocol.IPv6:
                AddIP(transport, depth - 1);
                break;
            case IPProtocol.Udp:
                Add(SeedLayer.Udp, transport);
                AddUdpPayload(transport, depth - 1);
                break;
            default:
                Add(SeedLayer.IPPayload, transport);
                break;
        }
    }

    private void AddUdpPayload(ReadOnlySpan<byte> datagram, int depth)
    {
        if (datagram.Length > UdpPacket.HeaderLength)
        {
            Add(SeedLayer.UdpPayload, datagram[UdpPacket.HeaderLength..]);
            // VXLAN and Geneve without options have headers of the same length.
            if (BinaryPrimitives.ReadUInt16BigEndian(datagram[2..]) is 4789 or 8472 or 6081 && datagram.Length > UdpPacket.HeaderLength + VxlanPacket.HeaderLength)
            {
                AddFrame(datagram[(UdpPacket.HeaderLength + VxlanPacket.HeaderLength)..], depth);
            }
        }
    }
}
