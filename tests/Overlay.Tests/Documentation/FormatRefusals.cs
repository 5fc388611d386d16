using Overlay.Encapsulation;
using Overlay.Testing;

namespace Overlay.Tests.Documentation;

/// <summary>A row of a table "what is refused" in docs/formats.md, and a packet of which it is true.</summary>
internal sealed record FormatRefusal(string Section, string What, DropReason Reason, TunnelKind Kind, byte[] Packet, ushort Port = 0);

/// <summary>What <see cref="Decapsulator"/> refuses, by the sections of docs/formats.md and in their order.</summary>
internal static class FormatRefusals
{
    /// <summary>The section of what is the same in every tunnel.</summary>
    public const string Common = "What every tunnel refuses";

    private const ushort FouPort = 5555;

    private static readonly ValueIPAddress Local = FormatExamples.Local;
    private static readonly ValueIPAddress Remote = FormatExamples.Remote;
    private static readonly string Frame = Convert.ToHexString(FormatExamples.Frame);
    private static readonly string IPv4 = Convert.ToHexString(FormatExamples.PacketIPv4);
    private static readonly string IPv6 = Convert.ToHexString(FormatExamples.PacketIPv6);

    public static IReadOnlyList<FormatRefusal> All { get; } =
    [
        new(Common, "ends within its IP or UDP header", DropReason.Truncated, TunnelKind.Vxlan, PlainVxlan()[..19], 4789),
        new(Common, "begins with neither IPv4 nor IPv6", DropReason.BadVersion, TunnelKind.Vxlan, With(PlainVxlan(), 0, 0x55), 4789),
        new(Common, "is shorter than IP or UDP says, or a header length is impossible", DropReason.BadLength, TunnelKind.Vxlan, PlainVxlan()[..^1], 4789),
        new(Common, "the IPv4 header checksum is wrong", DropReason.BadChecksum, TunnelKind.Vxlan, With(PlainVxlan(), 8, 63), 4789),
        new(Common, "a UDP checksum is there and wrong", DropReason.BadChecksum, TunnelKind.Vxlan, With(PlainVxlan(), 70, 1), 4789),
        new(Common, "there is no UDP checksum over IPv6", DropReason.BadChecksum, TunnelKind.Vxlan, WithoutChecksumIPv6(), 4789),
        new(Common, "another protocol, or another UDP port", DropReason.NotTunnel, TunnelKind.Vxlan, PlainVxlan(), 4790),
        new(Common, "a fragment of an outer packet", DropReason.NotTunnel, TunnelKind.IPInIP, Fragment()),

        new("vxlan", "fewer than 8 bytes", DropReason.Truncated, TunnelKind.Vxlan, Udp(4789, "08000000" + "002A00"), 4789),
        new("vxlan", "the I flag is clear (§5)", DropReason.BadFlags, TunnelKind.Vxlan, Udp(4789, "00000000" + "00002A00" + Frame), 4789),
        new("vxlan", "less than an Ethernet header behind it", DropReason.InnerTruncated, TunnelKind.Vxlan, Udp(4789, "08000000" + "00002A00" + Frame[..26]), 4789),

        new("vxlan-gpe", "fewer than 8 bytes", DropReason.Truncated, TunnelKind.VxlanGpe, Udp(4790, "0C000001" + "002A00"), 4790),
        new("vxlan-gpe", "another version than 0", DropReason.HeaderVersion, TunnelKind.VxlanGpe, Udp(4790, "1C000001" + "00002A00" + IPv4), 4790),
        new("vxlan-gpe", "the I flag is clear (§3.1)", DropReason.BadFlags, TunnelKind.VxlanGpe, Udp(4790, "04000001" + "00002A00" + IPv4), 4790),
        new("vxlan-gpe", "the O flag is set", DropReason.ControlPacket, TunnelKind.VxlanGpe, Udp(4790, "0D000001" + "00002A00" + IPv4), 4790),
        new("vxlan-gpe", "next protocol NSH (4), MPLS (5) or unknown", DropReason.UnknownProtocol, TunnelKind.VxlanGpe, Udp(4790, "0C000004" + "00002A00" + IPv4), 4790),
        new("vxlan-gpe", "the inner version is not that of the next protocol", DropReason.BadVersion, TunnelKind.VxlanGpe, Udp(4790, "0C000001" + "00002A00" + IPv6), 4790),
        new("vxlan-gpe", "less than an Ethernet or IP header behind it", DropReason.InnerTruncated, TunnelKind.VxlanGpe, Udp(4790, "0C000001" + "00002A00" + IPv4[..38]), 4790),

        new("geneve", "fewer than 8 bytes, or than Opt Len says", DropReason.Truncated, TunnelKind.Geneve, Udp(6081, "3F006558" + "00000700" + Frame), 6081),
        new("geneve", "another version than 0 (§3.4)", DropReason.HeaderVersion, TunnelKind.Geneve, Udp(6081, "40006558" + "00000700" + Frame), 6081),
        new("geneve", "the options do not add up to Opt Len (§3.5)", DropReason.BadLength, TunnelKind.Geneve, Udp(6081, "01006558" + "00000700" + "01020101" + Frame), 6081),
        new("geneve", "the O bit is set (§3.4)", DropReason.ControlPacket, TunnelKind.Geneve, Udp(6081, "00806558" + "00000700" + Frame), 6081),
        new("geneve", "a critical option that is not known (§3.5), whatever the C bit says", DropReason.UnknownOption, TunnelKind.Geneve, Udp(6081, "02006558" + "00000700" + "01028001" + "00010002" + Frame), 6081),
        new("geneve", "a protocol type other than 0x6558, IPv4 and IPv6", DropReason.UnknownProtocol, TunnelKind.Geneve, Udp(6081, "00008847" + "00000700" + Frame), 6081),
        new("geneve", "the inner version is not that of the protocol type", DropReason.BadVersion, TunnelKind.Geneve, Udp(6081, "00000800" + "00000700" + IPv6), 6081),
        new("geneve", "less than an Ethernet or IP header behind it", DropReason.InnerTruncated, TunnelKind.Geneve, Udp(6081, "00006558" + "00000700" + Frame[..26]), 6081),

        new("gre", "ends within the header or its optional fields", DropReason.Truncated, TunnelKind.Gre, Gre("B0000800" + "00000000" + "00000007")),
        new("gre", "another version than 0 (RFC 2784 §2.3.1; PPTP has 1)", DropReason.HeaderVersion, TunnelKind.Gre, Gre("00010800" + IPv4)),
        new("gre", "one of bits 1, 4 and 5 is set (RFC 2784 §2.3: routing of RFC 1701)", DropReason.BadFlags, TunnelKind.Gre, Gre("40000800" + IPv4)),
        new("gre", "a checksum is there and wrong", DropReason.BadChecksum, TunnelKind.Gre, Gre("80000800" + "00010000" + IPv4)),
        new("gre", "a protocol type that is neither IP nor Ethernet (RFC 2784 §2.4)", DropReason.UnknownProtocol, TunnelKind.Gre, Gre("00008847" + IPv4)),
        new("gre", "Ethernet: it is a gretap's", DropReason.NotTunnel, TunnelKind.Gre, Gre("00006558" + Frame)),
        new("gre", "the inner version is not that of the protocol type", DropReason.BadVersion, TunnelKind.Gre, Gre("00000800" + IPv6)),
        new("gre", "less than an IP header behind it", DropReason.InnerTruncated, TunnelKind.Gre, Gre("00000800" + IPv4[..38])),

        new("gretap", "header, flags and checksum as of gre", DropReason.BadFlags, TunnelKind.Gretap, Gre("08006558" + Frame)),
        new("gretap", "IPv4 or IPv6: it is a gre's", DropReason.NotTunnel, TunnelKind.Gretap, Gre("00000800" + IPv4)),
        new("gretap", "less than an Ethernet header behind it", DropReason.InnerTruncated, TunnelKind.Gretap, Gre("00006558" + Frame[..26])),

        new("ipip", "the inner version is not that of the protocol, 4 or 41", DropReason.BadVersion, TunnelKind.IPInIP, PacketBuilder.IP(Remote, Local, IPProtocol.IPv4, FormatExamples.PacketIPv6)),
        new("ipip", "less than an IP header behind the outer one", DropReason.InnerTruncated, TunnelKind.IPInIP, PacketBuilder.IP(Remote, Local, IPProtocol.IPv4, FormatExamples.PacketIPv4.AsSpan(0, 19))),

        new("gue", "fewer than 4 bytes, or than Hlen says", DropReason.Truncated, TunnelKind.Gue, Udp(6080, "1F040000" + IPv4), 6080),
        new("gue", "variant 2 or 3, or variant 1 without an IP packet", DropReason.HeaderVersion, TunnelKind.Gue, Udp(6080, "80040000" + IPv4), 6080),
        new("gue", "a flag is set: no extension is known here (§5.4)", DropReason.BadFlags, TunnelKind.Gue, Udp(6080, "00040001" + IPv4), 6080),
        new("gue", "the C bit is set (§3.1)", DropReason.ControlPacket, TunnelKind.Gue, Udp(6080, "20000000" + IPv4), 6080),
        new("gue", "a protocol other than 4 and 41", DropReason.UnknownProtocol, TunnelKind.Gue, Udp(6080, "002F0000" + IPv4), 6080),
        new("gue", "the inner version is not that of the protocol", DropReason.BadVersion, TunnelKind.Gue, Udp(6080, "00040000" + IPv6), 6080),
        new("gue", "less than an IP header behind it", DropReason.InnerTruncated, TunnelKind.Gue, Udp(6080, "00040000" + IPv4[..38]), 6080),

        new("fou", "nothing behind UDP", DropReason.Truncated, TunnelKind.Fou, Udp(FouPort, ""), FouPort),
        new("fou", "the first four bits are neither 4 nor 6", DropReason.NotIP, TunnelKind.Fou, Udp(FouPort, "00" + IPv4), FouPort),
        new("fou", "less than an IP header behind UDP", DropReason.InnerTruncated, TunnelKind.Fou, Udp(FouPort, IPv4[..38]), FouPort),

        new("udp", "nothing behind UDP", DropReason.Truncated, TunnelKind.IPInUdp, Udp(8285, ""), 8285),
        new("udp", "the first four bits are neither 4 nor 6", DropReason.NotIP, TunnelKind.IPInUdp, Udp(8285, "00" + IPv4), 8285),
        new("udp", "less than an IP header behind UDP", DropReason.InnerTruncated, TunnelKind.IPInUdp, Udp(8285, IPv4[..38]), 8285),
    ];

