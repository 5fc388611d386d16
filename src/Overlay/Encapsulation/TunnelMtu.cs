using System.Net.Sockets;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// The arithmetic between the MTU of a link and the MTU of the tunnel device over it. Both are what operating systems call MTU: the largest IP
/// packet in bytes, without the Ethernet header in front of it.
/// </summary>
/// <remarks>
/// <code>
/// kind                       outer IPv4                       outer IPv6
/// VXLAN, VXLAN-GPE, Geneve   50 = 20 + 8 UDP + 8 + 14         70 = 40 + 8 UDP + 8 + 14
/// VXLAN-GPE, Geneve with IP  36 = 20 + 8 UDP + 8              56 = 40 + 8 UDP + 8
/// GRE                        24 = 20 + 4                      44 = 40 + 4
/// GRE with Ethernet          38 = 20 + 4 + 14                 58 = 40 + 4 + 14
/// GUE                        32 = 20 + 8 UDP + 4              52 = 40 + 8 UDP + 4
/// FOU, IP in UDP             28 = 20 + 8 UDP                  48 = 40 + 8 UDP
/// IP in IP                   20 (4in4, 6in4)                  40 (4in6, 6in6)
/// each inner VLAN tag        +4 (where there is an inner Ethernet header)
/// options                    + their bytes (Geneve, GRE)
/// </code>
/// The 14 bytes are the inner Ethernet header: it travels in the link's IP packet, but the device's MTU does not count it. So a layer-3
/// VXLAN tunnel loses as much as a layer-2 one. What an encapsulator writes in front of a frame is 14 bytes less, 36 or 56.
/// </remarks>
public static class TunnelMtu
{
    /// <summary>The smallest MTU that IPv4 allows (RFC 791 §3.2).</summary>
    public const int Minimum = 68;

    /// <summary>The smallest MTU that IPv6 allows (RFC 8200 §5).</summary>
    public const int MinimumIPv6 = 1280;

    /// <summary>The largest packet that either family can express without extension (RFC 791 §3.1, RFC 8200 §4.5).</summary>
    public const int Maximum = 65_535;

    /// <summary>The most bytes that options may take: 63 words of Geneve (RFC 8926 §3.4).</summary>
    public const int MaxOptionLength = 252;

    /// <summary>By how many bytes the device's MTU is smaller than the link's.</summary>
    /// <param name="kind">The encapsulation.</param>
    /// <param name="outer">
    /// The family of the outer addresses: <see cref="AddressFamily.InterNetwork"/> or <see cref="AddressFamily.InterNetworkV6"/>.
    /// </param>
    /// <param name="innerVlanTags">How many VLAN tags inner frames carry at most: 0 to 2. A tunnel without inner Ethernet has none.</param>
    /// <param name="optionLength">
    /// Bytes of options and optional fields: 0 to <see cref="MaxOptions"/>, in words of 4. The MTU of a Geneve tunnel is to assume all that it may
    /// send (RFC 8926 §4.4.1); over IPv6 the encapsulation limit of IP in IP takes 8 (RFC 2473 §4.1.1).
    /// </param>
    /// <param name="innerIP">
    /// Whether the tunnel's device carries IP packets. It makes a difference to kinds that can carry both and need no Ethernet for it: VXLAN-GPE and
    /// Geneve.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">Another kind, family, number of tags or length of options.</exception>
    public static int Overhead(TunnelKind kind, AddressFamily outer, int innerVlanTags = 0, int optionLength = 0, bool innerIP = false)
    {
        Lengths lengths = LengthsOf(kind, outer, innerVlanTags, optionLength, innerIP);
        return lengths.IP + lengths.Udp + lengths.Header + lengths.Options + lengths.Ethernet + lengths.VlanTags;
    }

    /// <summary>The most bytes that options and optional fields of a kind may take; 0 for a kind that has none.</summary>
    /// <param name="kind">The encapsulation.</param>
    /// <param name="outer">The family of the outer addresses.</param>
    /// <exception cref="ArgumentOutOfRangeException">Another kind.</exception>
    public static int MaxOptions(TunnelKind kind, AddressFamily outer) => TunnelFacts.Of(kind).Kind switch
    {
        TunnelKind.Geneve => MaxOptionLength,
        TunnelKind.Gre or TunnelKind.Gretap => GrePacket.MaximumHeaderLength - GrePacket.MinimumHeaderLength,
        TunnelKind.Gue => GuePacket.MaximumHeaderLength - GuePacket.MinimumHeaderLength,
        TunnelKind.IPInIP when outer == AddressFamily.InterNetworkV6 => IPInIPEncapsulator.EncapsulationLimitLength,
        _ => 0,
    };

