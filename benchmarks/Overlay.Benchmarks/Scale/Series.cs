namespace Overlay.Benchmarks.Scale;

/// <summary>One kind of work, measured in every round for each that does it; neighbours in time are compared.</summary>
/// <param name="Work">What is done.</param>
internal sealed record Series(string Work)
{
    /// <summary>Nanoseconds of ours, round by round.</summary>
    public List<double> Overlay { get; } = [];

    /// <summary>Nanoseconds of DPDK's table; empty if it is not there.</summary>
    public List<double> Dpdk { get; } = [];

    /// <summary>Nanoseconds of <see cref="Dictionary{TKey, TValue}"/>; empty where none was asked.</summary>
    public List<double> Dictionary { get; } = [];

    /// <summary>Nanoseconds of <see cref="System.Collections.Frozen.FrozenDictionary{TKey, TValue}"/>; empty where none was asked.</summary>
    public List<double> Frozen { get; } = [];

    /// <summary>The median of the ratios to DPDK within each round; null without it.</summary>
    public double? Ratio => Dpdk.Count == 0 ? null : Median([.. Overlay.Zip(Dpdk, static (ours, theirs) => ours / theirs)]);

    /// <summary>The middle one; of an even number the upper of both in the middle. Null of none.</summary>
    public static double? Median(IReadOnlyCollection<double> values) => values.Count == 0 ? null : values.Order().ElementAt(values.Count / 2);
}