    private static byte[] PlainVxlan() => Udp(4789, "08000000" + "00002A00" + Frame);

    private static byte[] Udp(ushort port, string payload) => PacketBuilder.Udp(Remote, Local, 50_000, port, Convert.FromHexString(payload));

    private static byte[] Gre(string payload) => PacketBuilder.IP(Remote, Local, IPProtocol.Gre, Convert.FromHexString(payload));

    private static byte[] With(byte[] packet, int at, byte value)
    {
        packet[at] = value;
        return packet;
    }

    private static byte[] WithoutChecksumIPv6()
    {
        byte[] packet = PacketBuilder.Udp(
            FormatExamples.RemoteIPv6, FormatExamples.LocalIPv6, 50_000, 4789, Convert.FromHexString("08000000" + "00002A00" + Frame));
        return With(With(packet, 46, 0), 47, 0);
    }

    // The bit for more fragments, and the header checksum anew.
    private static byte[] Fragment()
    {
        byte[] packet = PacketBuilder.IP(Remote, Local, IPProtocol.IPv4, FormatExamples.PacketIPv4);
        packet[6] = 0x20;
        packet[10] = packet[11] = 0;
        ushort checksum = PacketBuilder.Checksum(packet.AsSpan(0, 20), 0);
        return With(With(packet, 10, (byte)(checksum >> 8)), 11, (byte)checksum);
    }
}
