using Overlay.Tables;

namespace Overlay.Daemon.DataPlane;

/// <summary>
/// The inner addresses that were asked for lately and not known: what a control plane that fills tables on demand wants to see. A bounded number of them; the one that was
/// not asked for for the longest time makes way. The writer of the tables adds, any thread reads.
/// </summary>
/// <param name="clock">The time in milliseconds.</param>
internal sealed class MissLog(Func<long> clock)
{
    /// <summary>How many addresses are remembered.</summary>
    public const int Capacity = 1_024;

    private readonly Lock _gate = new();
    private readonly Dictionary<(Vni, ValueIPAddress), LinkedListNode<LoggedMiss>> _known = [];
    private readonly LinkedList<LoggedMiss> _byTime = [];
    private long _count;

    /// <summary>How many misses there were, of all addresses.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>Adds a miss: a subscriber of <see cref="OverlayTables.NeighborMissed"/>.</summary>
    public void Add(NeighborMiss miss)
    {
        lock (_gate)
        {
            Volatile.Write(ref _count, _count + 1);
            LoggedMiss logged = new(miss, 1, clock());
            if (_known.Remove((miss.Vni, miss.Address), out LinkedListNode<LoggedMiss>? before))
            {
                logged = logged with { Times = before.Value.Times + 1 };
                _byTime.Remove(before);
            }
            else if (_known.Count == Capacity)
            {
                NeighborMiss oldest = _byTime.Last!.Value.Miss;
                _known.Remove((oldest.Vni, oldest.Address));
                _byTime.RemoveLast();
            }

            _known.Add((miss.Vni, miss.Address), _byTime.AddFirst(logged));
        }
    }

    /// <summary>What is in it, the latest first.</summary>
    public IReadOnlyList<LoggedMiss> Snapshot()
    {
        lock (_gate)
        {
            return [.. _byTime];
        }
    }
}

/// <summary>An address that was asked for.</summary>
/// <param name="Miss">The last time.</param>
/// <param name="Times">How often it was told; a host that asks again within a second is told once (<see cref="NeighborMissQueue.RepeatInterval"/>).</param>
/// <param name="Last">When, in milliseconds.</param>
internal readonly record struct LoggedMiss(NeighborMiss Miss, long Times, long Last);
