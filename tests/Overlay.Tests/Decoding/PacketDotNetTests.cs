using Overlay.Capture;
using Overlay.Testing;
using PacketDotNet;
using Xunit;

namespace Overlay.Tests.Decoding;

/// <summary>What PacketDotNet decodes of the captures, this library decodes to the same values; where it does not, the list says why.</summary>
public sealed class PacketDotNetTests
{
    private const string AllOptions = "packetnet/gre_all_options.pcap";

    private static readonly IReadOnlyList<Disagreement> Known =
    [
        // tshark reads all of these as this library does (TsharkFieldTests).
        new("gopacket/gopacket-vectors.pcap", "21", "layers", "eth/vlan100/ip6/ip4/gre!Version", "eth/vlan/ipv6/ip/gre",
            "enhanced GRE of PPTP (RFC 2637), version 1: PacketDotNet does not look at the version, which MUST be 0 (RFC 2784 §2.3.1)"),
        new(AllOptions, "1-10", "gre 1 gre.checksum", null, "8", "PacketDotNet takes the protocol type, 0x0800, for the checksum, in the wrong byte order"),
        new(AllOptions, "1-10", "ip 2 *", null, null,
            "PacketDotNet counts four bytes too few for the optional fields of GRE, so that the inner packet begins in the sequence number"),
    ];

    public static TheoryData<string> Files => [.. CorpusIndex.Rows.Select(row => row.File)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_field_is_what_PacketDotNet_reads(string file)
    {
        IReadOnlyList<CapturedPacket> packets = Corpus.Packets(file);
        List<Disagreement.Seen> seen = [];
        int compared = 0;
        for (int i = 0; i < packets.Count; i++)
        {
            compared += Compare(i + 1, packets[i], seen);
        }

        IReadOnlyList<string> differences = Disagreement.Differences(file, Known, seen);
        Assert.True(differences.Count == 0, $"{file}:\n{string.Join('\n', differences.Take(40))}");
        Assert.True(compared >= 3 * packets.Count, $"{compared} fields were compared");
    }

    [Fact]
    public void Every_row_of_the_list_is_about_a_capture_of_the_corpus() =>
        Assert.All(Known, row => Assert.Contains(row.File, CorpusIndex.Rows.Select(r => r.File)));

    private static int Compare(int number, CapturedPacket packet, List<Disagreement.Seen> seen)
    {
        IReadOnlyList<DecodedLayer> ours = PacketWalk.Walk(packet);
        IReadOnlyList<DecodedLayer> theirs;
        try
        {
            // It knows raw IP as a layer of its own, with the number of another registry.
            theirs = PacketDotNetWalk.Walk(packet.LinkType == LinkType.Ethernet
                ? Packet.ParsePacket(LinkLayers.Ethernet, packet.Data.ToArray())
                : new RawIPPacket(new PacketDotNet.Utils.ByteArraySegment(packet.Data.ToArray())).PayloadPacket);
        }
        catch (Exception exception)
        {
            // That a decoder throws on a captured packet is an observation too; the list has to name it.
            seen.Add(new(number, "layers", PacketWalk.Stack(ours), exception.GetType().Name));
            return 0;
        }

        // Service and customer tags are one type there.
        string[] mine = [.. ours.Select(Name).Take(theirs.Count)];
        string[] yours = [.. theirs.Select(layer => layer.Protocol)];
        if (!mine.SequenceEqual(yours))
        {
            seen.Add(new(number, "layers", PacketWalk.Stack(ours), string.Join('/', yours)));
        }

        int compared = 0;
        Dictionary<string, int> occurrences = [];
        foreach ((DecodedLayer our, DecodedLayer their) in ours.Zip(theirs).TakeWhile(pair => Name(pair.First) == pair.Second.Protocol))
        {
            int occurrence = occurrences[their.Protocol] = occurrences.GetValueOrDefault(their.Protocol) + 1;
            foreach ((string name, object? value) in their.Fields)
            {
                object? own = our.Fields[NameIn(our, name)];
                compared++;
                if (FieldComparison.Text(own) != FieldComparison.Text(value))
                {
                    seen.Add(new(number, $"{their.Protocol} {occurrence} {name}", FieldComparison.Text(own), FieldComparison.Text(value)));
                }
            }
        }

        return compared;
    }

    private static string Name(DecodedLayer layer) => layer.Protocol == "ieee8021ad" ? "vlan" : layer.Protocol;

    private static string NameIn(DecodedLayer layer, string name) => layer.Protocol != "ieee8021ad"
        ? name
        : name == "vlan.etype" ? "ieee8021ah_ieee8021ah_etype" : name.Replace("vlan.", "ieee8021ad.", StringComparison.Ordinal);
}
