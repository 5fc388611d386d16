using System.Globalization;
using System.Text;
using Overlay.Benchmarks.Comparison;

namespace Overlay.Benchmarks.Scale;

/// <summary>What was measured of the tables, as Markdown.</summary>
internal static class ScaleReport
{
    private const double Million = 1_000_000;

    /// <summary>Makes the text.</summary>
    /// <param name="machine">On what it was measured.</param>
    /// <param name="loadAfter">The load averages afterwards.</param>
    /// <param name="options">How much.</param>
    /// <param name="run">What was measured.</param>
    public static string Make(MachineFacts machine, string loadAfter, ScaleOptions options, ScaleRun run)
    {
        StringBuilder text = new();
        Line($"- {machine.Time:yyyy-MM-dd HH:mm} UTC, commit {machine.Commit}, {machine.Runtime}");
        Line($"- Linux {machine.Kernel}, {machine.Processor}, {machine.Cpus} CPUs, load {machine.LoadBefore} before and {loadAfter} after; pages of 4 KB");
        Line($"- {options.Rounds} rounds in which all take turns; medians, and the median of the ratios within the rounds");
        Line($"\n{Target.Table(Targets(run))}");
        MarkdownTable lookups = new("look-up", ">Overlay ns", ">DPDK ns", ">Overlay / DPDK", ">Dictionary ns", ">FrozenDictionary ns");
        foreach (Series series in run.Lookups)
        {
            lookups.Row(series.Work, Spread(series.Overlay), Spread(series.Dpdk), Times(series.Ratio), Spread(series.Dictionary), Spread(series.Frozen));
        }

        Line($"{lookups}");
        MarkdownTable inserts = new("the one writer", ">Overlay ns", ">DPDK ns", ">Overlay / DPDK");
        foreach (Series series in run.Inserts)
        {
            inserts.Row(series.Work, Spread(series.Overlay), Spread(series.Dpdk), Times(series.Ratio));
        }

        inserts.Row("set a route in the full table (IPv4)", Spread(run.RouteInserts), MarkdownTable.Nothing, MarkdownTable.Nothing);
        inserts.Row("remove a route from the full table (IPv4)", Spread(run.RouteRemovals), MarkdownTable.Nothing, MarkdownTable.Nothing);
        Line($"{inserts}");
        MarkdownTable growth = new("table", ">entries", ">ns, one by one", ">ns, in batches", ">bytes per entry");
        foreach (GrowthPoint point in run.Growth)
        {
            growth.Row(point.Table, $"{point.Entries}", MarkdownTable.Time(point.Single), MarkdownTable.Time(point.Bulk), point.BytesPerEntry.ToString("0.0", CultureInfo.InvariantCulture));
        }

        Line($"{growth}");
        return text.ToString();

        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    private static IEnumerable<Target> Targets(ScaleRun run)
    {
        (string Command, double Limit)[] limits = [("any entry", 0.7), ("table, batches", 0.5), ("hot", 0.5), ("IPv4, any", 1), ("IPv4, batches", 1), ("IPv6, any", 1), ("IPv6, batches", 1)];
        foreach (Series series in run.Lookups)
        {
            if (series.Ratio is double ratio)
            {
                yield return new Target($"{series.Work}: ratio to DPDK", ratio, limits.First(limit => series.Work.Contains(limit.Command, StringComparison.Ordinal)).Limit, "×");
            }
        }

        yield return new Target("forwarding entries set by the one writer", 1e9 / Median(run.Inserts[0].Overlay) / Million, 1, "million/s", AtLeast: true);
        yield return new Target("bytes for a forwarding entry", run.ForwardingBytes, 48, "bytes");
        yield return new Target("bytes for a route of IPv4", run.Route4Bytes, 48, "bytes");
        yield return new Target("a route set", Median(run.RouteInserts) / 1000, 2, "µs");
        yield return new Target("a route removed", Median(run.RouteRemovals) / 1000, 2, "µs");
        yield return new Target("all forwarding entries replaced", Median([.. run.Replaces.Select(static replace => replace.Seconds)]), 1, "s");
        yield return new Target("p99 of look-ups meanwhile, clock included", Median([.. run.Replaces.Select(static replace => (double)replace.P99)]), 1_000, "ns");
        yield return new Target("known addresses under a flood of a million others", Median([.. run.Floods.Select(static flood => flood.After / flood.Before)]), 1.1, "×");
        yield return new Target("growth of the table in the flood", Median([.. run.Floods.Select(static flood => flood.BytesAfter / (double)flood.BytesBefore)]), 1, "×");
    }

    private static double Median(IReadOnlyCollection<double> values) => Series.Median(values) ?? double.NaN;

    private static string Spread(List<double> values) => Series.Median(values) is not double median ? MarkdownTable.Nothing
        : values.Count == 1 ? MarkdownTable.Time(median)
        : $"{MarkdownTable.Time(median)} ({MarkdownTable.Time(values.Min())}–{MarkdownTable.Time(values.Max())})";

    private static string Times(double? ratio) => ratio?.ToString("0.00×", CultureInfo.InvariantCulture) ?? MarkdownTable.Nothing;
}
