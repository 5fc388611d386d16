namespace Overlay.Wire;

/// <summary>
/// The IPv6 destination options header that holds a tunnel encapsulation limit and nothing else, as value: build, compare, write
/// (RFC 2473 §4.1.1, §5.1). <see cref="IPv6OptionsPacket"/> reads it.
/// </summary>
/// <param name="NextHeader">What follows the header: the tunnelled packet.</param>
/// <param name="Limit">How many more tunnels the packet may enter; 0 for none. Linux's ip6tnl sends 4.</param>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Next Header  |Hdr Ext Len = 0| Opt Type = 4  |Opt Data Len=1 |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Tun Encap Lim |PadN Opt Type=1|Opt Data Len=1 |       0       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
public readonly record struct EncapsulationLimitHeader(IPProtocol NextHeader, byte Limit)
{
    /// <summary>Bytes on the wire, 8.</summary>
    public const int Length = IPv6OptionsPacket.MinimumHeaderLength;

    internal const int LimitOffsetInOption = 2;

    /// <summary>Writes the 8 bytes.</summary>
    /// <param name="destination">Takes 8 bytes.</param>
    /// <param name="bytesWritten">8, or 0.</param>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        ReadOnlySpan<byte> header =
        [
            (byte)NextHeader, 0, (byte)IPv6OptionType.TunnelEncapsulationLimit, 1,
            Limit, (byte)IPv6OptionType.PadN, 1, 0,
        ];
        bool fits = header.TryCopyTo(destination);
        bytesWritten = fits ? Length : 0;
        return fits;
    }
}
