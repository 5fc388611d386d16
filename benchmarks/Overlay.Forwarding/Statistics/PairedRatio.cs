namespace Overlay.Forwarding.Statistics;

/// <summary>
/// One subject against another: the ratio within each round, where both were measured one shortly after the other, and the median of these ratios. What
/// slows a whole round down falls out.
/// </summary>
/// <param name="Pairs">Rounds in which both have a value.</param>
/// <param name="Median">The median of the ratios.</param>
/// <param name="Interval">Its 95 % bootstrap interval; null with fewer pairs than <see cref="Bootstrap.MinimumSamples"/>.</param>
internal sealed record PairedRatio(int Pairs, double Median, Interval? Interval)
{
    /// <summary>Compares.</summary>
    /// <param name="rounds">A value for each round; null where the measurement failed.</param>
    /// <param name="baseline">The same of what it is compared with, round by round.</param>
    /// <param name="seed">Of the bootstrap.</param>
    /// <returns>null without a single pair. Rounds in which the baseline is 0 have no ratio.</returns>
    /// <exception cref="ArgumentException">The numbers of rounds differ.</exception>
    public static PairedRatio? Of(IReadOnlyList<double?> rounds, IReadOnlyList<double?> baseline, ulong seed)
    {
        if (rounds.Count != baseline.Count)
        {
            throw new ArgumentException($"{rounds.Count} rounds cannot be paired with {baseline.Count}.", nameof(baseline));
        }

        double[] ratios = [.. rounds.Zip(baseline).Where(pair => pair is { First: not null, Second: not null and not 0 }).Select(pair => pair.First!.Value / pair.Second!.Value)];
        return ratios.Length == 0 ? null : new PairedRatio(ratios.Length, Order.Median(ratios), Bootstrap.OfMedian(ratios, seed));
    }
}
