using System.Diagnostics;

namespace Overlay.Fuzz.Driver;

/// <summary>Gives one file to its target again, at the end of memory and at its start.</summary>
internal static class Replay
{
    /// <summary>Runs; a read outside ends the process with the runtime's own report.</summary>
    /// <returns>Whether the target survived and was right.</returns>
    public static bool Run(FuzzTarget target, int index, byte[] input, TimeSpan limit, TextWriter output)
    {
        string path = Path.GetTempFileName();
        try
        {
            using Coverage coverage = new();
            using Arena arena = Arena.Create(path);
            TargetRun run = new(target, index, [], 0, arena, coverage);
            using Timer watchdog = new(_ => Environment.FailFast($"{target.Name} has not returned after {limit.TotalSeconds} seconds."), null, limit, Timeout.InfiniteTimeSpan);
            long begin = Stopwatch.GetTimestamp();
            foreach (bool atStart in (ReadOnlySpan<bool>)[false, true])
            {
                if (run.Run(input, atStart) is { } exception)
                {
                    output.WriteLine($"{target.Name}, {input.Length} bytes {(atStart ? "behind" : "before")} a guard page: {exception}");
                    return false;
                }
            }

            output.WriteLine($"{target.Name}, {input.Length} bytes: nothing found in {Stopwatch.GetElapsedTime(begin).TotalMilliseconds:0} ms");
            return true;
        }
        finally
        {
            File.Delete(path);
        }
    }
}
