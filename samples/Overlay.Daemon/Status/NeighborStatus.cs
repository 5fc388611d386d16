using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Daemon.Status;

/// <summary>What is known of inner neighbours, and what became of questions for them.</summary>
internal sealed record NeighborStatus
{
    /// <summary>Neighbours that are known.</summary>
    public int Entries { get; init; }

    /// <summary>Those of them that were learned.</summary>
    public int Learned { get; init; }

    /// <summary>Questions answered here.</summary>
    public long Answered { get; init; }

    /// <summary>Questions flooded because the neighbour is not known.</summary>
    public long Unknown { get; init; }

    /// <summary>Questions flooded because, of a known neighbour, the forwarding entry is not known.</summary>
    public long Unforwarded { get; init; }

    /// <summary>Tests for duplicate addresses that were flooded.</summary>
    public long Probes { get; init; }

    /// <summary>Announcements that came from the device.</summary>
    public long Announcements { get; init; }

    /// <summary>Misses that were told to the writer of the tables, and by it to whoever fills them on demand; the same one at most once a second.</summary>
    public long Misses { get; init; }

    /// <summary>Misses that were not told to the writer of the tables, because too many waited.</summary>
    public long MissesLost { get; init; }

    /// <summary>How often a learned neighbour changed its MAC address.</summary>
    public long Moves { get; init; }

    /// <summary>What was not learned, by reason; only reasons that happened.</summary>
    public IReadOnlyDictionary<string, long> Refused { get; init; } = DropCounts.None;

    /// <summary>The counters of all workers together.</summary>
    public static NeighborStatus From(NeighborTable table, IReadOnlyList<Tunnel> workers)
    {
        NeighborRefusals refusals = table.Refusals;
        (string Reason, long Count)[] refused =
        [
            ("full", refusals.Full), ("protected", refusals.Protected), ("invalid", refusals.Invalid), ("frozen", refusals.Frozen),
            ("elsewhere", refusals.Elsewhere), ("queue-full", workers.Sum(worker => worker.LearnedNeighbors.Overflows)),
        ];
        return new NeighborStatus
        {
            Entries = table.Count,
            Learned = table.LearnedCount,
            Answered = workers.Sum(worker => worker.Neighbors.Answered),
            Unknown = workers.Sum(worker => worker.Neighbors.Unknown),
            Unforwarded = workers.Sum(worker => worker.Neighbors.Unforwarded),
            Probes = workers.Sum(worker => worker.Neighbors.Probes),
            Announcements = workers.Sum(worker => worker.Neighbors.Announcements),
            MissesLost = workers.Sum(worker => worker.NeighborMisses.Overflows),
            Moves = table.Moves,
            Refused = refused.Where(r => r.Count != 0).ToDictionary(r => r.Reason, r => r.Count),
        };
    }
}
