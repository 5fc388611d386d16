using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Overlay.Wire;

/// <summary>The three control bits of an IPv4 header (RFC 791 §3.1).</summary>
[Flags]
public enum IPv4Flags : byte
{
    /// <summary>May be fragmented, is the last or only fragment.</summary>
    None = 0,

    /// <summary>MF: more fragments follow.</summary>
    MoreFragments = 1,

    /// <summary>DF: must not be fragmented.</summary>
    DontFragment = 2,

    /// <summary>Bit 0: must be zero; passed as it is.</summary>
    Reserved = 4,
}

/// <summary>An IPv4 packet (RFC 791 §3.1).</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------+-------+---------------+-------------------------------+
/// |Version|  IHL  |Type of Service|          Total Length         |
/// +-------+-------+---------------+-----+-------------------------+
/// |         Identification        |Flags|      Fragment Offset    |
/// +---------------+---------------+-----+-------------------------+
/// |  Time to Live |    Protocol   |         Header Checksum       |
/// +---------------+---------------+-------------------------------+
/// |                         Source Address                        |
/// +---------------------------------------------------------------+
/// |                      Destination Address                      |
/// +---------------------------------------------------------------+
/// |                    Options (0 to 40 bytes)                    |
/// +---------------------------------------------------------------+
/// </code>
/// A view reads the memory it was parsed from; it must not outlive it. The default value is no packet.
/// Parsing does not verify the header checksum: <see cref="IsChecksumValid"/> does.
/// </remarks>
public readonly ref struct IPv4Packet
{
    /// <summary>Bytes of a header without options, 20.</summary>
    public const int MinimumHeaderLength = 20;

    /// <summary>Bytes of a header with all options, 60.</summary>
    public const int MaximumHeaderLength = 60;

    /// <summary>The largest total length, 65 535.</summary>
    public const int MaximumLength = ushort.MaxValue;

    internal const int TrafficClassOffset = 1;
    internal const int TotalLengthOffset = 2;
    internal const int IdentificationOffset = 4;
    internal const int FragmentOffsetOffset = 6;
    internal const int TimeToLiveOffset = 8;
    internal const int ProtocolOffset = 9;
    internal const int ChecksumOffset = 10;
    internal const int SourceOffset = 12;
    internal const int DestinationOffset = 16;
    internal const int FlagsShift = 13;
    internal const int FragmentOffsetMask = 0x1FFF;

    // Both lengths are kept, not read again: somebody who changes the memory under a view must not move its bounds.
    private readonly ref readonly byte _start;
    private readonly int _length;
    private readonly int _headerLength;

    private IPv4Packet(ReadOnlySpan<byte> packet, int headerLength)
    {
        _start = ref MemoryMarshal.GetReference(packet);
        _length = packet.Length;
        _headerLength = headerLength;
    }

    /// <summary>Bytes of the header, options included: 20 to 60 (IHL times four).</summary>
    public int HeaderLength => _headerLength;

    /// <summary>The Type of Service byte: DSCP (RFC 2474) and ECN (RFC 3168).</summary>
    public byte TrafficClass => Header[TrafficClassOffset];

    /// <summary>The ECN field.</summary>
    public Ecn Ecn => (Ecn)(Header[TrafficClassOffset] & 3);

    /// <summary>Total length as the header says, in bytes: header and payload.</summary>
    public ushort TotalLength => BinaryPrimitives.ReadUInt16BigEndian(Header[TotalLengthOffset..]);

    /// <summary>Identification; without meaning in a packet that is no fragment and has DF (RFC 6864).</summary>
    public ushort Identification => BinaryPrimitives.ReadUInt16BigEndian(Header[IdentificationOffset..]);

    /// <summary>The control bits.</summary>
    public IPv4Flags Flags => (IPv4Flags)(FragmentWord >> FlagsShift);

    /// <summary>DF.</summary>
    public bool DontFragment => (Flags & IPv4Flags.DontFragment) != 0;

    /// <summary>MF.</summary>
    public bool MoreFragments => (Flags & IPv4Flags.MoreFragments) != 0;

    /// <summary>Where the payload belongs in the datagram, in bytes: a multiple of 8 up to 65 528.</summary>
    public int FragmentOffset => (FragmentWord & FragmentOffsetMask) * 8;

    /// <summary>Whether this is a fragment: the first, the last or one between.</summary>
    public bool IsFragment => (FragmentWord & (FragmentOffsetMask | ((int)IPv4Flags.MoreFragments << FlagsShift))) != 0;

    /// <summary>Time to live, in hops.</summary>
    public byte TimeToLive => Header[TimeToLiveOffset];

    /// <summary>What the payload is.</summary>
    public IPProtocol Protocol => (IPProtocol)Header[ProtocolOffset];

    /// <summary>Header checksum as received.</summary>
    public ushort Checksum => BinaryPrimitives.ReadUInt16BigEndian(Header[ChecksumOffset..]);

    /// <summary>Whether the header checksum matches.</summary>
    public bool IsChecksumValid => InternetChecksum.IsValid(Bytes[.._headerLength]);

    /// <summary>Source address.</summary>
    public ValueIPAddress Source => ValueIPAddress.ReadIPv4(Header[SourceOffset..]);

    /// <summary>Destination address.</summary>
    public ValueIPAddress Destination => ValueIPAddress.ReadIPv4(Header[DestinationOffset..]);

    /// <summary>The options as they lie on the wire, padding included: 0 to 40 bytes.</summary>
    public ReadOnlySpan<byte> Options => Bytes[MinimumHeaderLength.._headerLength];

    /// <summary>What follows the header, to the total length.</summary>
    public ReadOnlySpan<byte> Payload => Bytes[_headerLength..];

    /// <summary>Header and payload; less than <see cref="TotalLength"/> only in a packet from <see cref="TryParseTruncated"/>.</summary>
    public ReadOnlySpan<byte> Bytes => MemoryMarshal.CreateReadOnlySpan(in _start, _length);

    /// <summary>Whether bytes are missing at the end, which only <see cref="TryParseTruncated"/> allows.</summary>
    public bool IsTruncated => _length < TotalLength;

    private ReadOnlySpan<byte> Header => MemoryMarshal.CreateReadOnlySpan(in _start, MinimumHeaderLength);

    private int FragmentWord => BinaryPrimitives.ReadUInt16BigEndian(Header[FragmentOffsetOffset..]);

    /// <summary>Takes a packet; bytes behind its total length are left out.</summary>
    /// <returns>false if the bytes are no whole IPv4 packet.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out IPv4Packet packet) => TryParse(source, out packet, out _);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out IPv4Packet)"/>
    /// <param name="source">The bytes, from the version on; padding may follow.</param>
    /// <param name="packet">The view.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>: the bytes end before the header or the total length; <see cref="WireError.Version"/>: not 4;
    /// <see cref="WireError.HeaderLength"/>: IHL below 5; <see cref="WireError.TotalLength"/>: less than the header.
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out IPv4Packet packet, out WireError error)
    {
        error = Check(source, out int headerLength, out int totalLength);
        if (error == WireError.None)
        {
            if (totalLength <= source.Length)
            {
                packet = new IPv4Packet(source[..totalLength], headerLength);
                return true;
            }

            error = WireError.Truncated;
        }

        packet = default;
        return false;
    }

    /// <summary>
    /// Takes a packet that may end early, as the one quoted in an ICMP error does (RFC 792, RFC 1812 §4.3.2.3): header and options must be whole,
    /// the payload is what there is.
    /// </summary>
    public static bool TryParseTruncated(ReadOnlySpan<byte> source, out IPv4Packet packet)
    {
        if (Check(source, out int headerLength, out int totalLength) == WireError.None)
        {
            packet = new IPv4Packet(source[..Math.Min(totalLength, source.Length)], headerLength);
            return true;
        }

        packet = default;
        return false;
    }

    /// <summary>The options one after the other, padding left out.</summary>
    public IPv4OptionEnumerator EnumerateOptions() => new(Options);

    /// <summary>
    /// The header as value, without options; <see cref="IPv4Header.TryWrite(Span{byte}, ReadOnlySpan{byte}, out int)"/> takes those.
    /// </summary>
    public IPv4Header ToHeader() => new(Source, Destination, Protocol)
    {
        // The total length may have been changed under the view; then what is left is an empty payload, not a wrapped one.
        PayloadLength = (ushort)Math.Max(TotalLength - _headerLength, 0),
        TrafficClass = TrafficClass,
        Identification = Identification,
        Flags = Flags,
        FragmentOffset = FragmentOffset,
        TimeToLive = TimeToLive,
    };

    private static WireError Check(ReadOnlySpan<byte> source, out int headerLength, out int totalLength)
    {
        headerLength = 0;
        totalLength = 0;
        if (source.Length < MinimumHeaderLength)
        {
            return WireError.Truncated;
        }

        int first = source[0];
        if (first >> 4 != 4)
        {
            return WireError.Version;
        }

        headerLength = (first & 0xF) * 4;
        totalLength = BinaryPrimitives.ReadUInt16BigEndian(source[TotalLengthOffset..]);
        return headerLength < MinimumHeaderLength ? WireError.HeaderLength
            : totalLength < headerLength ? WireError.TotalLength
            : source.Length < headerLength ? WireError.Truncated
            : WireError.None;
    }
}

