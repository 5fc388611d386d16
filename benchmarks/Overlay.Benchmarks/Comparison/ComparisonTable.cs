using System.Globalization;
using System.Text;
using BenchmarkDotNet.Reports;
using Overlay.Benchmarks.Encapsulation;

namespace Overlay.Benchmarks.Comparison;

/// <summary>Overlay, plain C and PacketDotNet side by side, as a Markdown table.</summary>
internal static class ComparisonTable
{
    // More drift than this between the two runs of the yardstick, and the machine was busy with something else.
    private const double QuietDrift = 0.10;

    public static string Make(IEnumerable<Summary> summaries, IReadOnlyList<YardstickRow> before, IReadOnlyList<YardstickRow> after)
    {
        BenchmarkReport[] reports = [.. summaries.SelectMany(summary => summary.Reports).Where(report => report.ResultStatistics is not null)];
        StringBuilder table = new();
        table.AppendLine("Medians in nanoseconds per packet. The yardstick in C ran before and after the benchmarks, in the same session.");
        table.AppendLine();
        table.AppendLine("| work | frame | batch | outer checksum | Overlay | C before | C after | Overlay / C | PacketDotNet | PacketDotNet / Overlay | allocated by Overlay | by PacketDotNet |");
        table.AppendLine("|---|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|");
        double drift = 0;
        foreach ((YardstickRow first, YardstickRow last) in before.Zip(after))
        {
            BenchmarkReport? ours = Find(reports, first, nameof(EncapsulationBenchmarks.Overlay));
            BenchmarkReport? theirs = Find(reports, first, "PacketDotNet");
            if (ours is null && theirs is null)
            {
                continue;
            }

            drift = Math.Max(drift, Math.Abs(last.Median - first.Median) / first.Median);
            double limit = (first.Median + last.Median) / 2;
            table.AppendLine(string.Create(CultureInfo.InvariantCulture, $"""
                | {first.Work} | {first.FrameLength} | {first.Frames} | {(first.Checksum ? "computed" : "zero")} | {Time(Median(ours))} | {Time(first.Median)} | {Time(last.Median)} | {Ratio(Median(ours), limit)} | {Time(Median(theirs))} | {Ratio(Median(theirs), Median(ours))} | {Bytes(ours)} | {Bytes(theirs)} |
                """));
        }

        if (drift > QuietDrift)
        {
            table.AppendLine();
            table.AppendLine(CultureInfo.InvariantCulture, $"The yardstick drifted by {drift:P0}: the machine was not quiet, measure again.");
        }

        return table.ToString();
    }

    private static BenchmarkReport? Find(BenchmarkReport[] reports, YardstickRow row, string method)
    {
        Type type = row.Work == "encap" ? typeof(EncapsulationBenchmarks) : typeof(DecapsulationBenchmarks);
        return Array.Find(reports, report => report.BenchmarkCase.Descriptor.Type == type
            && report.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo.Trim('\'') == method
            && Parameter(report, nameof(EncapsulationBenchmarks.FrameLength)) is int length && length == row.FrameLength
            && Parameter(report, nameof(EncapsulationBenchmarks.Frames)) is int frames && frames == row.Frames
            && Parameter(report, nameof(EncapsulationBenchmarks.Checksum)) is bool checksum && checksum == row.Checksum);
    }

    private static object? Parameter(BenchmarkReport report, string name) => report.BenchmarkCase.Parameters[name];

    private static double? Median(BenchmarkReport? report) => report?.ResultStatistics?.Median;

    private static string Time(double? nanoseconds) => nanoseconds?.ToString("0.00", CultureInfo.InvariantCulture) ?? "–";

    private static string Ratio(double? value, double? reference) => (value / reference)?.ToString("0.00×", CultureInfo.InvariantCulture) ?? "–";

    private static string Bytes(BenchmarkReport? report) =>
        report?.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) is { } bytes ? $"{bytes} B" : "–";
}
