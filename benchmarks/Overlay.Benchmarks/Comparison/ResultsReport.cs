using System.Globalization;
using System.Text;

namespace Overlay.Benchmarks.Comparison;

/// <summary>All of a run as Markdown: the machine, the targets, and a table for each kind of work.</summary>
internal static class ResultsReport
{
    /// <summary>Fewer iterations than this, and it is no measurement.</summary>
    public const int LeastIterations = 5;

    /// <summary>Makes the text.</summary>
    /// <param name="machine">On what it was measured.</param>
    /// <param name="loadAfter">The load averages afterwards.</param>
    /// <param name="measurements">What was measured.</param>
    /// <param name="yardsticks">Plain C in the same session.</param>
    public static string Make(MachineFacts machine, string loadAfter, Measurements measurements, YardstickRuns yardsticks)
    {
        StringBuilder text = new();
        int iterations = measurements.Iterations;
        Line($"- {machine.Time:yyyy-MM-dd HH:mm} UTC, commit {machine.Commit}, {machine.Runtime}");
        Line($"- Linux {machine.Kernel}, {machine.Processor}, {machine.Cpus} CPUs, vectors of {machine.VectorBits} bits, load {machine.LoadBefore} before and {loadAfter} after");
        Line($"- nanoseconds per packet: median (fastest–slowest) of {iterations} iterations, which hold the true median with {Confidence(iterations):0.0} % probability");
        if (yardsticks.Before.Count > 0)
        {
            Line($"- plain C before and after the benchmarks, in the same session; largest drift between both {100 * yardsticks.Drift:0} %");
        }

        if (iterations < LeastIterations)
        {
            Line($"\n**Fewer than {LeastIterations} iterations: a check that everything runs, not a measurement.**");
        }

        if (yardsticks.Drift > YardstickRuns.QuietDrift)
        {
            Line($"\n**The yardsticks drifted by more than {100 * YardstickRuns.QuietDrift:0} %: the machine was not quiet, measure again.**");
        }

        Section("Targets", Target.Table(
            [.. ComparisonTable.Targets(measurements, yardsticks), .. ChecksumTable.Targets(measurements, yardsticks), .. PathTable.Targets(measurements)]));
        Section("VXLAN beside plain C and PacketDotNet", ComparisonTable.Make(measurements, yardsticks));
        Section("Headers: parsed with every field read, and built and written", HeaderTable.Make(measurements));
        Section("Tunnels: a packet of 1450 bytes in place, outer UDP checksum zero, neither look-up nor hash", TunnelTable.Make(measurements));
        Section("Checksum", ChecksumTable.Make(measurements, yardsticks));
        Section("The path of a frame", PathTable.Make(measurements));
        return text.ToString();

        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

        void Section(string title, MarkdownTable? table)
        {
            if (table is not null)
            {
                text.Append(CultureInfo.InvariantCulture, $"\n### {title}\n\n{table}");
            }
        }
    }

    /// <summary>With what probability the median lies between the smallest and the largest of n samples, in percent: 1 − 2^(1 − n).</summary>
    internal static double Confidence(int samples) => samples == 0 ? 0 : 100 * (1 - Math.Pow(2, 1 - samples));
}
