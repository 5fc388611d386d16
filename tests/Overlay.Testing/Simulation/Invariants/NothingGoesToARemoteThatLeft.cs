namespace Overlay.Testing.Simulation.Invariants;

/// <summary>
/// Where only known remotes are let in, a decision names a remote that some entry names at the moment of the decision. What was decided before the
/// remote left may still be sent: the wire is not ours.
/// </summary>
public sealed class NothingGoesToARemoteThatLeft : SimulationInvariant
{
    /// <inheritdoc/>
    public override string Rule => "Once the removal of a remote is published, no decision names it.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        if (simulationEvent is FrameDecided decided && decided.Tunnel.Options.Policy.Remotes.KnownOnly)
        {
            foreach (ValueIPAddress remote in decided.Remotes)
            {
                Require(decided.Tunnel.Tables.Twin.IsKnown(remote), $"{decided.Tunnel} sends f{decided.Frame.Id} to {remote}, which nothing names.");
            }
        }
    }
}
