using Overlay.Benchmarks.Encapsulation;

namespace Overlay.Benchmarks.Comparison;

/// <summary>VXLAN by Overlay, by plain C and by PacketDotNet side by side.</summary>
internal static class ComparisonTable
{
    /// <summary>How many times the time of plain C is to be reached.</summary>
    public const double Limit = 1.2;

    private static readonly (string Work, Type Type)[] Works =
        [("encap", typeof(EncapsulationBenchmarks)), ("decap", typeof(DecapsulationBenchmarks))];

    /// <summary>The table; null if nothing of it was measured.</summary>
    public static MarkdownTable? Make(Measurements measurements, YardstickRuns yardsticks)
    {
        MarkdownTable table = new(
            "work", ">frame", ">batch", "outer checksum", ">Overlay ns", ">C before", ">C after", ">Overlay / C", ">PacketDotNet ns", ">PacketDotNet / Overlay",
            ">allocated by Overlay", ">by PacketDotNet");
        foreach ((string work, Type type) in Works)
        {
            foreach ((YardstickRow first, YardstickRow last) in yardsticks.Rows.Where(row => row.Before.Work == work))
            {
                Measurement? ours = Find(measurements, type, nameof(EncapsulationBenchmarks.Overlay), first);
                Measurement? theirs = Find(measurements, type, PacketDotNetMethod(type), first);
                if (ours is not null || theirs is not null)
                {
                    table.Row(
                        work, $"{first.Length}", $"{first.Frames}", first.Variant, MarkdownTable.Spread(ours), MarkdownTable.Time(first.Median), MarkdownTable.Time(last.Median),
                        MarkdownTable.Ratio(ours?.Median, YardstickRuns.Middle((first, last))), MarkdownTable.Time(theirs?.Median),
                        MarkdownTable.Ratio(theirs?.Median, ours?.Median), MarkdownTable.Bytes(ours), MarkdownTable.Bytes(theirs));
                }
            }
        }

        return table.Count > 0 ? table : null;
    }

    /// <summary>One for each kind of work, with and without checksums: the largest ratio of all lengths and batches.</summary>
    public static IEnumerable<Target> Targets(Measurements measurements, YardstickRuns yardsticks)
    {
        foreach ((string work, Type type) in Works)
        {
            foreach (IGrouping<string, (YardstickRow Before, YardstickRow After)> rows in yardsticks.Rows.Where(row => row.Before.Work == work).GroupBy(row => row.Before.Variant))
            {
                double?[] ratios = [.. rows.Select(row => Find(measurements, type, nameof(EncapsulationBenchmarks.Overlay), row.Before)?.Median / YardstickRuns.Middle(row))];
                if (ratios.Any(ratio => ratio is not null))
                {
                    yield return new Target($"VXLAN {work}, outer checksum {rows.Key}: the worst ratio to plain C", ratios.Max()!.Value, Limit, "×");
                }
            }
        }
    }

    private static string PacketDotNetMethod(Type type) =>
        type == typeof(EncapsulationBenchmarks) ? nameof(EncapsulationBenchmarks.PacketDotNetBuild) : nameof(DecapsulationBenchmarks.PacketDotNetParse);

    private static Measurement? Find(Measurements measurements, Type type, string method, YardstickRow row) => measurements.Find(
        type, method,
        (nameof(EncapsulationBenchmarks.FrameLength), row.Length),
        (nameof(EncapsulationBenchmarks.Frames), row.Frames),
        (nameof(EncapsulationBenchmarks.Checksum), row.Checksum));
}
