using Overlay.DataPath;
using Overlay.Testing;

namespace Overlay.Fuzz.Targets;

/// <summary><see cref="Segmentation"/>: what can be planned is cut as the plain twin cuts it, and a checksum is completed as it does or not at all.</summary>
internal sealed class SegmentationTarget : IFuzzTarget
{
    // A packet in so many pieces says nothing that fewer do not.
    private const int MaxSegments = 300;

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (input.Length < MetaReader.Length)
        {
            return;
        }

        ReadOnlySpan<byte> packet = input[MetaReader.Length..];
        foreach (int network in (ReadOnlySpan<int>)[0, 14])
        {
            PacketMeta meta = MetaReader.Read(input[..MetaReader.Length], packet, network);
            Cut(packet, meta);
            Complete(packet, meta);
        }
    }

    private static void Cut(ReadOnlySpan<byte> packet, PacketMeta meta)
    {
        if (!Segmentation.TryPlan(packet, meta, out SegmentPlan plan) || plan.Count > MaxSegments)
        {
            return;
        }

        List<byte[]> expected = PlainSegmentation.Cut(packet.ToArray(), meta);
        Check.Equal(expected.Count, plan.Count, "segments");
        Check.Equal(expected[0].Length, plan.MaximumLength, "the longest segment");
        for (int i = 0; i < plan.Count; i++)
        {
            Span<byte> room = Scratch.Room(expected[i].Length);
            Check.Equal(expected[i].Length, plan.WriteSegment(i, room), "bytes of a segment");
            Check.Same(expected[i], room, $"segment {i}");
        }
    }

    private static void Complete(ReadOnlySpan<byte> packet, PacketMeta meta)
    {
        Span<byte> copy = Scratch.Copy(packet);
        bool inside = meta.ChecksumStart < packet.Length && meta.ChecksumStart + meta.ChecksumOffset + 2 <= packet.Length;
        bool completed = Segmentation.CompleteChecksum(copy, meta);
        if (meta.Checksum == ChecksumState.Partial)
        {
            Check.Equal(inside, completed, "a checksum that has a place");
            Check.Same(inside ? PlainSegmentation.Complete(packet.ToArray(), meta) : packet, copy, "the packet with its checksum");
        }
    }
}
