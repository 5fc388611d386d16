using System.Globalization;

namespace Overlay.Testing.Simulation;

/// <summary>What happens to packets on the way from one host to another. Shares are 0 to 1.</summary>
public sealed record LinkFaults
{
    /// <summary>A good link: one millisecond, in order, nothing lost.</summary>
    public static LinkFaults None { get; } = new();

    /// <summary>The shortest way, in milliseconds.</summary>
    public int Delay { get; init; } = 1;

    /// <summary>Up to how many milliseconds a packet takes longer; packets overtake each other by it.</summary>
    public int Jitter { get; init; }

    /// <summary>The share of packets lost.</summary>
    public double Loss { get; init; }

    /// <summary>The share of packets that come twice.</summary>
    public double Duplication { get; init; }

    /// <summary>The share of packets with one bit turned.</summary>
    public double Corruption { get; init; }

    /// <summary>Whether nothing comes through.</summary>
    public bool IsCut { get; init; }

    /// <inheritdoc/>
    public override string ToString() => IsCut ? "cut" : string.Create(
        CultureInfo.InvariantCulture,
        $"{Delay}+{Jitter} ms, loss {Loss:0.##}, duplication {Duplication:0.##}, corruption {Corruption:0.##}");
}
