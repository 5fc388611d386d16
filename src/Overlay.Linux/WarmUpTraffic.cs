using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Overlay.DataPath;
using Overlay.Linux.Interop;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>
/// The packets of a <see cref="WarmUp"/>, as a device hands them over: a vnet header and a packet each. What the profile of the compiler sees is what
/// it optimises for, so it is what tunnels carry: bulk TCP, its acknowledgments, small UDP, UDP superpackets.
/// </summary>
internal sealed class WarmUpTraffic
{
    private const int EthernetLength = 14;
    private const int SegmentSize = 1_398;
    private const int SmallCount = 48;
    private const int IPv4Length = 20;
    private const int TotalLength = 2;
    private const int HeaderChecksum = 10;
    private const int Addresses = 12;
    private const int TcpLength = 20;
    private const int TcpDataOffset = 12;
    private const int TcpChecksum = 16;
    private const int UdpLength = 8;
    private const int UdpLengthField = 4;
    private const int UdpChecksum = 6;

    private readonly DeviceLayer _layer;
    private readonly MacAddress _source;
    private readonly MacAddress _destination;
    private readonly List<byte[]> _round = [];

    public WarmUpTraffic(DeviceLayer layer, MacAddress source, MacAddress destination)
    {
        _layer = layer;
        _source = source;
        _destination = destination;
        _round.Add(Packet(IPProtocol.Tcp, 40 * SegmentSize, SegmentSize));
        _round.Add(Packet(IPProtocol.Tcp, SegmentSize, 0));
        _round.Add(Packet(IPProtocol.Tcp, 0, 0));
        _round.Add(Packet(IPProtocol.Tcp, (3 * SegmentSize) + 500, SegmentSize));
        _round.Add(Packet(IPProtocol.Udp, 20 * 1_200, 1_200));
        byte[] small = Packet(IPProtocol.Udp, 64, 0);
        _round.AddRange(Enumerable.Repeat(small, SmallCount));
    }

    /// <summary>The packets of one round, in their order.</summary>
    public IReadOnlyList<byte[]> Round => _round;

    private byte[] Packet(IPProtocol protocol, int payloadLength, int segmentSize)
    {
        int network = _layer == DeviceLayer.Ethernet ? EthernetLength : 0;
        int transport = network + IPv4Length;
        bool tcp = protocol == IPProtocol.Tcp;
        int headers = transport + (tcp ? TcpLength : UdpLength);
        byte[] message = new byte[VnetHeader.Length + headers + payloadLength];
        Span<byte> packet = message.AsSpan(VnetHeader.Length);
        if (_layer == DeviceLayer.Ethernet)
        {
            _destination.TryWriteBytes(packet);
            _source.TryWriteBytes(packet[6..]);
            BinaryPrimitives.WriteUInt16BigEndian(packet[12..], (ushort)EtherType.IPv4);
        }

        // 198.18.0.0/15 is for benchmarks (RFC 2544).
        Span<byte> ip = packet[network..];
        ((ReadOnlySpan<byte>)[0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, (byte)protocol, 0, 0, 198, 18, 0, 1, 198, 19, 0, 1]).CopyTo(ip);
        BinaryPrimitives.WriteUInt16BigEndian(ip[TotalLength..], (ushort)ip.Length);
        BinaryPrimitives.WriteUInt16BigEndian(ip[HeaderChecksum..], InternetChecksum.Compute(ip[..IPv4Length]));

        Span<byte> segment = packet[transport..];
        BinaryPrimitives.WriteUInt16BigEndian(segment, 5001);
        BinaryPrimitives.WriteUInt16BigEndian(segment[2..], 5001);
        if (tcp)
        {
            // Five words of header, and the flag ACK.
            segment[TcpDataOffset] = 0x50;
            segment[TcpDataOffset + 1] = 0x10;
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(segment[UdpLengthField..], (ushort)segment.Length);
        }

        int checksum = tcp ? TcpChecksum : UdpChecksum;
        ulong pseudoHeader = InternetChecksum.Partial(ip.Slice(Addresses, 8)) + InternetChecksum.Word((ushort)protocol) +
            InternetChecksum.Word((ushort)segment.Length);
        BinaryPrimitives.WriteUInt16BigEndian(segment[checksum..], InternetChecksum.Fold(pseudoHeader));
        VnetHeader header = new() { Flags = VnetHeader.NeedsChecksum, ChecksumStart = (ushort)transport, ChecksumOffset = (ushort)checksum };
        if (segmentSize != 0)
        {
            header.GsoType = tcp ? VnetHeader.GsoTcpIPv4 : VnetHeader.GsoUdp;
            header.GsoSize = (ushort)segmentSize;
            header.HeaderLength = (ushort)headers;
        }

        MemoryMarshal.Write(message, header);
        return message;
    }
}
