namespace Overlay.Testing.Simulation.Invariants;

/// <summary>Learning fills no more of the forwarding table than it may, whatever comes.</summary>
public sealed class CapsHold : SimulationInvariant
{
    /// <inheritdoc/>
    public override string Rule => "Learning fills no more entries than it may.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        if (simulationEvent is AddressLearned { Tables: { } tables })
        {
            int learned = tables.Tables.Forwarding.Count - tables.Twin.Forwarding.Count;
            Require(
                learned <= tables.Options.MaxForwardingEntries,
                $"{tables.Name} holds {learned} learned entries; {tables.Options.MaxForwardingEntries} are allowed.");
        }
    }
}
