using Overlay.DataPath;

namespace Overlay.Linux;

/// <summary>The books of segments that the kernel refused while others of the same descriptor went out.</summary>
internal static class Refusals
{
    /// <summary>Books segments that will not be sent. If no segment of the descriptor is sent, <see cref="Close"/> drops the whole.</summary>
    public static void Book(ref PacketMeta meta, int segments, DropReason reason)
    {
        meta.RefusedSegments += (ushort)segments;
        meta.Drop = reason;
    }

    /// <summary>Drops each of the descriptors of which every segment that was tried was refused.</summary>
    public static void Close(PacketBatch batch, ReadOnlySpan<int> descriptors)
    {
        foreach (int index in descriptors)
        {
            ref PacketMeta meta = ref batch.Meta(index);
            if (meta.State == PacketState.Pending && meta.RefusedSegments != 0)
            {
                meta.RefusedSegments = 0;
                batch.Drop(index, meta.Drop);
            }
        }
    }
}
