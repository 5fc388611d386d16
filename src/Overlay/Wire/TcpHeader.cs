using System.Buffers.Binary;

namespace Overlay.Wire;

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
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short or <see cref="Reserved"/> exceeds 15.</returns>
    public bool TryWrite(Span<byte> destination, out int bytesWritten) => TryWrite(destination, [], out bytesWritten);

    /// <summary>Writes the header and its options.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="options">The options, padded by the caller to a multiple of four bytes; at most 40.</param>
    /// <param name="bytesWritten">20 and the length of the options.</param>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short or <see cref="Reserved"/> exceeds 15.</returns>
    /// <exception cref="ArgumentException">The options have an impossible length.</exception>
    public bool TryWrite(Span<byte> destination, ReadOnlySpan<byte> options, out int bytesWritten)
    {
        if ((options.Length & 3) != 0 || options.Length > MaximumOptionsLength)
        {
            throw new ArgumentException(
                $"TCP options are a multiple of 4 bytes, at most {MaximumOptionsLength}; these are {options.Length}.", nameof(options));
        }

        int length = TcpPacket.MinimumHeaderLength + options.Length;
        bytesWritten = 0;
        if (destination.Length < length || Reserved > 0x0F)
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
