using System.Buffers.Binary;
using Overlay.DataPath;

namespace Overlay.Testing;

/// <summary>
/// The slow twin of <see cref="SegmentPlan"/> and <see cref="Segmentation.CompleteChecksum"/>: what Linux does when it cuts, field by field and with the
/// plain checksum loop. It shares nothing with them but the meaning of <see cref="PacketMeta"/>.
/// </summary>
public static class PlainSegmentation
{
    private const byte FinAndPsh = 0x09;
    private const byte Cwr = 0x80;

    /// <summary>The packets that a packet is on the wire: its segments, or itself with its checksum complete.</summary>
    public static List<byte[]> ToWire(byte[] packet, in PacketMeta meta) =>
        meta.Segmentation != SegmentationKind.None ? Cut(packet, meta) : [meta.Checksum == ChecksumState.Partial ? Complete(packet, meta) : packet];

    /// <summary>Cuts a superpacket.</summary>
    public static List<byte[]> Cut(byte[] packet, in PacketMeta meta)
    {
        ArgumentNullException.ThrowIfNull(packet);
        List<byte[]> segments = [];
        for (int start = meta.HeaderLength; start < packet.Length; start += meta.SegmentSize)
        {
            int end = Math.Min(packet.Length, start + meta.SegmentSize);
            byte[] segment = [.. packet[..meta.HeaderLength], .. packet[start..end]];
            Finish(segment, meta, segments.Count, start - meta.HeaderLength, first: start == meta.HeaderLength, last: end == packet.Length);
            segments.Add(segment);
        }

        return segments;
    }

    /// <summary>Writes the checksum of a packet whose field holds the pseudo-header sum.</summary>
    public static byte[] Complete(byte[] packet, in PacketMeta meta)
    {
        ArgumentNullException.ThrowIfNull(packet);
        byte[] whole = [.. packet];
        ushort checksum = PacketBuilder.Checksum(packet.AsSpan(meta.ChecksumStart), 0);
        BinaryPrimitives.WriteUInt16BigEndian(
            whole.AsSpan(meta.ChecksumStart + meta.ChecksumOffset), checksum == 0 && meta.ChecksumOffset == 6 ? (ushort)0xFFFF : checksum);
        return whole;
    }

    private static void Finish(Span<byte> segment, in PacketMeta meta, int number, int offset, bool first, bool last)
    {
        Span<byte> ip = segment[meta.NetworkStart..];
        Span<byte> transport = segment[meta.ChecksumStart..];
        bool version4 = ip[0] >> 4 == 4;
        bool tcp = meta.Segmentation != SegmentationKind.Udp;
        if (version4)
        {
            ushort identification = unchecked((ushort)(BinaryPrimitives.ReadUInt16BigEndian(ip[4..]) + number));
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)ip.Length);
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], identification);
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], 0);
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], PacketBuilder.Checksum(ip[..(meta.ChecksumStart - meta.NetworkStart)], 0));
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(ip.Length - 40));
        }

        int field = tcp ? 16 : 6;
        if (tcp)
        {
            BinaryPrimitives.WriteUInt32BigEndian(transport[4..], unchecked(BinaryPrimitives.ReadUInt32BigEndian(transport[4..]) + (uint)offset));
            transport[13] &= (byte)~((last ? 0 : FinAndPsh) | (first ? 0 : Cwr));
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(transport[4..], (ushort)transport.Length);
        }

        BinaryPrimitives.WriteUInt16BigEndian(transport[field..], 0);
        ushort checksum = PacketBuilder.Checksum(transport, PacketBuilder.PseudoHeader(ip, tcp ? IPProtocol.Tcp : IPProtocol.Udp, transport.Length));
        BinaryPrimitives.WriteUInt16BigEndian(transport[field..], checksum == 0 && !tcp ? (ushort)0xFFFF : checksum);
    }
}
