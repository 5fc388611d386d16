using System.Diagnostics.CodeAnalysis;
using Overlay.Tables;

namespace Overlay.DataPath;

/// <summary>A bounded ring from one worker to the thread that probes. Neither waits for the other: what does not fit is counted, and is as if lost on the way.</summary>
[SuppressMessage("Naming", "CA1711:Identifiers should not have incorrect suffix", Justification = "It is a queue, only no collection: the two ends belong to two threads.")]
public sealed class PathProbeNewsQueue
{
    /// <summary>How many fit.</summary>
    public const int Capacity = 1_024;

    private readonly WorkerRing<PathProbeNews> _ring = new(Capacity);

    /// <summary>How many did not fit. Any thread.</summary>
    public long Overflows => _ring.Overflows;

    /// <summary>Puts news in. The worker only.</summary>
    /// <returns>false, and counted, if there is no room.</returns>
    public bool TryEnqueue(in PathProbeNews news) => _ring.TryEnqueue(news);

    /// <summary>Takes the oldest out. The thread that probes only.</summary>
    /// <returns>false if there is none.</returns>
    public bool TryDequeue(out PathProbeNews news) => _ring.TryDequeue(out news);
}
