using System.Diagnostics;
using System.Globalization;

namespace Overlay.Fuzz.Driver;

/// <summary>Starts workers, looks after them, writes down what they die of, and sums up.</summary>
internal sealed class Supervisor
{
    // Each attempt to make a deadly input smaller is a process.
    private const int MinimizeAttempts = 60;

    // A target that kills its worker that often is left out for the rest of the run.
    private const int MaxDeaths = 3;

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    // An input may also wait for ever, without using the processor.
    private const int WaitFactor = 6;

    private readonly FuzzOptions _options;
    private readonly TextWriter _output;
    private readonly ulong _seed;
    private readonly long _begin = Stopwatch.GetTimestamp();
    private readonly Dictionary<int, int> _deaths = [];
    private readonly Dictionary<int, TargetCounters> _totals = [];
    private readonly string _directory = Directory.CreateTempSubdirectory("overlay-fuzz-").FullName;

    /// <summary>Takes a seed of its own if there is none.</summary>
    public Supervisor(FuzzOptions options, TextWriter output)
    {
        _options = options;
        _output = output;
        _seed = options.Seed ?? (ulong)Random.Shared.NextInt64(1L << 53);
    }

    /// <summary>Runs to the end of the time.</summary>
    /// <returns>The paths of the findings.</returns>
    public IReadOnlyList<string> Run()
    {
        _output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{_options.Targets.Count} targets, {_options.Jobs} processes, {_options.Time.TotalSeconds} seconds, seed {_seed}"));
        string[] before = Findings();
        List<Job> jobs = [];
        try
        {
            jobs.AddRange(Enumerable.Range(0, _options.Jobs).Select(i => Start(i, generation: 0)));
            while (jobs.Count > 0)
            {
                Thread.Sleep(Look);
                for (int i = jobs.Count - 1; i >= 0; i--)
                {
                    if (IsOver(jobs[i], out Job? next))
                    {
                        jobs.RemoveAt(i);
                        if (next is not null)
                        {
                            jobs.Add(next);
                        }
                    }
                }
            }
        }
        finally
        {
            foreach (Job job in jobs)
            {
                job.Dispose();
            }

            Directory.Delete(_directory, recursive: true);
        }

        string[] findings = [.. Findings().Except(before)];
        Summarize(findings);
        return findings;
    }

    private TimeSpan Left => _options.Time - Stopwatch.GetElapsedTime(_begin);

    private string[] Findings() => Directory.Exists(_options.Directory) ? [.. Directory.GetFiles(_options.Directory, "*.bin").Order(StringComparer.Ordinal)] : [];

    private Job Start(int number, int generation)
    {
        IEnumerable<string> targets = _options.Targets.Where(target => _deaths.GetValueOrDefault(target) < MaxDeaths).Select(target => Catalog.All[target].Name);
        // A worker that follows one that died goes other ways, or it would die there again.
        ulong stream = (ulong)number + ((ulong)generation << 16);
        return new Job(number, generation, Path.Combine(_directory, $"{number}-{generation}"), path =>
        [
            "--arena", path, "--seed", $"{_seed}", "--stream", $"{stream}", "--out", Path.GetFullPath(_options.Directory), "--target", string.Join(',', targets),
            "--seconds", $"{Math.Max(1, (int)Left.TotalSeconds)}", "--inputs", $"{_options.Inputs}",
        ]);
    }

    private bool IsOver(Job job, out Job? next)
    {
        next = null;
        bool hangs = false;
        if (!job.HasExited && !(hangs = job.Hangs(_options.Timeout, WaitFactor * _options.Timeout)))
        {
            return false;
        }

        job.Stop();
        Add(job);
        if (hangs || job.ExitCode != 0)
        {
            Report(job, hangs);
            if (Left > TimeSpan.FromSeconds(1) && _options.Targets.Any(target => _deaths.GetValueOrDefault(target) < MaxDeaths))
            {
                next = Start(job.Number, job.Generation + 1);
            }
        }

        job.Dispose();
        return true;
    }

    private void Add(Job job)
    {
        foreach (int target in _options.Targets)
        {
            TargetCounters more = job.Arena.Counters(target);
            TargetCounters total = _totals.GetValueOrDefault(target);
            _totals[target] = new TargetCounters
            {
                Inputs = total.Inputs + more.Inputs,
                Ticks = total.Ticks + more.Ticks,
                Pool = Math.Max(total.Pool, more.Pool),
                Branches = Math.Max(total.Branches, more.Branches),
            };
        }
    }

    private void Report(Job job, bool hangs)
    {
        if (!job.Arena.IsRunning && !hangs)
        {
            throw new InvalidOperationException($"A worker ended with exit code {job.ExitCode}, and not by an input of a target:\n{job.Errors}");
        }

        int target = job.Arena.Target;
        byte[] input = job.Arena.Input.ToArray();
        string name = Catalog.All[target].Name;
        _deaths[target] = _deaths.GetValueOrDefault(target) + 1;
        string place = job.Arena.IsAtStart ? "right behind a guard page" : "right before a guard page";
        string report = hangs
            ? $"Not done after {_options.Timeout.TotalSeconds} seconds of processor time, or {WaitFactor} times that in all."
            : $"The process ended with exit code {job.ExitCode}, the input {place}.\n{job.Errors}";
        // As it is first: making it smaller takes a while.
        string path = FindingFile.Write(_options.Directory, new Finding(name, input, name, report), _seed);
        if (!hangs && _deaths[target] == 1)
        {
            byte[] small = Minimizer.Minimize(input, bytes => Kills(name, bytes), MinimizeAttempts);
            if (small.Length < input.Length || !small.AsSpan().SequenceEqual(input))
            {
                File.Delete(path);
                File.Delete(Path.ChangeExtension(path, ".txt"));
                FindingFile.Write(_options.Directory, new Finding(name, small, name, report), _seed);
            }
        }
    }

    private bool Kills(string target, byte[] input)
    {
        string path = Path.Combine(_directory, "attempt");
        File.WriteAllBytes(path, input);
        using Process process = Job.Launch(["--target", target, "--replay", path], out Task<string> errors);
        process.WaitForExit();
        errors.Wait();
        return process.ExitCode > 2;
    }

    private void Summarize(string[] findings)
    {
        double seconds = Stopwatch.GetElapsedTime(_begin).TotalSeconds;
        _output.WriteLine($"{"target",-28}{"inputs",14}{"inputs/s",12}{"pool",8}{"branches",10}{"findings",10}");
        foreach (int target in _options.Targets)
        {
            TargetCounters total = _totals.GetValueOrDefault(target);
            string name = Catalog.All[target].Name;
            double rate = total.Ticks == 0 ? 0 : total.Inputs * (double)Stopwatch.Frequency / total.Ticks;
            _output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name,-28}{total.Inputs,14}{rate,12:0}{total.Pool,8}{total.Branches,10}{findings.Count(path => FindingFile.TargetOf(path) == name),10}"));
        }

        long inputs = _totals.Values.Sum(total => total.Inputs);
        string instrumented = _totals.Values.Any(total => total.Branches > 0) ? "" : "; the code is not instrumented: changes are blind";
        _output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{inputs} inputs in {seconds:0} seconds, {inputs / seconds:0} each second, seed {_seed}, {findings.Length} findings{instrumented}"));
        foreach (string path in findings)
        {
            _output.WriteLine($"finding: {path}");
            _output.WriteLine($"  {string.Join("\n  ", File.ReadLines(Path.ChangeExtension(path, ".txt")).Take(12))}");
        }
    }
}
