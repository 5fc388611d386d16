namespace Overlay.Testing.Simulation.Workload;

/// <summary>How much happens. Each number is the mean time between two events in milliseconds; 0 is never.</summary>
public sealed record WorkloadOptions
{
    /// <summary>Between two frames of one station.</summary>
    public int Traffic { get; init; } = 400;

    /// <summary>The share of a station's frames that are for everybody.</summary>
    public double Broadcasts { get; init; } = 0.2;

    /// <summary>The share of a station's frames that go to a MAC address that nobody has, or are no frames at all.</summary>
    public double Oddities { get; init; } = 0.05;

    /// <summary>Between two moves of a station to another host, or its going off or on.</summary>
    public int Moves { get; init; }

    /// <summary>Between two changes by the control plane.</summary>
    public int Updates { get; init; }

    /// <summary>Between two changes of links.</summary>
    public int Faults { get; init; }

    /// <summary>Between two packets of an attacker.</summary>
    public int Attacks { get; init; }

    /// <summary>Between two look-ups of a reader that keeps the index for a while.</summary>
    public int IndexReads { get; init; }
}
