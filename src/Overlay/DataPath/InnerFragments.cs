using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>Cuts an inner IPv4 packet into fragments (RFC 791 §3.2), in the batch that it lies in.</summary>
internal static class InnerFragments
{
    private const int Unit = 8;
    private const int CopiedFlag = 0x80;
    private const byte EndOfOptions = 0;
    private const byte NoOperation = 1;

    /// <summary>Puts the first fragment in the place of a packet, and the others behind it, as descriptors like it.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">A plain IPv4 packet without DF, longer than <paramref name="room"/>.</param>
    /// <param name="network">Bytes in front of its IP header, which each fragment gets, too.</param>
    /// <param name="room">The most bytes that a fragment may have from the IP header on.</param>
    /// <returns>None, or why it cannot be.</returns>
    public static DropReason Cut(PacketBatch batch, int index, int network, int room)
    {
        Span<byte> frame = batch.Data(index);
        if (!IPv4Packet.TryParse(frame[network..], out IPv4Packet packet))
        {
            return DropReason.BadLength;
        }

        int headerLength = packet.HeaderLength;
        int payload = packet.Bytes.Length - headerLength;
        int unit = (room - headerLength) & ~(Unit - 1);
        if (unit <= 0)
        {
            return DropReason.TooBig;
        }

        int count = (payload + unit - 1) / unit;
        int each = network + headerLength + unit;
        // All or none: what is left of a packet that lacks a fragment is of no use to anybody.
        if (batch.Capacity - batch.Count < count - 1 || batch.Room < count * (each + batch.Headroom + 63))
        {
            return DropReason.QueueFull;
        }

        PacketMeta meta = batch.Meta(index);
        if (meta.Checksum == ChecksumState.Partial)
        {
            if (!Segmentation.CompleteChecksum(frame, meta))
            {
                return DropReason.BadLength;
            }

            meta.Checksum = ChecksumState.Verified;
        }

        int start = packet.FragmentOffset;
        bool more = packet.MoreFragments;
        ReadOnlySpan<byte> headers = frame[..(network + headerLength)];
        ReadOnlySpan<byte> bytes = frame.Slice(network + headerLength, payload);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> part = bytes.Slice(i * unit, Math.Min(unit, payload - (i * unit)));
            int length = headers.Length + part.Length;
            _ = batch.TryReserve(length, out Span<byte> fragment);
            headers.CopyTo(fragment);
            part.CopyTo(fragment[headers.Length..]);
            Finish(fragment[network..], headerLength, start + (i * unit), more || i < count - 1);
            if (i == 0)
            {
                batch.Replace(index, length);
                batch.Meta(index).Checksum = meta.Checksum;
                continue;
            }

            ref PacketMeta copied = ref batch.Meta(batch.Commit(length));
            copied = meta;
            copied.Origin = PacketOrigin.Originated;
        }

        return DropReason.None;
    }

    private static void Finish(Span<byte> packet, int headerLength, int offset, bool more)
    {
        Span<byte> header = packet[..headerLength];
        BinaryPrimitives.WriteUInt16BigEndian(header[IPv4Packet.TotalLengthOffset..], (ushort)packet.Length);
        BinaryPrimitives.WriteUInt16BigEndian(
            header[IPv4Packet.FragmentOffsetOffset..], (ushort)((more ? (int)IPv4Flags.MoreFragments << IPv4Packet.FlagsShift : 0) | (offset / Unit)));
        if (offset != 0 && headerLength > IPv4Packet.MinimumHeaderLength)
        {
            BlankUncopied(header[IPv4Packet.MinimumHeaderLength..]);
        }

        BinaryPrimitives.WriteUInt16BigEndian(header[IPv4Packet.ChecksumOffset..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(header[IPv4Packet.ChecksumOffset..], InternetChecksum.Compute(header));
    }

    // RFC 791 §3.1: an option without the copied flag stands in the first fragment only. As in Linux, something without meaning takes its place.
    private static void BlankUncopied(Span<byte> options)
    {
        for (int at = 0; at < options.Length && options[at] != EndOfOptions;)
        {
            int length = options[at] == NoOperation ? 1 : at + 1 < options.Length ? options[at + 1] : 0;
            if (length < 1 || at + length > options.Length || (length < 2 && options[at] != NoOperation))
            {
                return;
            }

            if ((options[at] & CopiedFlag) == 0)
            {
                options.Slice(at, length).Fill(NoOperation);
            }

            at += length;
        }
    }
}
