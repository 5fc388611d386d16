using System.Collections.Concurrent;

namespace Overlay.Tables;

/// <summary>
/// Who gets a copy of broadcast, multicast and unknown unicast frames of a network: head-end replication, or the one group of RFC 7348 §4.2.
/// One writer; any number of readers, which take no lock and never allocate.
/// </summary>
/// <remarks>Each list is an array that is never changed, only replaced, so a reader may keep its span for as long as it likes.</remarks>
public sealed class FloodList
{
    private readonly ConcurrentDictionary<Vni, ValueIPAddress[]> _lists = new();
    private readonly ConcurrentDictionary<Vni, FloodLimiter> _limiters = new();
    private int _count;

    /// <summary>Remotes of all networks together.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>The remotes of a network in the order in which they were added; empty if there are none.</summary>
    public ReadOnlySpan<ValueIPAddress> this[Vni vni] => _lists.TryGetValue(vni, out ValueIPAddress[]? list) ? list : default;

    /// <summary>The token buckets of a network: the same ones for all who ask, so that all workers share one limit. Any thread; allocates the first time.</summary>
    public FloodLimiter LimiterOf(Vni vni) => _limiters.GetOrAdd(vni, static _ => new FloodLimiter());

    /// <summary>Adds a remote at the end of a list. Writer only.</summary>
    /// <returns>Whether it was not there before; if it was, it keeps its place.</returns>
    /// <exception cref="ArgumentException">The remote is the unspecified address.</exception>
    public bool Add(Vni vni, ValueIPAddress remote)
    {
        if (remote.IsUnspecified)
        {
            throw new ArgumentException($"{remote} is nobody's address.", nameof(remote));
        }

        ReadOnlySpan<ValueIPAddress> old = this[vni];
        if (old.Contains(remote))
        {
            return false;
        }

        _lists[vni] = [.. old, remote];
        Volatile.Write(ref _count, _count + 1);
        return true;
    }

    /// <summary>Removes a remote; the others keep their order. Writer only.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Remove(Vni vni, ValueIPAddress remote)
    {
        ReadOnlySpan<ValueIPAddress> old = this[vni];
        int index = old.IndexOf(remote);
        if (index < 0)
        {
            return false;
        }

        if (old.Length == 1)
        {
            _lists.TryRemove(vni, out _);
        }
        else
        {
            _lists[vni] = [.. old[..index], .. old[(index + 1)..]];
        }

        Volatile.Write(ref _count, _count - 1);
        return true;
    }

    /// <summary>All lists, each in its order. Any thread.</summary>
    public IReadOnlyList<FloodRow> Snapshot()
    {
        List<FloodRow> rows = new(Count);
        foreach ((Vni vni, ValueIPAddress[] list) in _lists)
        {
            foreach (ValueIPAddress remote in list)
            {
                rows.Add(new FloodRow(vni, remote));
            }
        }

        return rows;
    }
}
