namespace Overlay.Testing.Simulation;

/// <summary>Something that acts in small steps: a worker, the writer of tables, the network, a station, an attacker. All run on one thread.</summary>
/// <param name="name">Its name in the log.</param>
public abstract class SimulationActor(string name)
{
    /// <summary><see cref="NextDue"/> of who has nothing to do until something happens to it.</summary>
    public const long Never = long.MaxValue;

    /// <summary>Its name in the log.</summary>
    public string Name { get; } = name;

    /// <summary>How often it is chosen among those that are ready, as a ratio; at least 1.</summary>
    public virtual int Weight => 1;

    /// <summary>From when on it has something to do; <see cref="Never"/> for not until something happens to it.</summary>
    public abstract long NextDue { get; }

    /// <summary>
    /// Whether it makes work, as stations and attackers do, or goes on for ever, as ageing does: the simulation has come to rest when only such are left.
    /// </summary>
    public virtual bool IsEndless => false;

    /// <summary>Whether it is stopped when the simulation is drained: who makes traffic and changes.</summary>
    public virtual bool IsWorkload => false;

    /// <summary>Whether it is in the middle of a step. It may have been put aside there while others run.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>Does the next small thing.</summary>
    protected abstract void Step();

    internal void Run()
    {
        IsRunning = true;
        try
        {
            Step();
        }
        finally
        {
            IsRunning = false;
        }
    }
}
