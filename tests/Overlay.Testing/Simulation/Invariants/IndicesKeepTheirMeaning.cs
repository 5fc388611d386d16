namespace Overlay.Testing.Simulation.Invariants;

/// <summary>A remote index stands for the same remote while a reader uses it, whatever the writer does meanwhile.</summary>
public sealed class IndicesKeepTheirMeaning : SimulationInvariant
{
    /// <inheritdoc/>
    public override string Rule => "A remote index never stands for two remotes within a reader's use.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        if (simulationEvent is IndexUsed used)
        {
            Require(
                used.Found == used.Expected,
                $"{used.Tables.Name}: index {used.Index} stood for {used.Expected} when it was looked up, and after {used.Age} ms for {used.Found}.");
        }
    }
}
