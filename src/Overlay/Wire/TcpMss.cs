using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>The maximum segment size option of TCP (RFC 9293 §3.7.1), lowered in place.</summary>
/// <remarks>
/// <code>
/// +--------+--------+---------+--------+
/// |00000010|00000100|   max seg size   |
/// +--------+--------+---------+--------+
///  Kind=2   Length=4
/// </code>
/// </remarks>
public static class TcpMss
{
    private const byte EndOfOptions = 0;
    private const byte NoOperation = 1;
    private const byte Kind = 2;
    private const byte Length = 4;

    /// <summary>Lowers the size that a SYN announces; a larger one stays out of use then. Any other segment is left alone, as is a SYN without the option.</summary>
    /// <param name="segment">The TCP segment, header first.</param>
    /// <param name="mss">The largest size to let pass, in bytes.</param>
    /// <param name="isChecksumPartial">
    /// Whether the checksum field holds the sum of the pseudo-header only, which the option is no part of; otherwise it is brought up to date
    /// (RFC 1624 §3, equation 3), and one that was wrong stays wrong.
    /// </param>
    /// <returns>Whether it was lowered.</returns>
    public static bool TryLower(Span<byte> segment, ushort mss, bool isChecksumPartial)
    {
        if (!TcpPacket.TryParse(segment, out TcpPacket tcp) || (tcp.Flags & TcpFlags.Syn) == 0)
        {
            return false;
        }

        Span<byte> header = segment[..tcp.HeaderLength];
        for (int at = TcpPacket.MinimumHeaderLength; at < header.Length;)
        {
            byte kind = header[at];
            if (kind == NoOperation)
            {
                at++;
                continue;
            }

            // What is said of its length is not believed before it is there.
            int length = at + 1 < header.Length ? header[at + 1] : 0;
            if (kind == EndOfOptions || length < 2 || at + length > header.Length)
            {
                return false;
            }

            if (kind == Kind && length == Length)
            {
                return Lower(header, at + 2, mss, isChecksumPartial);
            }

            at += length;
        }

        return false;
    }

    private static bool Lower(Span<byte> header, int at, ushort mss, bool isChecksumPartial)
    {
        Span<byte> value = header.Slice(at, sizeof(ushort));
        ushort before = BinaryPrimitives.ReadUInt16BigEndian(value);
        if (before <= mss)
        {
            return false;
        }

        BinaryPrimitives.WriteUInt16BigEndian(value, mss);
        if (!isChecksumPartial)
        {
            Span<byte> field = header.Slice(TcpPacket.ChecksumOffset, sizeof(ushort));
            ushort checksum = BinaryPrimitives.ReadUInt16BigEndian(field);

            // At an odd offset the two bytes count with their places exchanged (RFC 1071 §2 B).
            checksum = (at & 1) == 0
                ? InternetChecksum.Update(checksum, before, mss)
                : InternetChecksum.Update(checksum, BinaryPrimitives.ReverseEndianness(before), BinaryPrimitives.ReverseEndianness(mss));
            BinaryPrimitives.WriteUInt16BigEndian(field, checksum);
        }

        return true;
    }
}
