namespace Overlay.Testing.Simulation;

/// <summary>
/// Something that must hold whatever happens. Derive from it, say what is watched, and add it to <see cref="SimulatedWorld.Invariants"/>; it may keep
/// its own books, but must not act.
/// </summary>
public abstract class SimulationInvariant
{
    /// <summary>What must hold, as a sentence.</summary>
    public abstract string Rule { get; }

    /// <summary>Called for each event, in order, at the moment it happens: the tables are as whoever acted found or left them.</summary>
    public virtual void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
    }

    /// <summary>Called when the simulation has come to rest: nothing is on its way any more.</summary>
    public virtual void ObserveRest(SimulatedWorld world)
    {
    }

    /// <summary>Says that it does not hold.</summary>
    /// <param name="what">What was seen instead, with names and values.</param>
    protected void Break(string what) => throw new InvariantBrokenException(this, what);

    /// <summary>Says that it does not hold unless a condition is met.</summary>
    protected void Require(bool condition, FormattableString what)
    {
        ArgumentNullException.ThrowIfNull(what);
        if (!condition)
        {
            Break(FormattableString.Invariant(what));
        }
    }
}
