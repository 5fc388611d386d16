using System.Globalization;

namespace Overlay.Testing.Simulation;

/// <summary>Something that happened. Invariants see it when it happens; the log keeps it and prints it as one line.</summary>
public abstract record SimulationEvent
{
    /// <summary>The scheduler's step in which it happened.</summary>
    public long Step { get; internal set; }

    /// <summary>When it happened, in milliseconds of the virtual clock.</summary>
    public long Time { get; internal set; }

    /// <summary>Whose step it was.</summary>
    public string Actor { get; internal set; } = "-";

    /// <summary>Whether it is too frequent, and too small, for the log.</summary>
    public virtual bool IsSilent => false;

    /// <summary>One line.</summary>
    public sealed override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Step,6} {Time,9} {Actor,-16} {Describe()}");

    /// <summary>What happened, in a few words.</summary>
    protected abstract string Describe();
}
