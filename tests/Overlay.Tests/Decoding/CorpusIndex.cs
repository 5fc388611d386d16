using System.Globalization;

namespace Overlay.Tests.Decoding;

/// <summary>The table "Frame by frame" of the corpus's INDEX.md: what an independent walker saw. A copy, so that a changed INDEX.md is noticed.</summary>
internal static class CorpusIndex
{
    /// <summary>A capture, its packets, and its layers with counts.</summary>
    internal sealed record Row(string File, int Packets, string Stacks);

    /// <summary>As in INDEX.md, in its order.</summary>
    public static IReadOnlyList<Row> Rows { get; } =
    [
        new("arkime/ipv6-in-ipv4.pcap", 10, "eth/ip4/ip6/icmp6 x10"),
        new("gopacket/gopacket-vectors.pcap", 33, "eth/ip6/icmp6 x6; eth/llc x5; eth/ip4/udp x5; eth/mpls x3; eth/ip4/ah x2; +12 kinds"),
        new("libpcap/vxlan.pcap", 10, "eth/ip4/udp0:4789/vxlan100/eth/ip4/icmp x8; eth/ip4/udp0:4789/vxlan100/eth/arp x2"),
        new("ndpi/4in4tunnel.pcap", 5, "eth/vlan1624/vlan505/ip4/ip4/udp x5"),
        new("ndpi/4in6tunnel.pcap", 4, "eth/ip6/ip4/tcp x4"),
        new("ndpi/6in4tunnel.pcap", 127, "eth/ip4/ip6/tcp x75; eth/ip4/ip6/icmp6 x48; eth/ip4/ip6/udp x4"),
        new("ndpi/vxlan.pcap", 127, "eth/vlan5/ip4/udp:4789/vxlan1111/eth/ip4/tcp x119; eth/vlan5/ip4/udp:4789/vxlan1111/eth/ip4/udp x8"),
        new("packetnet/802.1ad_vlan_ipv4.pcap", 1, "eth/svlan/vlan100/ip4/p253 x1"),
        new("packetnet/gre_all_options.pcap", 10, "eth/ip4/gre(CKS)/ip4/icmp x10"),
        new("packetnet/gre_ipv6.pcap", 1, "eth/ip4/gre/ip6/udp x1"),
        new("packetnet/gre_nvgre.pcap", 1, "eth/ip4/gre(K)/eth/ip4/tcp x1"),
        new("packetnet/vxlan.pcap", 1, "eth/ip4/udp0:4789/vxlan1193046/eth/ip4/tcp x1"),
        new("packetnet/vxlan_custom_port.pcap", 1, "eth/ip4/udp0 x1"),
        new("tcpdump/802.1ad_QinQ.pcap", 2, "eth/svlan/vlan2001/arp x2"),
        new("tcpdump/LINKTYPE_RAW_ipv4.pcap", 1, "ip4/udp x1"),
        new("tcpdump/geneve-gcp.pcap", 1, "eth/ip4/udp0:6081/geneve0(opts=3)/ip4/tcp x1"),
        new("tcpdump/geneve.pcap", 39, "eth/ip4/udp0:6081/geneve11/eth/ip4/tcp x17; eth/ip4/udp0:6081/geneve10(opts=1)+C/eth/ip4/tcp x16; eth/ip4/udp0:6081/geneve10(opts=1)+C/eth/ip4/icmp x3; eth/ip4/udp0:6081/geneve11/eth/ip4/icmp x3"),
        new("tcpdump/gso-ipv4-geneve-ipv4.pcap", 1, "eth/ip4/udp0:6081/geneve5001/eth/ip4/tcp x1"),
        new("tcpdump/gso-ipv4-geneve-ipv6.pcap", 1, "eth/ip4/udp0:6081/geneve5001/eth/ip6/tcp x1"),
        new("tcpdump/gso-ipv4-vxlan-ipv4.pcap", 1, "eth/ip4/udp:4789/vxlan5001/eth/ip4/tcp x1"),
        new("tcpdump/gso-ipv4-vxlan-ipv6.pcap", 1, "eth/ip4/udp:4789/vxlan5001/eth/ip6/tcp x1"),
        new("tcpdump/gso-ipv4.pcap", 1, "eth/ip4/tcp x1"),
        new("tcpdump/gso-ipv6-geneve-ipv4.pcap", 1, "eth/ip6/udp:6081/geneve5001/eth/ip4/tcp x1"),
        new("tcpdump/gso-ipv6-geneve-ipv6.pcap", 1, "eth/ip6/udp:6081/geneve5001/eth/ip6/tcp x1"),
        new("tcpdump/gso-ipv6-vxlan-ipv4.pcap", 1, "eth/ip6/udp:4789/vxlan5001/eth/ip4/tcp x1"),
        new("tcpdump/gso-ipv6-vxlan-ipv6.pcap", 1, "eth/ip6/udp:4789/vxlan5001/eth/ip6/tcp x1"),
        new("tcpdump/gso-ipv6.pcap", 1, "eth/ip6/tcp x1"),
        new("tcpdump/nsh-over-vxlan-gpe.pcap", 1, "eth/ip4/udp:4790/vxlan16777215(rsv=0c000004/00)/nsh x1"),
        new("tcpdump/vxlan.pcap", 10, "eth/ip4/udp0:4789/vxlan100/eth/ip4/icmp x8; eth/ip4/udp0:4789/vxlan100/eth/arp x2"),
        new("tcpdump/vxlan_port_8472.pcap", 10, "eth/ip4/udp0:8472/vxlan100/eth/ip4/icmp x8; eth/ip4/udp0:8472/vxlan100/eth/arp x2"),
        new("zeek/4in4.pcap", 1, "eth/ip4/ip4/udp x1"),
        new("zeek/4in6.pcap", 1, "eth/ip6/ip4/tcp x1"),
        new("zeek/6in4.pcap", 1, "eth/ip4/ip6/udp x1"),
        new("zeek/6in6.pcap", 1, "eth/ip6/ip6/udp x1"),
        new("zeek/gre-sample.pcap", 40, "eth/ip4/gre/ip4/tcp x22; eth/ip4/gre/ip4/icmp x10; eth/ip4/gre/ip4/udp x8"),
        new("zeek/ping6-in-ipv4.pcap", 10, "eth/ip4/ip6/icmp6 x10"),
        new("zeek/vxlan-encapsulated-http.pcap", 12, "eth/ip4/udp:4789/vxlan1/eth/ip4/tcp x12"),
        new("zeek/vxlan-encapsulated-igmp-v2.pcap", 3, "eth/ip4/udp:4789/vxlan4242/eth/ip4+opt/igmp x3"),
    ];

