namespace Overlay.Forwarding.Statistics;

/// <summary>Statistics that only ask for the order of the samples, so that one disturbed round does not move them.</summary>
internal static class Order
{
    /// <summary>The middle one, or the mean of the middle two.</summary>
    /// <exception cref="ArgumentException">There are no samples.</exception>
    public static double Median(ReadOnlySpan<double> samples)
    {
        if (samples.IsEmpty)
        {
            throw new ArgumentException("Nothing has no median.", nameof(samples));
        }

        Span<double> sorted = samples.Length <= 64 ? stackalloc double[samples.Length] : new double[samples.Length];
        samples.CopyTo(sorted);
        sorted.Sort();
        return Quantile(sorted, 0.5);
    }

    /// <summary>A quantile of samples in ascending order, interpolated between the two nearest.</summary>
    /// <param name="sorted">The samples; at least one.</param>
    /// <param name="fraction">0 for the smallest to 1 for the largest.</param>
    public static double Quantile(ReadOnlySpan<double> sorted, double fraction)
    {
        double position = (sorted.Length - 1) * fraction;
        int below = (int)position;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((sorted[above] - sorted[below]) * (position - below));
    }
}
