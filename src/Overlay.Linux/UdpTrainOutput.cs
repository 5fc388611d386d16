using Overlay.DataPath;

namespace Overlay.Linux;

/// <summary>Where finished groups of trains go, and whose source ports their packets have.</summary>
internal abstract class UdpTrainOutput
{
    /// <summary>The most datagrams of one train; 1 for no trains.</summary>
    public int MaxSegments { get; protected set; }

    /// <summary>Chooses the source port of a packet by its flow and writes it into the meta.</summary>
    /// <returns>The number of that source port, for <see cref="TrainKey.Source"/>.</returns>
    public abstract ushort SelectSource(ref PacketMeta meta);

    /// <summary>Sends all trains of the groups that are not done yet.</summary>
    /// <returns>false if no more is taken now; what was not sent is not done.</returns>
    public abstract bool Send(PacketBatch batch, ReadOnlySpan<UdpTrainGroup> groups);

    /// <summary>Gives up on what is not done: descriptors of which nothing was sent stay pending, the others cannot be sent a second time.</summary>
    public static void Abandon(PacketBatch batch, UdpTrainGroup group)
    {
        for (int i = 0; i < group.TrainCount; i++)
        {
            ref UdpTrainGroup.Train train = ref group[i];
            for (int j = 0; j < train.SegmentCount && !train.Done; j++)
            {
                int descriptor = group.Descriptor(train.FirstSegment + j);
                ref PacketMeta meta = ref batch.Meta(descriptor);
                if (meta.State == PacketState.Sent)
                {
                    Refusals.Book(ref meta, 1, DropReason.QueueFull);
                }
            }
        }
    }

    protected static void MarkSent(PacketBatch batch, UdpTrainGroup group, ref UdpTrainGroup.Train train)
    {
        MarkSent(batch, group, train.FirstSegment, train.SegmentCount);
        train.Done = true;
    }

    protected static void MarkSent(PacketBatch batch, UdpTrainGroup group, int firstSegment, int count)
    {
        int last = -1;
        for (int i = firstSegment; i < firstSegment + count; i++)
        {
            int descriptor = group.Descriptor(i);
            if (descriptor == last)
            {
                // The segments of one superpacket lie together.
                continue;
            }

            last = descriptor;
            ref PacketMeta meta = ref batch.Meta(descriptor);
            if (meta.State == PacketState.Pending)
            {
                meta.State = PacketState.Sent;
            }
        }
    }
}
