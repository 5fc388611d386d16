using System.Numerics;
using Overlay.Tables;

namespace Overlay.Testing.Simulation.Invariants;

/// <summary>
/// The table of remotes grows with the remotes that were named within the quarantine, not with all that ever were.
/// </summary>
public sealed class MemoryIsBounded : SimulationInvariant
{
    private const int SmallestCapacity = 16;

    private readonly Dictionary<SimulatedTables, Use> _uses = [];

    /// <inheritdoc/>
    public override string Rule => "Memory for remotes is bounded by those named of late.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        switch (simulationEvent)
        {
            case UpdateApplied { Update: { Kind: OverlayUpdateKind.SetForwarding } update } applied:
                Of(applied.Tables).Name(new FdbRemote(update.Entry.Remote, update.Entry.Port), applied.Time);
                break;
            case ForwardingReplaced replaced:
                foreach (FdbEntry entry in replaced.Tables.Twin.Forwarding.Values.Where(entry => entry.Origin == replaced.Origin))
                {
                    Of(replaced.Tables).Name(new FdbRemote(entry.Remote, entry.Port), replaced.Time);
                }

                break;
            case AddressLearned { IsTaken: true } learned:
                Of(learned.Tables).Name(new FdbRemote(learned.Address.Remote), learned.Time);
                break;
            case TablesAged { Tables: { } tables } aged:
                Use use = Of(tables);
                foreach (ForwardingRow row in tables.Tables.Forwarding.Snapshot(aged.Time))
                {
                    use.Name(new FdbRemote(row.Entry.Remote, row.Entry.Port), aged.Time);
                }

                use.Forget(aged.Time);
                int bound = Math.Max(SmallestCapacity, (int)BitOperations.RoundUpToPowerOf2((uint)use.Most));
                Require(
                    tables.Tables.Forwarding.RemoteCapacity <= bound,
                    $"{tables.Name} has room for {tables.Tables.Forwarding.RemoteCapacity} remotes; at most {use.Most} were named within a quarantine.");
                break;
        }
    }

    private Use Of(SimulatedTables tables)
    {
        if (!_uses.TryGetValue(tables, out Use? use))
        {
            _uses.Add(tables, use = new Use());
        }

        return use;
    }

    private sealed class Use
    {
        private readonly Dictionary<FdbRemote, long> _lastNamed = [];
        private long _lastAged = -1;
        private long _longestInterval;

        public int Most { get; private set; }

        public void Name(FdbRemote remote, long now)
        {
            _lastNamed[remote] = now;
            Most = Math.Max(Most, _lastNamed.Count);
        }

        public void Forget(long now)
        {
            _longestInterval = _lastAged >= 0 ? Math.Max(_longestInterval, now - _lastAged) : 0;
            _lastAged = now;

            // Released up to one interval after it was seen last, noticed an interval later, freed an interval after the quarantine.
            long horizon = now - ForwardingTable.RemoteQuarantineMilliseconds - (3 * _longestInterval);
            foreach ((FdbRemote remote, long named) in _lastNamed)
            {
                if (named < horizon)
                {
                    _lastNamed.Remove(remote);
                }
            }
        }
    }
}
