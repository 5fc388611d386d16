namespace Overlay.Testing.Simulation;

/// <summary>An invariant does not hold.</summary>
public sealed class InvariantBrokenException : Exception
{
    public InvariantBrokenException(SimulationInvariant invariant, string what)
        : base($"{invariant?.GetType().Name}: {invariant?.Rule} {what}") => Invariant = invariant!;

    /// <summary>Which.</summary>
    public SimulationInvariant Invariant { get; }
}
