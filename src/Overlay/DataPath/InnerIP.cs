using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// What the data path asks of an inner IP header, of either family. A view, as those of the wire: most packets are asked for two or three of
/// these, so each is read when it is asked for.
/// </summary>
internal readonly ref struct InnerIP
{
    /// <summary>DF in the first byte of flags and fragment offset.</summary>
    public const byte DontFragmentFlag = 1 << (IPv4Packet.FlagsShift + 1 - 8);

    private const int CompatiblePrefixLength = 96;

    private readonly ref readonly byte _start;
    private readonly bool _isIPv4;

    private InnerIP(ReadOnlySpan<byte> packet, bool isIPv4, int length)
    {
        _start = ref MemoryMarshal.GetReference(packet);
        _isIPv4 = isIPv4;
        Length = length;
    }

    /// <summary>Whether there is an IP header: the default value stands for a packet of something else, and must be asked for nothing more.</summary>
    public bool IsPresent => Length != 0;

    /// <summary>Whether the header is IPv4.</summary>
    public bool IsIPv4 => _isIPv4;

    /// <summary>Bytes of header and payload, as the header said when it was checked.</summary>
    public int Length { get; }

    public ValueIPAddress Source => _isIPv4
        ? ValueIPAddress.ReadIPv4(HeaderIPv4[IPv4Packet.SourceOffset..])
        : ValueIPAddress.ReadIPv6(HeaderIPv6[IPv6Packet.SourceOffset..]);

    public ValueIPAddress Destination => _isIPv4
        ? ValueIPAddress.ReadIPv4(HeaderIPv4[IPv4Packet.DestinationOffset..])
        : ValueIPAddress.ReadIPv6(HeaderIPv6[IPv6Packet.DestinationOffset..]);

    public byte TrafficClass => _isIPv4
        ? HeaderIPv4[IPv4Packet.TrafficClassOffset]
        : (byte)(BinaryPrimitives.ReadUInt16BigEndian(HeaderIPv6) >> (IPv6Packet.TrafficClassShift - 16));

    public byte Ttl => _isIPv4 ? HeaderIPv4[IPv4Packet.TimeToLiveOffset] : HeaderIPv6[IPv6Packet.HopLimitOffset];

    /// <summary>The byte of an IPv4 header that begins with the flags.</summary>
    public byte Flags => HeaderIPv4[IPv4Packet.FragmentOffsetOffset];

    /// <summary>Whether an IPv6 header carries an IPv4-mapped address, which the tables could not tell from IPv4.</summary>
    public bool HasMappedAddress => !_isIPv4 && (Source.IsIPv4 || Destination.IsIPv4);

    /// <summary>Whether an IPv6 header comes from a multicast, loopback or IPv4-compatible address, which no packet on a link may (RFC 4213 §3.6).</summary>
    /// <remarks>::/96 holds the loopback address and those compatible with IPv4; the unspecified address is what duplicate address detection sends from.</remarks>
    public bool HasInvalidSource =>
        !_isIPv4 && !Source.IsIPv4 && (Source.IsMulticast || (Source.Mask(CompatiblePrefixLength).IsUnspecified && !Source.IsUnspecified));

    private ReadOnlySpan<byte> HeaderIPv4 => MemoryMarshal.CreateReadOnlySpan(in _start, IPv4Packet.MinimumHeaderLength);

    private ReadOnlySpan<byte> HeaderIPv6 => MemoryMarshal.CreateReadOnlySpan(in _start, IPv6Packet.HeaderLength);

    /// <summary>Reads the header at the front of <paramref name="packet"/>; the version nibble says which.</summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, out InnerIP ip, out WireError error)
    {
        switch (packet.IsEmpty ? 0 : packet[0] >> 4)
        {
            case 4:
                if (!IPv4Packet.TryParse(packet, out IPv4Packet packet4, out error))
                {
                    break;
                }

                ip = new InnerIP(packet, true, packet4.Bytes.Length);
                return true;
            case 6:
                if (!IPv6Packet.TryParse(packet, out IPv6Packet packet6, out error))
                {
                    break;
                }

                ip = new InnerIP(packet, false, packet6.Bytes.Length);
                return true;
            default:
                error = packet.IsEmpty ? WireError.Truncated : WireError.Version;
                break;
        }

        ip = default;
        return false;
    }

    /// <summary>The drop reason for an inner packet that could not be read.</summary>
    public static DropReason ToDropReason(WireError error) => error switch
    {
        WireError.Truncated or WireError.TotalLength => DropReason.InnerTruncated,
        WireError.Version => DropReason.BadVersion,
        _ => DropReason.BadLength,
    };
}
