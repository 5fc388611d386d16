namespace Overlay.Testing.Simulation.Invariants;

/// <summary>Learning fills no more of the forwarding table, and of each network's part, than it may, whatever comes.</summary>
public sealed class CapsHold : SimulationInvariant
{
    /// <inheritdoc/>
    public override string Rule => "Learning fills no more entries than it may, in all and of each network.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        if (simulationEvent is AddressLearned { Tables: { } tables })
        {
            int learned = tables.Tables.Forwarding.Count - tables.Twin.Forwarding.Count;
            Require(
                learned <= tables.Options.MaxForwardingEntries,
                $"{tables.Name} holds {learned} learned entries; {tables.Options.MaxForwardingEntries} are allowed.");
            Vni vni = ((AddressLearned)simulationEvent).Address.Vni;
            int inNetwork = tables.Tables.Forwarding.CountOf(vni) - tables.Twin.Forwarding.Keys.Count(key => key.Vni == vni);
            Require(
                inNetwork <= tables.Options.MaxEntriesPerVni,
                $"{tables.Name} holds {inNetwork} learned entries of {vni}; {tables.Options.MaxEntriesPerVni} are allowed.");
        }
    }
}
