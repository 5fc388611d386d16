namespace Overlay.Benchmarks.Comparison;

/// <summary>Plain C, measured before and after the benchmarks in the same session.</summary>
/// <param name="Before">The rows of the first run.</param>
/// <param name="After">The same rows again.</param>
internal sealed record YardstickRuns(IReadOnlyList<YardstickRow> Before, IReadOnlyList<YardstickRow> After)
{
    /// <summary>More drift than this between the two runs, and the machine was busy with something else.</summary>
    public const double QuietDrift = 0.10;

    /// <summary>The rows of both runs side by side.</summary>
    public IEnumerable<(YardstickRow Before, YardstickRow After)> Rows => Before.Zip(After);

    /// <summary>The largest change of a median from the first run to the second, as a fraction of the first.</summary>
    public double Drift => Rows.Select(row => Math.Abs(row.After.Median - row.Before.Median) / row.Before.Median).DefaultIfEmpty().Max();

    /// <summary>The row of a kind of work; null if there is none.</summary>
    public YardstickRow? Find(string work, int length) => Before.FirstOrDefault(row => row.Work == work && row.Length == length);

    /// <summary>What the work takes in C, between both runs, in nanoseconds; null if there is no such row.</summary>
    public double? Median(string work, int length) => Rows
        .Where(row => row.Before.Work == work && row.Before.Length == length)
        .Select(row => (double?)Middle(row)).FirstOrDefault();

    /// <summary>Between both runs.</summary>
    public static double Middle((YardstickRow Before, YardstickRow After) row) => (row.Before.Median + row.After.Median) / 2;
}
