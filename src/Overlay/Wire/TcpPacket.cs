using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>The control bits of a TCP header (RFC 9293 §3.1).</summary>
[Flags]
public enum TcpFlags : byte
{
    /// <summary>No bit.</summary>
    None = 0,

    /// <summary>No more data from the sender.</summary>
    Fin = 0x01,

    /// <summary>Synchronise sequence numbers.</summary>
    Syn = 0x02,

    /// <summary>Reset the connection.</summary>
    Rst = 0x04,

    /// <summary>Push.</summary>
    Psh = 0x08,

    /// <summary>The acknowledgment number is significant.</summary>
    Ack = 0x10,

    /// <summary>The urgent pointer is significant.</summary>
    Urg = 0x20,

    /// <summary>ECN echo (RFC 3168).</summary>
    Ece = 0x40,

    /// <summary>Congestion window reduced (RFC 3168).</summary>
    Cwr = 0x80,
}

/// <summary>A view of a TCP segment: header, options and payload (RFC 9293 §3.1).</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          Source Port          |       Destination Port        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                        Sequence Number                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    Acknowledgment Number                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Data |       |C|E|U|A|P|R|S|F|                               |
/// | Offset| Rsrvd |W|C|R|C|S|S|Y|I|            Window             |
/// |       |       |R|E|G|K|H|T|N|N|                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Checksum            |         Urgent Pointer        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                           [Options]                           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
public readonly ref struct TcpPacket
{
    /// <summary>Bytes of the header without options.</summary>
    public const int MinimumHeaderLength = 20;

    /// <summary>Bytes of the header with the most options that the data offset can express.</summary>
    public const int MaximumHeaderLength = 60;

    internal const int SourcePortOffset = 0;
    internal const int DestinationPortOffset = 2;
    internal const int SequenceNumberOffset = 4;
    internal const int AcknowledgmentNumberOffset = 8;
    internal const int DataOffsetOffset = 12;
    internal const int FlagsOffset = 13;
    internal const int WindowOffset = 14;
    internal const int ChecksumOffset = 16;
    internal const int UrgentPointerOffset = 18;

    private readonly ReadOnlySpan<byte> _header;
    private readonly ReadOnlySpan<byte> _payload;

    private TcpPacket(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        _header = header;
        _payload = payload;
    }

    /// <summary>The source port.</summary>
    public ushort SourcePort => BinaryPrimitives.ReadUInt16BigEndian(_header);

    /// <summary>The destination port.</summary>
    public ushort DestinationPort => BinaryPrimitives.ReadUInt16BigEndian(_header[DestinationPortOffset..]);

    /// <summary>The sequence number of the first payload byte, or of the SYN.</summary>
    public uint SequenceNumber => BinaryPrimitives.ReadUInt32BigEndian(_header[SequenceNumberOffset..]);

    /// <summary>The next sequence number that the sender expects; significant with <see cref="TcpFlags.Ack"/>.</summary>
    public uint AcknowledgmentNumber => BinaryPrimitives.ReadUInt32BigEndian(_header[AcknowledgmentNumberOffset..]);

    /// <summary>Bytes of header and options, 20 to 60: four times the "data offset" field.</summary>
    public int HeaderLength => _header.Length;

    /// <summary>The four reserved bits, 0 to 15. Senders set zero; receivers ignore them (RFC 9293 §3.1).</summary>
    public byte Reserved => (byte)(_header[DataOffsetOffset] & 0x0F);

    /// <summary>The control bits.</summary>
    public TcpFlags Flags => (TcpFlags)_header[FlagsOffset];

    /// <summary>The receive window, unscaled.</summary>
    public ushort Window => BinaryPrimitives.ReadUInt16BigEndian(_header[WindowOffset..]);

    /// <summary>The checksum as it stands in the header.</summary>
    public ushort Checksum => BinaryPrimitives.ReadUInt16BigEndian(_header[ChecksumOffset..]);

    /// <summary>The offset of urgent data; significant with <see cref="TcpFlags.Urg"/>.</summary>
    public ushort UrgentPointer => BinaryPrimitives.ReadUInt16BigEndian(_header[UrgentPointerOffset..]);

    /// <summary>The options with their padding: 0 to 40 bytes, a multiple of four. They are not checked.</summary>
    public ReadOnlySpan<byte> Options => _header[MinimumHeaderLength..];

    /// <summary>All that follows the header.</summary>
    public ReadOnlySpan<byte> Payload => _payload;

    /// <summary>Whether the checksum over pseudo-header and segment is right.</summary>
    /// <param name="source">The IP source address.</param>
    /// <param name="destination">The IP destination address.</param>
    public bool IsChecksumValid(ValueIPAddress source, ValueIPAddress destination)
    {
        int length = _header.Length + _payload.Length;
        ulong seed = InternetChecksum.Partial(_header, InternetChecksum.PseudoHeader(source, destination, IPProtocol.Tcp, length));
        return InternetChecksum.IsValid(_payload, seed);
    }

    /// <summary>Reads a segment.</summary>
    /// <param name="source">The IP payload: TCP has no length field of its own.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if the header is cut off or its length is impossible.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out TcpPacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a segment and says what is wrong with it.</summary>
    /// <param name="source">The IP payload: TCP has no length field of its own.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>: the bytes end before header or options do. <see cref="WireError.HeaderLength"/>: the data offset is
    /// below five words.
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out TcpPacket packet, out WireError error)
    {
        packet = default;
        if (source.Length < MinimumHeaderLength)
        {
            error = WireError.Truncated;
            return false;
        }

        int headerLength = (source[DataOffsetOffset] >> 4) * 4;
        if (headerLength < MinimumHeaderLength)
        {
            error = WireError.HeaderLength;
            return false;
        }

        if (headerLength > source.Length)
        {
            error = WireError.Truncated;
            return false;
        }

        packet = new TcpPacket(source[..headerLength], source[headerLength..]);
        error = WireError.None;
        return true;
    }

    /// <summary>The header as a value, without the options.</summary>
    public TcpHeader ToHeader() => new(SourcePort, DestinationPort, SequenceNumber, AcknowledgmentNumber, Flags, Window)
    {
        Checksum = Checksum,
        UrgentPointer = UrgentPointer,
        Reserved = Reserved,
    };
}

