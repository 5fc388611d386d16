using Overlay.Tables;

namespace Overlay.Testing.Simulation.Invariants;

/// <summary>
/// When an address is learned, at most one other goes for it: where that is asked for, only when the table, or the network's part, was full, and only one whose host was not heard
/// for as long as the table promises.
/// </summary>
public sealed class TalkersAreNotEvicted : SimulationInvariant
{
    // Between the moment a packet is judged and the moment that is told, others may run.
    private const long Slack = 100;

    private readonly Dictionary<SimulatedTables, HashSet<ForwardingKey>> _learned = [];
    private readonly Dictionary<(SimulatedTables, ForwardingKey), long> _heard = [];

    /// <inheritdoc/>
    public override string Rule => "In a full table only a host makes way that was not heard of late, and nobody unless that is asked for.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        switch (simulationEvent)
        {
            case PacketAccepted accepted when accepted.Tunnel.Tables.Tables.Forwarding.TryLookup(accepted.Tunnel.Vni, accepted.Source, out FdbEntry entry) &&
                entry.Remote == accepted.Remote:
                _heard[(accepted.Tunnel.Tables, new ForwardingKey(accepted.Tunnel.Vni, accepted.Source))] = accepted.Time;
                break;
            case AddressLearned learned:
                Check(learned);
                break;
            case UpdateApplied { Tables: { } tables }:
                _learned[tables] = LearnedOf(tables);
                break;
            case ForwardingReplaced { Tables: { } tables }:
                _learned[tables] = LearnedOf(tables);
                break;
            case TablesAged { Tables: { } tables }:
                _learned[tables] = LearnedOf(tables);
                break;
        }
    }

    private static HashSet<ForwardingKey> LearnedOf(SimulatedTables tables) =>
        [.. tables.Tables.Forwarding.Snapshot(0).Where(row => row.Entry.Origin == FdbOrigin.Learned).Select(row => new ForwardingKey(row.Vni, row.Mac))];

    private void Check(AddressLearned learned)
    {
        SimulatedTables tables = learned.Tables;
        ForwardingKey key = new(learned.Address.Vni, learned.Address.Mac);
        HashSet<ForwardingKey> before = _learned.TryGetValue(tables, out HashSet<ForwardingKey>? known) ? known : _learned[tables] = LearnedOf(tables);
        HostOptions options = tables.Options;
        int others = tables.Twin.Forwarding.Count;
        bool wasFull = before.Count + others >= options.MaxForwardingEntries ||
            before.Count(k => k.Vni == key.Vni) + tables.Twin.Forwarding.Keys.Count(k => k.Vni == key.Vni) >= options.MaxEntriesPerVni;
        HashSet<ForwardingKey> after = wasFull ? LearnedOf(tables) : before;
        if (learned.IsTaken)
        {
            _heard[(tables, key)] = learned.Time;
            after.Add(key);
        }

        ForwardingKey[] gone = [.. before.Where(k => !after.Contains(k))];
        Require(tables.Tables.Forwarding.Count == after.Count + others, $"{tables.Name} holds {tables.Tables.Forwarding.Count} entries; {after.Count + others} are known.");
        Require(gone.Length == 0 || (gone.Length == 1 && options.WhenFull == ForwardingOverflow.EvictOldest), $"{tables.Name}: {string.Join(", ", gone)} made way for {key}.");
        foreach (ForwardingKey one in gone)
        {
            long idle = learned.Time - _heard.GetValueOrDefault((tables, one));
            Require(
                idle >= ForwardingTable.EvictionAgeMilliseconds - ForwardingTable.RefreshIntervalMilliseconds - Slack,
                $"{tables.Name}: {one} made way for {key} and was heard {idle} ms ago.");
        }

        _learned[tables] = after;
    }
}
