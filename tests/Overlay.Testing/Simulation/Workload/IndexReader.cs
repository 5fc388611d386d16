using Overlay.Tables;

namespace Overlay.Testing.Simulation.Workload;

/// <summary>
/// A reader of the forwarding table that is put aside between the look-up of a remote index and its use, by default for less than the quarantine: what a
/// worker does that keeps a prepared header per remote.
/// </summary>
/// <param name="world">The world.</param>
/// <param name="options">How often.</param>
/// <param name="longestHold">For how long an index is held at most, in milliseconds.</param>
public sealed class IndexReader(SimulatedWorld world, WorkloadOptions options, int longestHold = ForwardingTable.RemoteQuarantineMilliseconds - 1)
    : WorkloadActor("index-reader", world, options?.IndexReads ?? 0)
{
    private readonly PriorityQueue<(SimulatedTables Tables, int Index, FdbRemote Expected, long Taken), (long Due, long Order)> _held = new();
    private long _order;

    /// <inheritdoc/>
    protected override void Act()
    {
        // The world may have been put aside for longer than was planned; who holds an index too long must look it up again.
        while (_held.TryPeek(out var held, out (long Due, long Order) next) && next.Due <= World.Clock.Now)
        {
            _ = _held.Dequeue();
            long age = World.Clock.Now - held.Taken;
            if (age <= longestHold)
            {
                World.Publish(new IndexUsed(held.Tables, held.Index, held.Expected, held.Tables.Tables.Forwarding.GetRemote(held.Index), age));
            }
        }

        SimulatedTunnel tunnel = Random.Pick([.. World.Tunnels]);
        SimulatedTables tables = tunnel.Tables;
        MacAddress mac = Random.Pick(World.Stations).Mac;
        if (tables.Tables.Forwarding.TryLookup(tunnel.Vni, mac, out int index) && tables.Tables.Forwarding.TryLookup(tunnel.Vni, mac, out FdbEntry entry))
        {
            long hold = Random.Hits(0.5) ? Random.Next(50) : Random.Next(longestHold);
            _held.Enqueue((tables, index, new FdbRemote(entry.Remote, entry.Port), World.Clock.Now), (World.Clock.Now + hold, _order++));
        }
    }
}
