using System.Diagnostics.CodeAnalysis;

namespace Overlay.Tables;

/// <summary>
/// A bounded ring from one worker, which hears addresses, to the one writer of the tables. Neither waits for the other: what does not fit is counted and
/// will be heard again with the next frame.
/// </summary>
[SuppressMessage("Naming", "CA1711:Identifiers should not have incorrect suffix", Justification = "It is a queue, only no collection: the two ends belong to two threads.")]
public sealed class LearningQueue
{
    /// <summary>The capacity unless told otherwise.</summary>
    public const int DefaultCapacity = 1_024;

    /// <summary>The largest capacity.</summary>
    public const int CapacityLimit = 1 << 20;

    private readonly WorkerRing<LearnedAddress> _ring;

    /// <summary>Makes an empty queue.</summary>
    /// <param name="capacity">1 to <see cref="CapacityLimit"/>, rounded up to a power of two.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is out of range.</exception>
    public LearningQueue(int capacity = DefaultCapacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, CapacityLimit);
        _ring = new WorkerRing<LearnedAddress>(capacity);
    }

    /// <summary>How many addresses fit.</summary>
    public int Capacity => _ring.Capacity;

    /// <summary>How many addresses were refused because the queue was full. Any thread.</summary>
    public long Overflows => _ring.Overflows;

    /// <summary>Puts an address in. The worker only.</summary>
    /// <returns>false, and counted, if the queue is full. An address equal to the youngest one that still waits is not put in twice; that is true.</returns>
    public bool TryEnqueue(in LearnedAddress learned) => _ring.TryEnqueue(learned);

    /// <summary>Takes the oldest address out. The writer only.</summary>
    /// <returns>false if there is none.</returns>
    public bool TryDequeue(out LearnedAddress learned) => _ring.TryDequeue(out learned);
}