/// <summary>An IPv4 header as value: build, compare, write.</summary>
/// <param name="Source">Source address, IPv4.</param>
/// <param name="Destination">Destination address, IPv4.</param>
/// <param name="Protocol">What the payload is.</param>
public readonly record struct IPv4Header(ValueIPAddress Source, ValueIPAddress Destination, IPProtocol Protocol)
{
    /// <summary>The largest length of the options, in bytes.</summary>
    public const int MaximumOptionsLength = IPv4Packet.MaximumHeaderLength - IPv4Packet.MinimumHeaderLength;

    private readonly ushort _fragmentUnits;
    private readonly IPv4Flags _flags;

    /// <summary>Bytes behind header and options.</summary>
    public ushort PayloadLength { get; init; }

    /// <summary>The Type of Service byte: DSCP and ECN.</summary>
    public byte TrafficClass { get; init; }

    /// <summary>Identification.</summary>
    public ushort Identification { get; init; }

    /// <summary>The control bits.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More than three bits.</exception>
    public IPv4Flags Flags
    {
        get => _flags;
        init
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan((int)value, 7);
            _flags = value;
        }
    }

    /// <summary>Where the payload belongs in the datagram, in bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a multiple of 8 from 0 to 65 528.</exception>
    public int FragmentOffset
    {
        get => _fragmentUnits * 8;
        init
        {
            if ((value & ~(IPv4Packet.FragmentOffsetMask * 8)) != 0)
            {
                throw new ArgumentOutOfRangeException(nameof(value), value, "A fragment offset is a multiple of 8 from 0 to 65528.");
            }

            _fragmentUnits = (ushort)(value / 8);
        }
    }

    /// <summary>Time to live, in hops; 64 unless set (RFC 1700, RFC 1122 §3.2.1.7).</summary>
    public byte TimeToLive { get; init; } = 64;

    /// <summary>Writes the header with its checksum.</summary>
    /// <inheritdoc cref="TryWrite(Span{byte}, ReadOnlySpan{byte}, out int)"/>
    public bool TryWrite(Span<byte> destination, out int bytesWritten) => TryWrite(destination, default, out bytesWritten);

    /// <summary>Writes the header with options and its checksum.</summary>
    /// <param name="destination">Takes 20 bytes and the options.</param>
    /// <param name="options">0 to 40 bytes, a multiple of four, padded as RFC 791 §3.1 says.</param>
    /// <param name="bytesWritten">20 and the length of the options, or 0.</param>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    /// <exception cref="ArgumentException">The options have another length.</exception>
    /// <exception cref="InvalidOperationException">
    /// An address is not IPv4, as in the default value, or header and payload are longer than 65 535 bytes.
    /// </exception>
    public bool TryWrite(Span<byte> destination, ReadOnlySpan<byte> options, out int bytesWritten)
    {
        if (options.Length > MaximumOptionsLength || options.Length % 4 != 0)
        {
            throw new ArgumentException($"Options have 0 to {MaximumOptionsLength} bytes, a multiple of four.", nameof(options));
        }

        int headerLength = IPv4Packet.MinimumHeaderLength + options.Length;
        int totalLength = headerLength + PayloadLength;
        if (!Source.IsIPv4 || !Destination.IsIPv4 || totalLength > IPv4Packet.MaximumLength)
        {
            throw new InvalidOperationException(
                $"{Source} to {Destination}, {totalLength} bytes: an IPv4 packet has IPv4 addresses and at most {IPv4Packet.MaximumLength} bytes.");
        }

        bytesWritten = 0;
        if (destination.Length < headerLength)
        {
            return false;
        }

        destination = destination[..headerLength];
        options.CopyTo(destination[IPv4Packet.MinimumHeaderLength..]);
        Span<byte> fixedPart = destination[..IPv4Packet.MinimumHeaderLength];
        fixedPart[0] = (byte)((4 << 4) | (headerLength / 4));
        fixedPart[IPv4Packet.TrafficClassOffset] = TrafficClass;
        BinaryPrimitives.WriteUInt16BigEndian(fixedPart[IPv4Packet.TotalLengthOffset..], (ushort)totalLength);
        BinaryPrimitives.WriteUInt16BigEndian(fixedPart[IPv4Packet.IdentificationOffset..], Identification);
        BinaryPrimitives.WriteUInt16BigEndian(
            fixedPart[IPv4Packet.FragmentOffsetOffset..], (ushort)(((int)Flags << IPv4Packet.FlagsShift) | _fragmentUnits));
        fixedPart[IPv4Packet.TimeToLiveOffset] = TimeToLive;
        fixedPart[IPv4Packet.ProtocolOffset] = (byte)Protocol;
        BinaryPrimitives.WriteUInt16BigEndian(fixedPart[IPv4Packet.ChecksumOffset..], 0);
        BinaryPrimitives.WriteUInt32BigEndian(fixedPart[IPv4Packet.SourceOffset..], Source.ToIPv4());
        BinaryPrimitives.WriteUInt32BigEndian(fixedPart[IPv4Packet.DestinationOffset..], Destination.ToIPv4());
        BinaryPrimitives.WriteUInt16BigEndian(fixedPart[IPv4Packet.ChecksumOffset..], InternetChecksum.Compute(destination));
        bytesWritten = headerLength;
        return true;
    }
}
