using System.Globalization;
using Overlay.Benchmarks.Wire;

namespace Overlay.Benchmarks.Comparison;

/// <summary>The Internet checksum beside C with vector intrinsics, add-with-carry and memcpy.</summary>
internal static class ChecksumTable
{
    /// <summary>The part of the speed of the vectors in C that is to be reached.</summary>
    public const double LeastSpeed = 60;

    /// <summary>How many times the time of a copy a copy with a sum may take.</summary>
    public const double MostCopy = 1.3;

    private static readonly Type Benchmarks = typeof(InternetChecksumBenchmarks);

    /// <summary>The table; null if nothing of it was measured.</summary>
    public static MarkdownTable? Make(Measurements measurements, YardstickRuns yardsticks)
    {
        MarkdownTable table = new("work", ">bytes", ">Overlay ns", ">GB/s", ">C ns", "C", ">Overlay / C", ">C add-with-carry ns");
        foreach ((string work, string method, string yardstick) in new[]
        {
            ("sum", nameof(InternetChecksumBenchmarks.Sum), "sum"),
            ("copy and sum", nameof(InternetChecksumBenchmarks.CopySum), "copy-sum"),
            ("copy (`Span.CopyTo`; memcpy)", nameof(InternetChecksumBenchmarks.Copy), "memcpy"),
        })
        {
            foreach (Measurement ours in measurements.Of(Benchmarks, method))
            {
                int length = LengthOf(ours);
                double? theirs = yardsticks.Median(yardstick, length);
                table.Row(
                    work, $"{length}", MarkdownTable.Spread(ours), (length / ours.Median).ToString("0.0", CultureInfo.InvariantCulture), MarkdownTable.Time(theirs),
                    yardsticks.Find(yardstick, length)?.Variant ?? MarkdownTable.Nothing, MarkdownTable.Ratio(ours.Median, theirs),
                    method == nameof(InternetChecksumBenchmarks.Sum) ? MarkdownTable.Time(yardsticks.Median("sum-adc", length)) : "");
            }
        }

        return table.Count > 0 ? table : null;
    }

    /// <summary>One for each length: the speed of the sum, and the time of the copy with a sum.</summary>
    public static IEnumerable<Target> Targets(Measurements measurements, YardstickRuns yardsticks)
    {
        foreach (Measurement ours in measurements.Of(Benchmarks, nameof(InternetChecksumBenchmarks.Sum)))
        {
            int length = LengthOf(ours);
            if (yardsticks.Find("sum", length) is { } row && yardsticks.Median("sum", length) is { } theirs)
            {
                yield return new Target($"checksum of {length} bytes: part of the speed of C with {row.Variant}", 100 * theirs / ours.Median, LeastSpeed, "%", AtLeast: true);
            }
        }

        foreach (Measurement ours in measurements.Of(Benchmarks, nameof(InternetChecksumBenchmarks.CopySum)))
        {
            int length = LengthOf(ours);
            if (measurements.Find(Benchmarks, nameof(InternetChecksumBenchmarks.Copy), (nameof(InternetChecksumBenchmarks.Length), length)) is { } copy)
            {
                yield return new Target($"copy and checksum of {length} bytes: ratio to `Span.CopyTo`", ours.Median / copy.Median, MostCopy, "×");
            }

            if (yardsticks.Median("memcpy", length) is { } memcpy)
            {
                yield return new Target($"copy and checksum of {length} bytes: ratio to memcpy of C", ours.Median / memcpy, MostCopy, "×");
            }
        }
    }

    private static int LengthOf(Measurement measurement) => (int)measurement.Parameters[nameof(InternetChecksumBenchmarks.Length)];
}
