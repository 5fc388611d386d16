namespace Overlay.Forwarding.Statistics;

/// <summary>What the rounds of one subject gave.</summary>
/// <param name="Count">Rounds with a value.</param>
/// <param name="Median">The median of them.</param>
/// <param name="Minimum">The smallest.</param>
/// <param name="Maximum">The largest.</param>
internal sealed record Spread(int Count, double Median, double Minimum, double Maximum)
{
    /// <summary>Sums up.</summary>
    /// <param name="rounds">A value for each round; null where the measurement failed.</param>
    /// <returns>null if no round has a value.</returns>
    public static Spread? Of(IEnumerable<double?> rounds)
    {
        double[] values = [.. rounds.OfType<double>()];
        return values.Length == 0 ? null : new Spread(values.Length, Order.Median(values), values.Min(), values.Max());
    }
}
