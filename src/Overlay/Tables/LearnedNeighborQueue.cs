using System.Diagnostics.CodeAnalysis;

namespace Overlay.Tables;

/// <summary>
/// A bounded way for what a worker hears of neighbours to the one writer of the tables. Neither waits for the other: what does not fit is counted and will be
/// heard again.
/// </summary>
[SuppressMessage("Naming", "CA1711:Identifiers should not have incorrect suffix", Justification = "It is a queue, only no collection: the two ends belong to two threads.")]
public sealed class LearnedNeighborQueue
{
    /// <summary>How many can wait.</summary>
    public const int Capacity = 256;

    private readonly WorkerRing<LearnedNeighbor> _ring = new(Capacity);

    /// <summary>How many were lost because the queue was full. Any thread.</summary>
    public long Overflows => _ring.Overflows;

    /// <summary>Puts one in. The worker only.</summary>
    /// <returns>false, and counted, if the queue is full.</returns>
    public bool TryEnqueue(in LearnedNeighbor learned) => _ring.TryEnqueue(learned);

    /// <summary>Takes the oldest out. The writer only.</summary>
    public bool TryDequeue(out LearnedNeighbor learned) => _ring.TryDequeue(out learned);
}
