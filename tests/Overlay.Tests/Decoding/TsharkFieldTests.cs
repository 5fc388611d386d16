using System.Text.Json;
using Overlay.Capture;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Decoding;

/// <summary>
/// Every capture decodes as tshark decodes it: the same layers, and in each layer the same fields with the same values. A field of tshark's that this
/// library does not read must be named here, with the reason; a field that appears and is not named fails the test.
/// </summary>
public sealed class TsharkFieldTests
{
    private const string Gopacket = "gopacket/gopacket-vectors.pcap";

    private static readonly IReadOnlyList<Disagreement> Known =
    [
        new(Gopacket, "11, 16", "icmpv6 1 icmpv6_icmpv6_opt_src_linkaddr", "not read", null,
            "router advertisement and router solicitation: the library has views for neighbours only, which are what a proxy answers"),
        new(Gopacket, "21", "layers", "eth/vlan100/ip6/ip4/gre!Version", "eth/vlan/ipv6/ip/gre/ppp/ip/udp/data", "enhanced GRE of PPTP (RFC 2637), version 1: RFC 2784 §2.3.1 says that the version MUST be 0"),
        new("tcpdump/nsh-over-vxlan-gpe.pcap", "1", "layers", "eth/ip4/udp:4790/vxlan16777215(rsv=0c000004/00)/nsh/ip4/udp", "eth/ip/udp/nsh/ip/udp/data",
            "tshark leaves VXLAN-GPE out of frame.protocols; its fields are there"),
    ];

    /// <summary>What tshark derives, repeats, guesses, or takes from other packets, and what is read below a layer of ours that has no view.</summary>
    private static readonly Dictionary<string, string[]> NotFields = new()
    {
        // *_resolved and *_oui are names of manufacturers; *_ig and *_lg two bits of the address. Trailer, padding and FCS are guesses: Ethernet has no
        // length of its own, and EthernetFrame.Payload goes to the end.
        ["eth"] = ["eth_eth_addr", "eth_eth_dst_*", "eth_eth_src_*", "eth_eth_addr_*", "eth_eth_ig", "eth_eth_lg", "eth_eth_trailer", "eth_eth_padding", "eth_eth_fcs*"],
        ["vlan"] = ["vlan_vlan_trailer", "eth_eth_padding"],
        ["ieee8021ad"] = [],
        ["arp"] = [],
        ["ip"] =
        [
            "ip_ip_addr", "ip_ip_host", "ip_ip_src_host", "ip_ip_dst_host", "ip_ip_checksum_calculated", "_ws_expert",
            // Single options, which the library leaves to the caller as bytes; the bytes are compared.
            "ip_ip_opt_*", "text",
        ],
        ["ipv6"] =
        [
            "ipv6_ip_version", "ipv6_ipv6_addr", "ipv6_ipv6_host", "ipv6_ipv6_src_*", "ipv6_ipv6_dst_*", "ipv6_ipv6_slaac_mac", "ipv6_ipv6_6to4_*",
            // The library walks over extension headers; where it arrives is compared.
            "ipv6_hopopts",
        ],
        ["udp"] = ["udp_udp_port", "udp_udp_stream", "udp_udp_checksum_calculated", "_ws_expert"],
        ["tcp"] =
        [
            "tcp_tcp_port", "tcp_tcp_stream", "tcp_tcp_completeness", "tcp_tcp_nxtseq", "tcp_tcp_flags_str", "tcp_tcp_checksum_calculated", "_ws_expert",
            // Copies of seq_raw, ack_raw and window_size_value, and the window scaled by what an earlier packet said.
            "tcp_tcp_seq", "tcp_tcp_ack", "tcp_tcp_window_size", "tcp_tcp_window_size_scalefactor",
            // Single options; the bytes of all are compared.
            "tcp_options_*", "tcp_tcp_option_*", "tcp_tcp_options_*",
        ],
        // Pairs of request and answer, the other byte order, and the timestamp that ping puts into its payload. What is quoted behind the IP header of a
        // quoted packet is left out: eight bytes are no UDP or TCP header by their own lengths.
        ["icmp"] = ["icmp_icmp_ident_le", "icmp_icmp_seq_le", "icmp_icmp_resp*", "icmp_icmp_data_time*", "data", "udp", "tcp"],
        ["icmpv6"] =
        [
            "icmpv6_icmpv6_resp*", "data", "tcp", "udp", "icmpv6_icmpv6_reserved",
            // Options of neighbour discovery: the two link-layer addresses are compared, the others are not read.
            "icmpv6_icmpv6_opt", "icmpv6_icmpv6_opt_type", "icmpv6_icmpv6_opt_length", "icmpv6_icmpv6_opt_linkaddr", "icmpv6_icmpv6_opt_reserved",
            "icmpv6_icmpv6_opt_mtu", "icmpv6_icmpv6_opt_prefix*", "icmpv6_icmpv6_nd_na_flag", "icmpv6_icmpv6_nd_na_flag_rsv",
            // Router advertisements and multicast listener reports have no view here.
            "icmpv6_icmpv6_nd_ra_*", "icmpv6_icmpv6_mldr_*",
        ],
        ["vxlan"] = [],
        // The bytes of all options are compared, and class, type, critical bit and length of each; what Google's options mean is not known here, and the
        // three reserved bits of an option are not read.
        ["geneve"] = ["geneve_geneve_option", "geneve_geneve_option_gcp_*", "geneve_geneve_option_flags*"],
        ["gre"] = [],
        // The bit that RFC 8300 has as unassigned, and metadata, which is stepped over.
        ["nsh"] = ["nsh_nsh_CBit", "nsh_nsh_metadata*"],
    };

