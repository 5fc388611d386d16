using System.Diagnostics;

namespace Overlay.Fuzz.Driver;

/// <summary>
/// A process that runs targets in turns until its time is over. What throws it writes down itself and goes on; what it dies of, or never returns from, the
/// <see cref="Supervisor"/> finds in its arena.
/// </summary>
internal static class Worker
{
    private const int StepsPerLook = 16;
    private const int MinimizeAttempts = 2000;

    // A target that fails with every other input need not do so for the rest of the run.
    private const int MaxFindings = 8;

    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(30);

    /// <summary>Runs.</summary>
    /// <param name="options">What, and for how long.</param>
    /// <param name="path">The arena.</param>
    /// <param name="seed">Of the run.</param>
    public static void Run(FuzzOptions options, string path, ulong seed)
    {
        using Coverage coverage = new();
        using Arena arena = Arena.Open(path);
        SeedPool seeds = SeedPool.Load();
        List<TargetRun> runs =
            [.. options.Targets.Select(index => new TargetRun(
                Catalog.All[index], index, seeds.For(Catalog.All[index]), SplitMix64.Derive(seed, options.Stream, (ulong)index), arena, coverage))];
        Dictionary<TargetRun, HashSet<string>> found = runs.ToDictionary(run => run, _ => new HashSet<string>());
        long end = Stopwatch.GetTimestamp() + (long)(options.Time.TotalSeconds * Stopwatch.Frequency);
        while (runs.Count > 0)
        {
            foreach (TargetRun run in runs.ToArray())
            {
                if (!TakeTurn(run, arena, end, options, seed, found[run]) || found[run].Count >= MaxFindings)
                {
                    runs.Remove(run);
                }
            }
        }
    }

    // false if there is no more to do for the target.
    private static bool TakeTurn(TargetRun run, Arena arena, long end, FuzzOptions options, ulong seed, HashSet<string> found)
    {
        long begin = Stopwatch.GetTimestamp();
        long now = begin;
        long until = Math.Min(end, begin + (long)(Slice.TotalSeconds * Stopwatch.Frequency));
        ref TargetCounters counters = ref arena.Counters(run.Index);
        while (now < until)
        {
            for (int i = 0; i < StepsPerLook; i++)
            {
                if (counters.Inputs >= options.Inputs)
                {
                    counters.Ticks += Stopwatch.GetTimestamp() - begin;
                    return false;
                }

                if (run.Step() is { } finding && found.Add(finding.Key))
                {
                    byte[] small = Minimizer.Minimize(finding.Input, bytes => IsSame(run, bytes, finding.Key), MinimizeAttempts);
                    string report = (run.Run(small, atStart: false) ?? run.Run(small, atStart: true))?.ToString() ?? finding.Report;
                    FindingFile.Write(options.Directory, finding with { Input = small, Report = report }, seed);
                }
            }

            now = Stopwatch.GetTimestamp();
        }

        counters.Ticks += now - begin;
        return now < end;
    }

    private static bool IsSame(TargetRun run, byte[] input, string key) =>
        (run.Run(input, atStart: false) ?? run.Run(input, atStart: true)) is { } exception && Finding.KeyOf(exception) == key;
}
