namespace Overlay.Testing.Simulation.Workload;

/// <summary>Who makes something happen now and then.</summary>
/// <param name="name">Its name in the log.</param>
/// <param name="world">The world.</param>
/// <param name="meanGap">The mean time between two events, in milliseconds; 0 for none.</param>
public abstract class WorkloadActor(string name, SimulatedWorld world, int meanGap) : SimulationActor(name)
{
    // Moments are shared, so that many are ready at once: what never meets is never interleaved.
    private const int Grid = 20;

    private long _due = meanGap > 0 ? OnGrid(world.Clock.Now + world.Random.Next(2 * meanGap)) : Never;

    /// <inheritdoc/>
    public sealed override long NextDue => _due;

    /// <inheritdoc/>
    public sealed override bool IsWorkload => true;

    /// <summary>The world.</summary>
    protected SimulatedWorld World { get; } = world;

    /// <summary>Its own generator.</summary>
    protected SimulationRandom Random { get; } = world.Random.Fork();

    /// <summary>Makes it happen.</summary>
    protected abstract void Act();

    /// <inheritdoc/>
    protected sealed override void Step()
    {
        _due = OnGrid(World.Clock.Now + Random.Next(2 * meanGap) + 1);
        Act();
    }

    private static long OnGrid(long moment) => (moment + Grid - 1) / Grid * Grid;
}
