using System.Net.Sockets;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// One layer around a packet, for the arithmetic of MTUs: a tunnel, WireGuard, ESP, or what a link takes off its own MTU. Layers stacked are a
/// <see cref="TunnelStack"/>.
/// </summary>
/// <remarks>
/// A layer that pads makes packets of several lengths equally long, so the largest packet that fits is no subtraction:
/// <code>
/// outer = headers + align(inner + offset, block)          inner = align down(outer - headers, block) - offset
/// </code>
/// The offset is what is padded along with the packet (the two bytes of ESP's trailer) less what is not padded (the IP header in transport mode).
/// </remarks>
public sealed class TunnelLayer
{
    // A message of data: type, receiver, counter; behind the packet the Poly1305 tag (WireGuard whitepaper §5.4.6).
    private const int WireGuardHeaderLength = 16;
    private const int WireGuardTagLength = 16;
    private const int WireGuardBlock = 16;

    // RFC 4303 §2: SPI and sequence number in front; pad length and next header behind.
    private const int EspHeaderLength = 8;
    private const int EspTrailerLength = 2;

    // RFC 3032 §2.1.
    private const int MplsLabelLength = 4;

    // RFC 2516 §4 with the protocol field of PPP.
    private const int PppoeLength = 8;

    private readonly int _headers;
    private readonly int _offset;
    private readonly int _block;

    private TunnelLayer(string name, IReadOnlyList<TunnelPart> parts, int offset = 0, int block = 1, AddressFamily? underlay = null)
    {
        Name = name;
        Parts = parts;
        Underlay = underlay;
        MinOverhead = parts.Sum(part => part.Length);
        _headers = MinOverhead - offset;
        _offset = offset;
        _block = block;
    }

    /// <summary>A tag of 802.1Q on a link that counts it in its MTU. Most do not: the frame may be 4 bytes longer (IEEE 802.3as).</summary>
    public static TunnelLayer VlanTag { get; } = new("vlan", [new("802.1Q", Wire.VlanTag.Length)]);

    /// <summary>A label of MPLS.</summary>
    public static TunnelLayer MplsLabel { get; } = new("mpls", [new("MPLS label", MplsLabelLength)]);

    /// <summary>PPP over Ethernet: what makes 1492 of 1500 (RFC 2516 §7).</summary>
    public static TunnelLayer Pppoe { get; } = new("pppoe", [new("PPPoE", PppoeLength)]);

    /// <summary>The word for it.</summary>
    public string Name { get; }

    /// <summary>The family of the addresses that it writes; null where it writes none.</summary>
    public AddressFamily? Underlay { get; }

    /// <summary>What it writes, from outside to inside, without padding.</summary>
    public IReadOnlyList<TunnelPart> Parts { get; }

    /// <summary>The bytes that it adds to a packet that needs no padding.</summary>
    public int MinOverhead { get; }

    /// <summary>The bytes that it adds to a packet that needs most padding.</summary>
    public int MaxOverhead => MinOverhead + _block - 1;

    /// <summary>A tunnel of a kind that this library speaks. The parameters are those of <see cref="TunnelMtu.Overhead"/>, and so is the result.</summary>
    /// <param name="kind">The encapsulation.</param>
    /// <param name="outer">The family of the outer addresses.</param>
    /// <param name="innerVlanTags">How many VLAN tags inner frames carry at most.</param>
    /// <param name="optionLength">Bytes of options and optional fields.</param>
    /// <param name="innerIP">Whether the tunnel's device carries IP packets.</param>
    /// <exception cref="ArgumentOutOfRangeException">As for <see cref="TunnelMtu.Overhead"/>.</exception>
    public static TunnelLayer Tunnel(TunnelKind kind, AddressFamily outer, int innerVlanTags = 0, int optionLength = 0, bool innerIP = false)
    {
        TunnelMtu.Lengths lengths = TunnelMtu.LengthsOf(kind, outer, innerVlanTags, optionLength, innerIP);
        string name = TunnelFacts.Of(kind).Name;
        return new TunnelLayer(
            name, Written(IP(outer), new("UDP", lengths.Udp), new(name, lengths.Header), new("options", lengths.Options), new("Ethernet", lengths.Ethernet), new("802.1Q", lengths.VlanTags)),
            underlay: outer);
    }

    /// <summary>WireGuard.</summary>
    /// <param name="outer">The family of the outer addresses.</param>
    /// <param name="isPadded">
    /// Whether every packet is padded to a multiple of 16. It is, but not beyond the MTU of WireGuard's own device (whitepaper §5.4.6): where that MTU is
    /// what bounds the packets, they grow by 60 or 80 bytes only; where it is larger, as when routes or another device bound them, by up to 75 or 95.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">Neither IPv4 nor IPv6.</exception>
    public static TunnelLayer WireGuard(AddressFamily outer, bool isPadded) => new(
        isPadded ? "wireguard-padded" : "wireguard",
        Written(IP(outer), new("UDP", UdpPacket.HeaderLength), new("WireGuard", WireGuardHeaderLength), new("tag", WireGuardTagLength)),
        block: isPadded ? WireGuardBlock : 1,
        underlay: outer);

