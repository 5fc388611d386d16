using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>A view of an IPv6 fragment header and of the bytes of the fragment (RFC 8200 §4.5).</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Next Header  |   Reserved    |      Fragment Offset    |Res|M|
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         Identification                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// What reassembly asks of a fragment (a length that is a multiple of 8 in all but the last, no end beyond 65 535) is not judged here.
/// </remarks>
public readonly ref struct IPv6FragmentPacket
{
    /// <summary>Bytes of the header, 8.</summary>
    public const int HeaderLength = 8;

    internal const int ReservedOffset = 1;
    internal const int FragmentOffsetOffset = 2;
    internal const int IdentificationOffset = 4;
    internal const int FragmentOffsetMask = 0xFFF8;
    internal const int MoreFragmentsBit = 1;

    private const int SecondReservedMask = 3;

    private readonly ReadOnlySpan<byte> _header;
    private readonly ReadOnlySpan<byte> _payload;

    private IPv6FragmentPacket(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        _header = header;
        _payload = payload;
    }

    /// <summary>What the fragmentable part of the original packet begins with.</summary>
    public IPProtocol NextHeader => (IPProtocol)_header[0];

    /// <summary>Where the bytes belong in the fragmentable part, in bytes: a multiple of 8 up to 65 528.</summary>
    public int FragmentOffset => OffsetWord & FragmentOffsetMask;

    /// <summary>M: more fragments follow.</summary>
    public bool MoreFragments => (OffsetWord & MoreFragmentsBit) != 0;

    /// <summary>Identification: the same in all fragments of a packet.</summary>
    public uint Identification => BinaryPrimitives.ReadUInt32BigEndian(_header[IdentificationOffset..]);

    /// <summary>The reserved byte, "ignored on reception".</summary>
    public byte Reserved => _header[ReservedOffset];

    /// <summary>The two reserved bits in front of M, "ignored on reception".</summary>
    public byte Res => (byte)((OffsetWord >> 1) & SecondReservedMask);

    /// <summary>The bytes of the fragment: all that follows the header.</summary>
    public ReadOnlySpan<byte> Payload => _payload;

    private int OffsetWord => BinaryPrimitives.ReadUInt16BigEndian(_header[FragmentOffsetOffset..]);

    /// <summary>Reads a header.</summary>
    /// <param name="source">The bytes, from the next header field on.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if the header is cut off.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out IPv6FragmentPacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a header and says what is wrong with it.</summary>
    /// <param name="source">The bytes, from the next header field on.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error"><see cref="WireError.Truncated"/>: fewer than 8 bytes.</param>
    public static bool TryParse(ReadOnlySpan<byte> source, out IPv6FragmentPacket packet, out WireError error)
    {
        if (source.Length < HeaderLength)
        {
            packet = default;
            error = WireError.Truncated;
            return false;
        }

        packet = new IPv6FragmentPacket(source[..HeaderLength], source[HeaderLength..]);
        error = WireError.None;
        return true;
    }

    /// <summary>The header as value; reserved bits are left out.</summary>
    public IPv6FragmentHeader ToHeader() => new(NextHeader, Identification) { FragmentOffset = FragmentOffset, MoreFragments = MoreFragments };
}

/// <summary>An IPv6 fragment header as value: build, compare, write (RFC 8200 §4.5).</summary>
/// <param name="NextHeader">What the fragmentable part of the original packet begins with.</param>
/// <param name="Identification">Identification.</param>
public readonly record struct IPv6FragmentHeader(IPProtocol NextHeader, uint Identification)
{
    /// <summary>Bytes on the wire, 8.</summary>
    public const int Length = IPv6FragmentPacket.HeaderLength;

    private readonly ushort _fragmentOffset;

    /// <summary>Where the bytes belong in the fragmentable part, in bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a multiple of 8 from 0 to 65 528.</exception>
    public int FragmentOffset
    {
        get => _fragmentOffset;
        init
        {
            if ((value & ~IPv6FragmentPacket.FragmentOffsetMask) != 0)
            {
                throw new ArgumentOutOfRangeException(nameof(value), value, "A fragment offset is a multiple of 8 from 0 to 65528.");
            }

            _fragmentOffset = (ushort)value;
        }
    }

    /// <summary>M: more fragments follow.</summary>
    public bool MoreFragments { get; init; }

    /// <summary>Writes the 8 bytes; all reserved bits are zero.</summary>
    /// <param name="destination">Takes 8 bytes.</param>
    /// <param name="bytesWritten">8, or 0.</param>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        bytesWritten = 0;
        if (destination.Length < Length)
        {
            return false;
        }

        destination = destination[..Length];
        destination[0] = (byte)NextHeader;
        destination[IPv6FragmentPacket.ReservedOffset] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(
            destination[IPv6FragmentPacket.FragmentOffsetOffset..],
            (ushort)(_fragmentOffset | (MoreFragments ? IPv6FragmentPacket.MoreFragmentsBit : 0)));
        BinaryPrimitives.WriteUInt32BigEndian(destination[IPv6FragmentPacket.IdentificationOffset..], Identification);
        bytesWritten = Length;
        return true;
    }
}
