using System.Globalization;
using System.Net.Sockets;
using Overlay.Encapsulation;

namespace Overlay.Tests.Documentation;

/// <summary>A row of the table of overheads in docs/formats.md, out of the arithmetic of the library.</summary>
/// <param name="What">The first cell.</param>
/// <param name="Kind">The encapsulation.</param>
/// <param name="Tags">VLAN tags of inner frames.</param>
/// <param name="Options">Bytes of options or optional fields.</param>
/// <param name="InnerIP">Whether the device carries IP where the kind can carry both.</param>
/// <param name="OverIPv4">Whether it exists over IPv4.</param>
internal sealed record FormatOverhead(string What, TunnelKind Kind, int Tags = 0, int Options = 0, bool InnerIP = false, bool OverIPv4 = true)
{
    private const string None = "–";
    private const int LinkMtu = 1500;

    /// <summary>The rows in the document's order.</summary>
    public static IReadOnlyList<FormatOverhead> All { get; } =
    [
        new("vxlan, with or without a group policy", TunnelKind.Vxlan),
        new("vxlan, frames with one VLAN tag", TunnelKind.Vxlan, Tags: 1),
        new("vxlan-gpe on tap", TunnelKind.VxlanGpe),
        new("vxlan-gpe on tun", TunnelKind.VxlanGpe, InnerIP: true),
        new("geneve on tap", TunnelKind.Geneve),
        new("geneve on tap, 8 bytes of options", TunnelKind.Geneve, Options: 8),
        new("geneve on tap, 12 bytes of options", TunnelKind.Geneve, Options: 12),
        new("geneve on tun", TunnelKind.Geneve, InnerIP: true),
        new("gre", TunnelKind.Gre),
        new("gre with a key", TunnelKind.Gre, Options: 4),
        new("gre with key, checksum and sequence number", TunnelKind.Gre, Options: 12),
        new("gretap", TunnelKind.Gretap),
        new("gretap with a key, and nvgre", TunnelKind.Gretap, Options: 4),
        new("ipip: 4in4 and 6in4, 4in6 and 6in6", TunnelKind.IPInIP),
        new("ipip: 4in6 and 6in6 with an encapsulation limit", TunnelKind.IPInIP, Options: 8, OverIPv4: false),
        new("gue", TunnelKind.Gue),
        new("fou", TunnelKind.Fou),
        new("udp", TunnelKind.IPInUdp),
    ];

    /// <summary>Bytes over IPv4.</summary>
    public string IPv4 => OverIPv4 ? Text(TunnelMtu.Overhead(Kind, AddressFamily.InterNetwork, Tags, Options, InnerIP)) : None;

    /// <summary>Bytes over IPv6.</summary>
    public string IPv6 => Text(TunnelMtu.Overhead(Kind, AddressFamily.InterNetworkV6, Tags, Options, InnerIP));

    /// <summary>The other cells: both overheads, and the MTU of the device.</summary>
    public string Numbers
    {
        get
        {
            string device4 = OverIPv4 ? Text(TunnelMtu.InnerMtu(LinkMtu, Kind, AddressFamily.InterNetwork, Tags, Options, InnerIP)) : None;
            string device6 = Text(TunnelMtu.InnerMtu(LinkMtu, Kind, AddressFamily.InterNetworkV6, Tags, Options, InnerIP));
            return $"{IPv4} | {IPv6} | {device4} / {device6}";
        }
    }

    /// <summary>The row as it stands in the document, without the outer bars.</summary>
    public override string ToString() => $"{What} | {Numbers}";

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
