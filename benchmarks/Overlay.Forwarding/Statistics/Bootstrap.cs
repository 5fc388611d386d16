using Overlay.Benchmarks;

namespace Overlay.Forwarding.Statistics;

/// <summary>How far a median can be trusted: the percentile bootstrap (Efron 1979), with a seed, so that the same samples give the same interval.</summary>
internal static class Bootstrap
{
    /// <summary>
    /// The fewest samples that get an interval. Even the whole range, smallest to largest, holds the true median only with probability 1 − 2^(1 − n):
    /// below 6 that is less than 95 %, and any interval would claim too much.
    /// </summary>
    public const int MinimumSamples = 6;

    private const int Resamples = 10_000;
    private const double Tail = 0.025;

    /// <summary>The 95 % interval of the median.</summary>
    /// <returns>null with fewer than <see cref="MinimumSamples"/>.</returns>
    public static Interval? OfMedian(ReadOnlySpan<double> samples, ulong seed)
    {
        if (samples.Length < MinimumSamples)
        {
            return null;
        }

        SplitMix64 random = new(seed);
        double[] medians = new double[Resamples];
        double[] drawn = new double[samples.Length];
        for (int i = 0; i < medians.Length; i++)
        {
            for (int j = 0; j < drawn.Length; j++)
            {
                // The upper half of the product spreads 64 random bits over the indices evenly enough.
                drawn[j] = samples[(int)Math.BigMul(random.Next(), (ulong)samples.Length, out _)];
            }

            medians[i] = Order.Median(drawn);
        }

        Array.Sort(medians);
        return new Interval(Order.Quantile(medians, Tail), Order.Quantile(medians, 1 - Tail));
    }
}
