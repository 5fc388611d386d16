using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using Overlay.Benchmarks;
using Overlay.Benchmarks.Comparison;
using Overlay.Benchmarks.Scale;
using Perfolizer.Horology;
using Perfolizer.Mathematics.OutlierDetection;
using Summary = BenchmarkDotNet.Reports.Summary;

if (args is [ScaleOptions.Command, .. var rest])
{
    return ScaleCommand.Run(rest);
}

BenchmarkOptions options;
try
{
    options = BenchmarkOptions.Parse(args);
}
catch (ArgumentException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 2;
}

string? document = options.Record is null ? null : File.ReadAllText(options.Record);
if (document is not null)
{
    // A mistake there is to be found before ten minutes are gone.
    _ = MarkedSection.Replace(document, "");
}

// `./build.sh bench` compiles the yardsticks, says where they are, and comes here. Without them there is nothing to compare with, but all else runs.
string[] yardsticks = Environment.GetEnvironmentVariable("OVERLAY_YARDSTICK")?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries) ?? [];
MachineFacts machine = MachineFacts.Gather();
IReadOnlyList<YardstickRow> before = [.. yardsticks.SelectMany(Yardstick.Run)];

ManualConfig config = ManualConfig.Create(DefaultConfig.Instance);
if (!options.NamesJob)
{
    // Each call does hundreds of packets, so what the call itself takes need not be measured. Slow iterations stay: without them the spread would hide what
    // disturbed the run. What is recorded is everything: there the time counts.
    Job job = Job.Default.WithEvaluateOverhead(false).WithOutlierMode(OutlierMode.DontRemove);
    config.AddJob(options.Record is null
        ? job.WithWarmupCount(5).WithIterationCount(15).WithIterationTime(TimeInterval.FromMilliseconds(200))
        : job.WithWarmupCount(3).WithIterationCount(9).WithIterationTime(TimeInterval.FromMilliseconds(150)));
}

Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(YardstickRow).Assembly).Run(options.Rest, config)];
bool failed = summaries.Length == 0 || summaries.Any(summary => summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success));
if (failed)
{
    Console.Error.WriteLine("Not every benchmark ran.");
    return 1;
}

if (yardsticks.Length == 0)
{
    Console.WriteLine("No yardsticks: set OVERLAY_YARDSTICK to the programs made of benchmarks/yardsticks/*.c, or use ./build.sh bench.");
}

IReadOnlyList<YardstickRow> after = [.. yardsticks.SelectMany(Yardstick.Run)];
string report = ResultsReport.Make(machine, MachineFacts.Load(), new Measurements(Measurement.From(summaries)), new YardstickRuns(before, after));
string file = Path.Combine(summaries[0].ResultsDirectoryPath, "results.md");
File.WriteAllText(file, report);
Console.WriteLine();
Console.WriteLine(report);
Console.WriteLine($"Also in {file}");
if (document is not null)
{
    File.WriteAllText(options.Record!, MarkedSection.Replace(document, report));
    Console.WriteLine($"Recorded in {options.Record}");
}

return 0;
