using System.Diagnostics.CodeAnalysis;

namespace Overlay.Tables;

/// <summary>
/// A bounded way for misses from one worker, which must not wait, to the one writer of the tables, who tells whoever wants to know. A host asks again each
/// second and a scanner asks for thousands: what is missed again within <see cref="RepeatInterval"/> is not put in again, and what does not fit is counted.
/// </summary>
[SuppressMessage("Naming", "CA1711:Identifiers should not have incorrect suffix", Justification = "It is a queue, only no collection: the two ends belong to two threads.")]
public sealed class NeighborMissQueue
{
    /// <summary>How many misses can wait.</summary>
    public const int Capacity = 256;

    /// <summary>For how long the same miss is not told again, in milliseconds: as long as hosts wait before they ask again (RFC 4861 §10, RETRANS_TIMER).</summary>
    public const int RepeatInterval = 1_000;

    private readonly WorkerRing<NeighborMiss> _ring = new(Capacity);
    private readonly RecentSet<NeighborMiss> _recent = new(Capacity);
    private long _repeats;

    /// <summary>Misses that were lost because the queue was full. Any thread.</summary>
    public long Overflows => _ring.Overflows;

    /// <summary>Misses that were not put in because they had been a moment ago. Any thread.</summary>
    public long Repeats => Volatile.Read(ref _repeats);

    /// <summary>Puts a miss in. The worker only.</summary>
    /// <param name="miss">What was missed.</param>
    /// <param name="now">The time in milliseconds.</param>
    /// <returns>Whether it was put in.</returns>
    public bool TryEnqueue(in NeighborMiss miss, long now)
    {
        if (_recent.Contains(miss, now, RepeatInterval))
        {
            Volatile.Write(ref _repeats, _repeats + 1);
            return false;
        }

        if (!_ring.TryEnqueue(miss))
        {
            return false;
        }

        // Only what is on its way: what was lost is to be told as soon as there is room.
        _recent.Remember(miss, now);
        return true;
    }

    /// <summary>Takes the oldest miss out. The writer only.</summary>
    public bool TryDequeue(out NeighborMiss miss) => _ring.TryDequeue(out miss);
}
