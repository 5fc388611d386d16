using Overlay.Tables;

namespace Overlay.Testing.Simulation.Invariants;

/// <summary>
/// After the tables were aged, no learned entry is left whose host was not heard for the maximum age: frames that only go to it do not keep it.
/// </summary>
public sealed class LearnedEntriesAgeOut : SimulationInvariant
{
    private readonly Dictionary<(SimulatedTables, Vni, MacAddress), long> _heard = [];

    /// <inheritdoc/>
    public override string Rule => "A learned entry goes when its host is not heard any more.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        switch (simulationEvent)
        {
            case PacketAccepted accepted:
                _heard[(accepted.Tunnel.Tables, accepted.Tunnel.Vni, accepted.Source)] = accepted.Time;
                break;
            case AddressLearned { IsTaken: true } learned:
                _heard[(learned.Tables, learned.Address.Vni, learned.Address.Mac)] = learned.Time;
                break;
            case TablesAged { Tables: { } tables } aged:
                foreach (ForwardingRow row in tables.Tables.Forwarding.Snapshot(aged.Time).OrderBy(row => (row.Vni, row.Mac)))
                {
                    if (row.Entry.Origin == FdbOrigin.Learned)
                    {
                        long idle = aged.Time - _heard.GetValueOrDefault((tables, row.Vni, row.Mac));
                        Require(idle <= tables.Options.MaxAge, $"{tables.Name}: {row.Mac} in {row.Vni} was last heard {idle} ms ago and is still at {row.Entry.Remote}.");
                    }
                }

                break;
        }
    }
}