    /// <summary>ESP in tunnel mode (RFC 4303 §3.1.2).</summary>
    /// <param name="transform">The algorithms.</param>
    /// <param name="outer">The family of the outer addresses.</param>
    /// <param name="inUdp">Whether UDP carries it, for the sake of NAT (RFC 3948).</param>
    /// <exception cref="ArgumentOutOfRangeException">Another transform or family.</exception>
    public static TunnelLayer Esp(EspTransform transform, AddressFamily outer, bool inUdp = false) => Esp(transform, outer, inUdp, isTunnel: true);

    /// <summary>ESP in transport mode (RFC 4303 §3.1.1): it writes no addresses, and does not pad the IP header of the packet.</summary>
    /// <param name="transform">The algorithms.</param>
    /// <param name="packet">The family of the packets that it protects: of a tunnel's, the outer one.</param>
    /// <param name="inUdp">Whether UDP carries it, for the sake of NAT (RFC 3948).</param>
    /// <exception cref="ArgumentOutOfRangeException">Another transform or family.</exception>
    public static TunnelLayer EspTransport(EspTransform transform, AddressFamily packet, bool inUdp = false) => Esp(transform, packet, inUdp, isTunnel: false);

    /// <summary>Anything that takes a fixed number of bytes, such as the encapsulation of a provider's network.</summary>
    /// <param name="name">The word for it.</param>
    /// <param name="length">Its bytes, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or above <see cref="TunnelMtu.Maximum"/>.</exception>
    public static TunnelLayer Bytes(string name, int length)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, TunnelMtu.Maximum);
        return new TunnelLayer(name, [new(name, length)]);
    }

    /// <summary>The length that a packet has with this layer around it.</summary>
    /// <param name="innerLength">The packet in bytes, at least <see cref="TunnelMtu.Minimum"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The packet is shorter, or no IP packet is so long.</exception>
    public int OuterLength(int innerLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(innerLength, TunnelMtu.Minimum);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(innerLength, TunnelMtu.Maximum);
        int padded = innerLength + _offset + _block - 1;
        return _headers + padded - (padded % _block);
    }

    /// <summary>The longest packet that has at most a given length with this layer around it.</summary>
    /// <param name="outerLength">The length in bytes; what exceeds <see cref="TunnelMtu.Maximum"/> is of no use.</param>
    /// <exception cref="ArgumentOutOfRangeException">Less than <see cref="TunnelMtu.Minimum"/> bytes are left.</exception>
    public int InnerLength(int outerLength)
    {
        int padded = Math.Clamp(outerLength, 0, TunnelMtu.Maximum) - _headers;
        int inner = padded < 0 ? 0 : padded - (padded % _block) - _offset;
        return inner >= TunnelMtu.Minimum
            ? inner
            : throw new ArgumentOutOfRangeException(nameof(outerLength), outerLength, $"{Name} leaves less than {TunnelMtu.Minimum} bytes for a packet.");
    }

    /// <inheritdoc/>
    public override string ToString() => Underlay switch
    {
        AddressFamily.InterNetwork => $"{Name}/ipv4",
        AddressFamily.InterNetworkV6 => $"{Name}/ipv6",
        _ => Name,
    };

    private static TunnelLayer Esp(EspTransform transform, AddressFamily family, bool inUdp, bool isTunnel)
    {
        (string name, int iv, int block, int tag) = transform switch
        {
            EspTransform.AesGcm16 => ("esp-gcm", 8, 4, 16),
            EspTransform.AesCbcSha256 => ("esp-cbc", 16, 16, 16),
            _ => throw new ArgumentOutOfRangeException(nameof(transform), transform, "Not a transform."),
        };
        TunnelPart ip = IP(family);
        return new TunnelLayer(
            (isTunnel ? name : $"{name}-transport") + (inUdp ? "-udp" : ""),
            Written(
                isTunnel ? ip : default, new("UDP", inUdp ? UdpPacket.HeaderLength : 0), new("ESP", EspHeaderLength), new("IV", iv), new("trailer", EspTrailerLength), new("tag", tag)),
            EspTrailerLength - (isTunnel ? 0 : ip.Length),
            block,
            isTunnel ? family : null);
    }

    private static TunnelPart IP(AddressFamily family) => family switch
    {
        AddressFamily.InterNetwork => new TunnelPart("IPv4", IPv4Packet.MinimumHeaderLength),
        AddressFamily.InterNetworkV6 => new TunnelPart("IPv6", IPv6Packet.HeaderLength),
        _ => throw new ArgumentOutOfRangeException(nameof(family), family, "Tunnels run over IPv4 or IPv6."),
    };

    private static TunnelPart[] Written(params ReadOnlySpan<TunnelPart> parts)
    {
        List<TunnelPart> written = [];
        foreach (TunnelPart part in parts)
        {
            if (part.Length > 0)
            {
                written.Add(part);
            }
        }

        return [.. written];
    }
}
