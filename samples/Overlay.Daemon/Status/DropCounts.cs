using System.Collections.Frozen;
using Overlay.DataPath;

namespace Overlay.Daemon.Status;

/// <summary>Turns counters into what status shows.</summary>
internal static class DropCounts
{
    /// <summary>No drops.</summary>
    public static IReadOnlyDictionary<string, long> None { get; } = FrozenDictionary<string, long>.Empty;

    /// <summary>The drops of some books together, by label.</summary>
    public static IReadOnlyDictionary<string, long> From(params ReadOnlySpan<DirectionCounters> books)
    {
        Span<long> sums = stackalloc long[DropReasons.Count];
        sums.Clear();
        foreach (DirectionCounters counters in books)
        {
            for (int i = 0; i < sums.Length; i++)
            {
                sums[i] += counters.Drops((DropReason)i);
            }
        }

        return From(sums);
    }

    /// <summary>What policies have let pass that would have been a drop, by label; null if there is none.</summary>
    public static IReadOnlyDictionary<string, long>? Tolerated(DirectionCounters counters)
    {
        long[] tolerated = [.. Enumerable.Range(0, DropReasons.Count).Select(reason => counters.Tolerated((DropReason)reason))];
        return From(tolerated) is { Count: > 0 } counts ? counts : null;
    }

    /// <summary>Drops by label, added up.</summary>
    public static IReadOnlyDictionary<string, long> Sum(IEnumerable<IReadOnlyDictionary<string, long>> parts)
    {
        OrderedDictionary<string, long> sums = [];
        foreach ((string reason, long packets) in parts.SelectMany(part => part))
        {
            sums[reason] = sums.GetValueOrDefault(reason) + packets;
        }

        return sums.Count == 0 ? None : sums;
    }

    /// <summary>The counters that are not zero, by label, in the order of <see cref="DropReason"/>.</summary>
    /// <param name="counters">One counter for each reason, indexed by it.</param>
    /// <exception cref="ArgumentException">There are more counters than reasons.</exception>
    public static IReadOnlyDictionary<string, long> From(ReadOnlySpan<long> counters)
    {
        if (counters.Length > DropReasons.Count)
        {
            throw new ArgumentException($"There are {DropReasons.Count} reasons, not {counters.Length}.", nameof(counters));
        }

        OrderedDictionary<string, long>? drops = null;
        for (int i = 0; i < counters.Length; i++)
        {
            if (counters[i] != 0)
            {
                (drops ??= []).Add(DropReasons.Label((DropReason)i), counters[i]);
            }
        }

        return drops is null ? None : drops;
    }
}
