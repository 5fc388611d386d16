using System.Diagnostics;
using System.Globalization;

namespace Overlay.Benchmarks.Comparison;

/// <summary>Runs the programs that benchmarks/yardsticks were compiled to and reads their tables.</summary>
internal static class Yardstick
{
    /// <exception cref="InvalidOperationException">It failed, or printed what is no table.</exception>
    public static IReadOnlyList<YardstickRow> Run(string program)
    {
        using Process process = Process.Start(new ProcessStartInfo(program) { RedirectStandardOutput = true })
            ?? throw new InvalidOperationException($"{program} did not start.");
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? Parse(output) : throw new InvalidOperationException($"{program} ended with {process.ExitCode}.");
    }

    /// <summary>The rows of a table, which begins with a line of titles.</summary>
    /// <exception cref="InvalidOperationException">A line is no row.</exception>
    public static IReadOnlyList<YardstickRow> Parse(string output)
    {
        List<YardstickRow> rows = [];
        foreach (string line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [var work, var length, var frames, var variant, var minimum, var median])
            {
                throw new InvalidOperationException($"Not a line of the yardstick: {line}");
            }

            rows.Add(new YardstickRow(work, Number(length), Number(frames), variant, Nanoseconds(minimum), Nanoseconds(median)));
        }

        return rows;

        static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
        static double Nanoseconds(string text) => double.Parse(text, CultureInfo.InvariantCulture);
    }
}
