using Overlay.Tables;

namespace Overlay.Testing.Simulation.Invariants;

/// <summary>
/// An address that has moved as often as it may within the window stays where it is until the frost is over (RFC 7432 §15.1), and as many are frozen as have. What the moves
/// were is forgotten with the entry.
/// </summary>
public sealed class FrozenStationsStay : SimulationInvariant
{
    private readonly Dictionary<SimulatedTables, SortedDictionary<(Vni, MacAddress), Station>> _stations = [];

    /// <inheritdoc/>
    public override string Rule => "An address that moves too often is frozen, and stays where it is for so long.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        switch (simulationEvent)
        {
            case AddressLearned learned:
                if (learned.IsTaken)
                {
                    Learn(learned);
                }

                Settle(learned.Tables);
                break;
            case UpdateApplied { Tables: { } tables }:
                Settle(tables);
                break;
            case ForwardingReplaced { Tables: { } tables }:
                Settle(tables);
                break;
            case TablesAged aged:
                foreach (Station station in StationsOf(aged.Tables).Values.Where(station => aged.Time >= station.Until))
                {
                    station.Forget();
                }

                Settle(aged.Tables);
                break;
        }
    }

    private SortedDictionary<(Vni, MacAddress), Station> StationsOf(SimulatedTables tables)
    {
        if (!_stations.TryGetValue(tables, out SortedDictionary<(Vni, MacAddress), Station>? stations))
        {
            _stations.Add(tables, stations = []);
        }

        return stations;
    }

    private void Learn(AddressLearned learned)
    {
        HostOptions options = learned.Tables.Options;
        SortedDictionary<(Vni, MacAddress), Station> stations = StationsOf(learned.Tables);
        (Vni, MacAddress) key = (learned.Address.Vni, learned.Address.Mac);
        if (!stations.TryGetValue(key, out Station? station))
        {
            stations.Add(key, new Station { Remote = learned.Address.Remote });
            return;
        }

        if (station.Remote == learned.Address.Remote)
        {
            return;
        }

        Require(
            !station.IsFrozen || learned.Time >= station.Until,
            $"{learned.Tables.Name}: {learned.Address.Mac} moved {station.Moves} times and is frozen until {station.Until}, and moves from {station.Remote} to {learned.Address.Remote}.");
        if (learned.Time >= station.Until)
        {
            station.Forget();
            station.Until = learned.Time + options.MoveWindow;
        }

        station.Remote = learned.Address.Remote;
        station.Moves++;
        if (options.MoveLimit > 0 && station.Moves >= options.MoveLimit)
        {
            station.IsFrozen = true;
            station.Until = learned.Time + options.FreezeTime;
        }
    }

    // Whoever has no learned entry any more has no past either.
    private void Settle(SimulatedTables tables)
    {
        SortedDictionary<(Vni, MacAddress), Station> stations = StationsOf(tables);
        foreach ((Vni Vni, MacAddress Mac) key in stations.Keys.ToArray())
        {
            if (!tables.Tables.Forwarding.TryLookup(key.Vni, key.Mac, out FdbEntry entry) || entry.Origin != FdbOrigin.Learned)
            {
                stations.Remove(key);
            }
        }

        int frozen = stations.Values.Count(station => station.IsFrozen);
        Require(tables.Tables.Forwarding.FrozenCount == frozen, $"{tables.Name} says that {tables.Tables.Forwarding.FrozenCount} addresses are frozen; {frozen} have moved too often.");
    }

    private sealed class Station
    {
        public ValueIPAddress Remote { get; set; }

        public int Moves { get; set; }

        public bool IsFrozen { get; set; }

        public long Until { get; set; } = long.MinValue;

        public void Forget() => (Moves, IsFrozen, Until) = (0, false, long.MinValue);
    }
}
