namespace Overlay.DataPath;

/// <summary>
/// The books of one direction of a tunnel, in wire packets (segments, not superpackets). Always
/// rx + replicated + originated = tx + consumed + Σ drops, once a batch is complete.
/// </summary>
/// <remarks>Written by one worker, read by anybody: plain 64-bit stores, no locks.</remarks>
public sealed class DirectionCounters
{
    private readonly long[] _drops = new long[DropReasons.Count];
    private readonly long[] _tolerated = new long[DropReasons.Count];
    private long _rxPackets;
    private long _rxBytes;
    private long _txPackets;
    private long _txBytes;
    private long _replicated;
    private long _originated;
    private long _consumed;

    /// <summary>Packets received.</summary>
    public long RxPackets => Volatile.Read(ref _rxPackets);

    /// <summary>Bytes received, as they came in at this end of the path.</summary>
    public long RxBytes => Volatile.Read(ref _rxBytes);

    /// <summary>Packets handed over to the output port.</summary>
    public long TxPackets => Volatile.Read(ref _txPackets);

    /// <summary>Bytes handed over, without the headers that the output port writes.</summary>
    public long TxBytes => Volatile.Read(ref _txBytes);

    /// <summary>Further copies of flooded packets.</summary>
    public long Replicated => Volatile.Read(ref _replicated);

    /// <summary>Packets made here: ARP and neighbour-discovery answers, ICMP messages, further fragments.</summary>
    public long Originated => Volatile.Read(ref _originated);

    /// <summary>Packets used up here: answered requests.</summary>
    public long Consumed => Volatile.Read(ref _consumed);

    /// <summary>Packets dropped for one reason.</summary>
    public long Drops(DropReason reason) => Volatile.Read(ref _drops[(int)reason]);

    /// <summary>Packets dropped for any reason.</summary>
    public long TotalDrops
    {
        get
        {
            long sum = 0;
            for (int i = 0; i < _drops.Length; i++)
            {
                sum += Volatile.Read(ref _drops[i]);
            }

            return sum;
        }
    }

    /// <summary>
    /// Packets that a policy would have dropped for a reason, were it not told to count only (<see cref="SourceCheck.Count"/>). They are among the others, sent
    /// or dropped for another reason, and no part of the balance.
    /// </summary>
    public long Tolerated(DropReason reason) => Volatile.Read(ref _tolerated[(int)reason]);

    /// <summary>Enters packets into <see cref="Tolerated"/>.</summary>
    internal void Tolerate(int packets, DropReason reason) => _tolerated[(int)reason] += packets;

    /// <summary>Enters the origin of a descriptor: received, replicated or originated.</summary>
    public void Enter(PacketBatch batch, int index)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int packets = batch.SegmentCount(index);
        switch (batch.Meta(index).Origin)
        {
            case PacketOrigin.Received:
                _rxPackets += packets;
                _rxBytes += WireBytes(batch, index, packets);
                break;
            case PacketOrigin.Replicated:
                _replicated += packets;
                break;
            default:
                _originated += packets;
                break;
        }
    }

    /// <summary>Enters the origin of all descriptors from one on.</summary>
    /// <returns>Bytes of the longest descriptor.</returns>
    internal int EnterFrom(PacketBatch batch, int first)
    {
        int longest = 0;
        long packets = 0;
        long bytes = 0;
        ReadOnlySpan<PacketMeta> metas = batch.Metas;
        ReadOnlySpan<PacketBatch.Slot> slots = batch.Slots;
        for (int i = first; i < metas.Length && i < slots.Length; i++)
        {
            int length = slots[i].Length;
            longest = Math.Max(longest, length);
            if (metas[i].Origin == PacketOrigin.Received && metas[i].Segmentation == SegmentationKind.None)
            {
                packets++;
                bytes += length;
            }
            else
            {
                Enter(batch, i);
            }
        }

        _rxPackets += packets;
        _rxBytes += bytes;
        return longest;
    }

    /// <summary>Enters the end of a descriptor: sent, consumed or dropped.</summary>
    /// <exception cref="InvalidOperationException">The descriptor is still pending: the worker has left a packet behind.</exception>
    public void Leave(PacketBatch batch, int index)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ref readonly PacketMeta meta = ref batch.Meta(index);
        int packets = batch.SegmentCount(index);
        switch (meta.State)
        {
            case PacketState.Sent:
                _txPackets += packets - meta.RefusedSegments;
                _txBytes += WireBytes(batch, index, packets);
                _drops[(int)meta.Drop] += meta.RefusedSegments;
                break;
            case PacketState.Consumed:
                _consumed += packets;
                break;
            case PacketState.Dropped:
                _drops[(int)meta.Drop] += packets;
                break;
            default:
                throw new InvalidOperationException($"Packet {index} is still pending; each packet must end as sent, consumed or dropped.");
        }
    }

    /// <summary>Enters copies of a flooded packet for which the batch had no room: made and dropped at once.</summary>
    public void RefuseReplicas(int packets, DropReason reason)
    {
        _replicated += packets;
        _drops[(int)reason] += packets;
    }

    private static int WireBytes(PacketBatch batch, int index, int packets) =>
        batch.Length(index) + ((packets - 1) * batch.Meta(index).HeaderLength);
}