/// <summary>The TCP header as a value, to be built, compared and written; options are written beside it (RFC 9293 §3.1).</summary>
/// <param name="SourcePort">The source port.</param>
/// <param name="DestinationPort">The destination port.</param>
/// <param name="SequenceNumber">The sequence number.</param>
/// <param name="AcknowledgmentNumber">The acknowledgment number.</param>
/// <param name="Flags">The control bits.</param>
/// <param name="Window">The receive window, unscaled.</param>
public readonly record struct TcpHeader(
    ushort SourcePort, ushort DestinationPort, uint SequenceNumber, uint AcknowledgmentNumber, TcpFlags Flags, ushort Window)
{
    private const int MaximumOptionsLength = TcpPacket.MaximumHeaderLength - TcpPacket.MinimumHeaderLength;

    /// <summary>The checksum.</summary>
    public ushort Checksum { get; init; }

    /// <summary>The urgent pointer.</summary>
    public ushort UrgentPointer { get; init; }

    /// <summary>The reserved bits, 0 to 15; senders leave them zero.</summary>
    public byte Reserved { get; init; }

    /// <summary>Writes the 20 bytes of a header without options.</summary>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    public bool TryWrite(Span<byte> destination, out int bytesWritten) => TryWrite(destination, [], out bytesWritten);

    /// <summary>Writes the header and its options.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="options">The options, padded by the caller to a multiple of four bytes; at most 40.</param>
    /// <param name="bytesWritten">20 and the length of the options.</param>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    /// <exception cref="ArgumentException">The options have an impossible length.</exception>
    /// <exception cref="InvalidOperationException"><see cref="Reserved"/> exceeds 15.</exception>
    public bool TryWrite(Span<byte> destination, ReadOnlySpan<byte> options, out int bytesWritten)
    {
        if ((options.Length & 3) != 0 || options.Length > MaximumOptionsLength)
        {
            throw new ArgumentException(
                $"TCP options are a multiple of 4 bytes, at most {MaximumOptionsLength}; these are {options.Length}.", nameof(options));
        }

        if (Reserved > 0x0F)
        {
            throw new InvalidOperationException($"The reserved bits are four; {Reserved} needs more.");
        }

        int length = TcpPacket.MinimumHeaderLength + options.Length;
        bytesWritten = 0;
        if (destination.Length < length)
        {
            return false;
        }

        // The options may lie in the destination already, where the header is about to be written.
        options.CopyTo(destination[TcpPacket.MinimumHeaderLength..]);
        Span<byte> header = destination[..TcpPacket.MinimumHeaderLength];
        BinaryPrimitives.WriteUInt16BigEndian(header[TcpPacket.SourcePortOffset..], SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(header[TcpPacket.DestinationPortOffset..], DestinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(header[TcpPacket.SequenceNumberOffset..], SequenceNumber);
        BinaryPrimitives.WriteUInt32BigEndian(header[TcpPacket.AcknowledgmentNumberOffset..], AcknowledgmentNumber);
        header[TcpPacket.DataOffsetOffset] = (byte)((length << 2) | Reserved);
        header[TcpPacket.FlagsOffset] = (byte)Flags;
        BinaryPrimitives.WriteUInt16BigEndian(header[TcpPacket.WindowOffset..], Window);
        BinaryPrimitives.WriteUInt16BigEndian(header[TcpPacket.ChecksumOffset..], Checksum);
        BinaryPrimitives.WriteUInt16BigEndian(header[TcpPacket.UrgentPointerOffset..], UrgentPointer);
        bytesWritten = length;
        return true;
    }
}