    public static TheoryData<string> Files => [.. CorpusIndex.Rows.Select(row => row.File)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_field_is_what_tshark_reads(string file)
    {
        IReadOnlyList<CapturedPacket> packets = Corpus.Packets(file);
        IReadOnlyList<TsharkPacket> theirs = TsharkPacket.Read(Corpus.PathOf(file), WalkPorts.Usual.Vxlan);
        Assert.Equal(packets.Count, theirs.Count);
        List<Disagreement.Seen> seen = [];
        int compared = 0;
        for (int i = 0; i < packets.Count; i++)
        {
            compared += Compare(i + 1, PacketWalk.Walk(packets[i]), theirs[i], seen);
        }

        IReadOnlyList<string> differences = Disagreement.Differences(file, Known, seen);
        Assert.True(differences.Count == 0, $"{file}:\n{string.Join('\n', differences.Take(40))}");
        // Three of Ethernet at least, in every packet.
        Assert.True(compared >= 3 * packets.Count, $"{compared} fields were compared");
    }

    [Fact]
    public void Vxlan_on_a_port_of_its_own_is_what_tshark_reads_when_both_are_told()
    {
        const ushort Port = 65530;
        const string File = "packetnet/vxlan_custom_port.pcap";
        TsharkPacket theirs = Assert.Single(TsharkPacket.Read(Corpus.PathOf(File), Port));
        IReadOnlyList<DecodedLayer> ours = PacketWalk.Walk(Assert.Single(Corpus.Packets(File)), new WalkPorts(Port));
        Assert.Equal("eth/ip4/udp0:65530/vxlan1193046/eth/ip4/tcp", PacketWalk.Stack(ours));
        List<Disagreement.Seen> seen = [];
        Assert.True(Compare(1, ours, theirs, seen) > 80);
        Assert.Empty(seen);
    }

    [Fact]
    public void Every_row_of_the_list_is_about_a_capture_of_the_corpus() =>
        Assert.All(Known, row => Assert.Contains(row.File, CorpusIndex.Rows.Select(r => r.File)));

    /// <summary>Compares one packet and says how many fields were compared.</summary>
    private static int Compare(int number, IReadOnlyList<DecodedLayer> ours, TsharkPacket theirs, List<Disagreement.Seen> seen)
    {
        // Layers that no view of this library takes end the comparison, on both sides.
        string[] mine = [.. ours.Select(layer => layer.Protocol).TakeWhile(NotFields.ContainsKey)];
        string[] yours = [.. Comparable(theirs.Protocols)];
        if (!mine.SequenceEqual(yours))
        {
            seen.Add(new(number, "layers", PacketWalk.Stack(ours), string.Join('/', theirs.Protocols)));
        }

        int compared = 0;
        Dictionary<string, int> occurrences = [];
        foreach (DecodedLayer layer in ours.TakeWhile(layer => NotFields.ContainsKey(layer.Protocol)))
        {
            int occurrence = occurrences[layer.Protocol] = occurrences.GetValueOrDefault(layer.Protocol) + 1;
            if (!theirs.Layers.TryGetValue(layer.Protocol, out IReadOnlyList<IReadOnlyDictionary<string, JsonElement>>? all) || all.Count < occurrence)
            {
                // Among the layers, above.
                continue;
            }

            IReadOnlyDictionary<string, JsonElement> fields = all[occurrence - 1];
            HashSet<string> read = [];
            foreach ((string name, object? value) in layer.Fields)
            {
                string key = FieldComparison.Key(layer.Protocol, name);
                read.Add(key);
                JsonElement? other = fields.TryGetValue(key, out JsonElement element) ? element : null;
                compared++;
                if (!FieldComparison.Equal(value, other))
                {
                    seen.Add(new(number, $"{layer.Protocol} {occurrence} {name}", FieldComparison.Text(value), FieldComparison.Text(other)));
                }
            }

            foreach ((string key, JsonElement value) in fields.Where(field => !read.Contains(field.Key) && !IsNoField(layer.Protocol, field.Key.Split('#')[0])))
            {
                seen.Add(new(number, $"{layer.Protocol} {occurrence} {key}", "not read", FieldComparison.Text(value)));
            }
        }

        return compared;
    }

    // What ICMP errors quote comes behind them in tshark's list; none of ours goes on there.
    private static IEnumerable<string> Comparable(IReadOnlyList<string> protocols)
    {
        foreach (string protocol in protocols.Where(name => name is not ("raw" or "ipv6.hopopts")))
        {
            if (!NotFields.ContainsKey(protocol))
            {
                yield break;
            }

            yield return protocol;
            if (protocol is "icmp" or "icmpv6")
            {
                yield break;
            }
        }
    }

    private static bool IsNoField(string protocol, string key) =>
        NotFields[protocol].Any(pattern => pattern.EndsWith('*') ? key.StartsWith(pattern.AsSpan(0, pattern.Length - 1), StringComparison.Ordinal) : key == pattern);
}