    /// <summary>The MTU of the tunnel device over a link.</summary>
    /// <param name="linkMtu">
    /// The link's MTU in bytes; of one above <see cref="Maximum"/>, which a loopback device may have, only that much is of use.
    /// </param>
    /// <param name="kind">The encapsulation.</param>
    /// <param name="outer">The family of the outer addresses.</param>
    /// <param name="innerVlanTags">How many VLAN tags inner frames carry at most.</param>
    /// <param name="optionLength">Bytes of options and optional fields.</param>
    /// <param name="innerIP">Whether the tunnel's device carries IP packets.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The link's MTU leaves less than <see cref="Minimum"/>; or as for <see cref="Overhead"/>.
    /// </exception>
    public static int InnerMtu(
        int linkMtu, TunnelKind kind, AddressFamily outer, int innerVlanTags = 0, int optionLength = 0, bool innerIP = false)
    {
        int overhead = Overhead(kind, outer, innerVlanTags, optionLength, innerIP);
        ArgumentOutOfRangeException.ThrowIfLessThan(linkMtu, Minimum + overhead);
        return Math.Min(linkMtu, Maximum) - overhead;
    }

    /// <summary>The MTU that a link must have for a tunnel device's MTU.</summary>
    /// <param name="innerMtu">The device's MTU in bytes.</param>
    /// <param name="kind">The encapsulation.</param>
    /// <param name="outer">The family of the outer addresses.</param>
    /// <param name="innerVlanTags">How many VLAN tags inner frames carry at most.</param>
    /// <param name="optionLength">Bytes of options and optional fields.</param>
    /// <param name="innerIP">Whether the tunnel's device carries IP packets.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The device's MTU is below <see cref="Minimum"/>, or no outer packet could hold such a packet; or as for <see cref="Overhead"/>.
    /// </exception>
    public static int LinkMtu(
        int innerMtu, TunnelKind kind, AddressFamily outer, int innerVlanTags = 0, int optionLength = 0, bool innerIP = false)
    {
        int overhead = Overhead(kind, outer, innerVlanTags, optionLength, innerIP);
        ArgumentOutOfRangeException.ThrowIfLessThan(innerMtu, Minimum);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(innerMtu, Maximum - overhead);
        return innerMtu + overhead;
    }

    /// <summary>The largest segment that TCP may announce so that no packet exceeds an MTU (RFC 6691 §2, RFC 8200 §8.3): options are part of the segment.</summary>
    /// <param name="mtu">The MTU in bytes: that of the device, or of the path.</param>
    /// <param name="inner">The family of the connection.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// Neither IPv4 nor IPv6; or less than the family requires of a link: <see cref="Minimum"/>, <see cref="MinimumIPv6"/>.
    /// </exception>
    public static int TcpMss(int mtu, AddressFamily inner)
    {
        (int minimum, int header) = inner switch
        {
            AddressFamily.InterNetwork => (Minimum, IPv4Packet.MinimumHeaderLength),
            AddressFamily.InterNetworkV6 => (MinimumIPv6, IPv6Packet.HeaderLength),
            _ => throw new ArgumentOutOfRangeException(nameof(inner), inner, "TCP runs over IPv4 or IPv6."),
        };
        ArgumentOutOfRangeException.ThrowIfLessThan(mtu, minimum);
        return Math.Min(mtu, Maximum) - header - TcpPacket.MinimumHeaderLength;
    }

    internal static Lengths LengthsOf(TunnelKind kind, AddressFamily outer, int innerVlanTags, int optionLength, bool innerIP)
    {
        TunnelFacts facts = TunnelFacts.Of(kind);
        if (outer is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6))
        {
            throw new ArgumentOutOfRangeException(nameof(outer), outer, "Tunnels run over IPv4 or IPv6.");
        }

        bool hasEthernet = facts.HasInnerEthernet(facts.CarriesEthernet && !innerIP);
        ArgumentOutOfRangeException.ThrowIfNegative(innerVlanTags);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(innerVlanTags, hasEthernet ? 2 : 0);
        ArgumentOutOfRangeException.ThrowIfNegative(optionLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(optionLength, MaxOptions(kind, outer));
        ArgumentOutOfRangeException.ThrowIfNotEqual(optionLength % sizeof(uint), 0, nameof(optionLength));
        return new Lengths(
            outer == AddressFamily.InterNetwork ? IPv4Packet.MinimumHeaderLength : IPv6Packet.HeaderLength,
            facts.IsOverUdp ? UdpPacket.HeaderLength : 0,
            facts.HeaderLength,
            optionLength,
            hasEthernet ? EthernetFrame.MinimumHeaderLength : 0,
            innerVlanTags * VlanTag.Length);
    }

    /// <summary>Where the bytes of a tunnel go.</summary>
    internal readonly record struct Lengths(int IP, int Udp, int Header, int Options, int Ethernet, int VlanTags);
}
