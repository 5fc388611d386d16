using System.Net.Sockets;

namespace Overlay.Encapsulation;

/// <summary>
/// The arithmetic between the MTU of a link and the MTU of the tunnel device over it. Both are what operating systems call MTU: the largest IP
/// packet in bytes, without the Ethernet header in front of it.
/// </summary>
/// <remarks>
/// <code>
/// kind                outer IPv4                          outer IPv6
/// VXLAN               50 = 20 + 8 UDP + 8 VXLAN + 14      70 = 40 + 8 UDP + 8 VXLAN + 14
/// IP in IP            20 (4in4, 6in4)                     40 (4in6, 6in6)
/// each inner VLAN tag +4 (VXLAN only)
/// </code>
/// The 14 bytes of VXLAN are the inner Ethernet header: it travels in the link's IP packet, but the device's MTU does not count it. So a layer-3
/// VXLAN tunnel loses as much as a layer-2 one. What an encapsulator writes in front of a frame is 14 bytes less, 36 or 56.
/// </remarks>
public static class TunnelMtu
{
    /// <summary>The smallest MTU that IPv4 allows (RFC 791 §3.2).</summary>
    public const int Minimum = 68;

    /// <summary>The largest packet that either family can express without extension (RFC 791 §3.1, RFC 8200 §4.5).</summary>
    public const int Maximum = 65_535;

    private const int VxlanOverIPv4 = 50;
    private const int VxlanOverIPv6 = 70;
    private const int IPOverIPv4 = 20;
    private const int IPOverIPv6 = 40;
    private const int VlanTagLength = 4;

    /// <summary>By how many bytes the device's MTU is smaller than the link's.</summary>
    /// <param name="kind">The encapsulation.</param>
    /// <param name="outer">
    /// The family of the outer addresses: <see cref="AddressFamily.InterNetwork"/> or <see cref="AddressFamily.InterNetworkV6"/>.
    /// </param>
    /// <param name="innerVlanTags">How many VLAN tags inner frames carry at most: 0 to 2. IP in IP has no frames, and none.</param>
    /// <exception cref="ArgumentOutOfRangeException">Another kind, family or number of tags.</exception>
    public static int Overhead(TunnelKind kind, AddressFamily outer, int innerVlanTags = 0)
    {
        if (outer is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6))
        {
            throw new ArgumentOutOfRangeException(nameof(outer), outer, "Tunnels run over IPv4 or IPv6.");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(innerVlanTags);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(innerVlanTags, kind == TunnelKind.Vxlan ? 2 : 0);
        bool overIPv4 = outer == AddressFamily.InterNetwork;
        return kind switch
        {
            TunnelKind.Vxlan => (overIPv4 ? VxlanOverIPv4 : VxlanOverIPv6) + (innerVlanTags * VlanTagLength),
            TunnelKind.IPInIP => overIPv4 ? IPOverIPv4 : IPOverIPv6,
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a kind of tunnel."),
        };
    }

    /// <summary>The MTU of the tunnel device over a link.</summary>
    /// <param name="linkMtu">
    /// The link's MTU in bytes; of one above <see cref="Maximum"/>, which a loopback device may have, only that much is of use.
    /// </param>
    /// <param name="kind">The encapsulation.</param>
    /// <param name="outer">The family of the outer addresses.</param>
    /// <param name="innerVlanTags">How many VLAN tags inner frames carry at most.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The link's MTU leaves less than <see cref="Minimum"/>; or as for <see cref="Overhead"/>.
    /// </exception>
    public static int InnerMtu(int linkMtu, TunnelKind kind, AddressFamily outer, int innerVlanTags = 0)
    {
        int overhead = Overhead(kind, outer, innerVlanTags);
        ArgumentOutOfRangeException.ThrowIfLessThan(linkMtu, Minimum + overhead);
        return Math.Min(linkMtu, Maximum) - overhead;
    }

    /// <summary>The MTU that a link must have for a tunnel device's MTU.</summary>
    /// <param name="innerMtu">The device's MTU in bytes.</param>
    /// <param name="kind">The encapsulation.</param>
    /// <param name="outer">The family of the outer addresses.</param>
    /// <param name="innerVlanTags">How many VLAN tags inner frames carry at most.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The device's MTU is below <see cref="Minimum"/>, or no outer packet could hold such a packet; or as for <see cref="Overhead"/>.
    /// </exception>
    public static int LinkMtu(int innerMtu, TunnelKind kind, AddressFamily outer, int innerVlanTags = 0)
    {
        int overhead = Overhead(kind, outer, innerVlanTags);
        ArgumentOutOfRangeException.ThrowIfLessThan(innerMtu, Minimum);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(innerMtu, Maximum - overhead);
        return innerMtu + overhead;
    }
}