    /// <summary>
    /// What INDEX.md leaves out as "+12 kinds" of gopacket's vectors. By tshark's layers (TsharkFieldTests hold every packet against them), in the notation of
    /// INDEX.md.
    /// </summary>
    public const string OtherKinds =
        "eth/ip4/udp0:4789/vxlan255/eth/ip4/icmp x1; eth/ip4/udp0:6081/geneve10/eth/ip4/icmp x1; eth/ip4/udp0:6081/geneve10(opts=1)+C/eth/ip4/icmp x1; " +
        "eth/ip4/gre/ip4/icmp x1; eth/ip4/gre/eth/ip4/icmp x1; eth/ip6+ext/icmp6 x1; eth/ip4/tcp x1; eth/ip4/icmp x1; eth/pppoe x1; eth/ip4/udp0 x1; " +
        "eth/ip4/esp x1; eth/vlan100/ip6/ip4/gre!Version x1";

    /// <summary>Where INDEX.md says less than tshark does: what tshark says. TsharkFieldTests hold it against tshark.</summary>
    public static IReadOnlyDictionary<string, string> Corrections { get; } = new Dictionary<string, string>
    {
        // The walker of INDEX.md stops at NSH; next protocol 1 is IPv4 (RFC 8300 §9.1.5).
        ["tcpdump/nsh-over-vxlan-gpe.pcap"] = "eth/ip4/udp:4790/vxlan16777215(rsv=0c000004/00)/nsh/ip4/udp x1",
    };

    /// <summary>Stacks and how often each occurs.</summary>
    /// <param name="stacks">Such as <c>eth/arp x2; eth/ip4/udp x1</c>.</param>
    public static Dictionary<string, int> Parse(string stacks) => stacks.Split("; ").ToDictionary(
        entry => entry[..entry.LastIndexOf(" x", StringComparison.Ordinal)],
        entry => int.Parse(entry.AsSpan(entry.LastIndexOf(" x", StringComparison.Ordinal) + 2), CultureInfo.InvariantCulture));
}
