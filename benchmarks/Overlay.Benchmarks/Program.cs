using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using Overlay.Benchmarks.Comparison;
using Perfolizer.Horology;

// `./build.sh bench` compiles the yardstick, says where it is, and comes here. Without it there is nothing to compare with, but all else runs.
string? yardstick = Environment.GetEnvironmentVariable("OVERLAY_YARDSTICK");
IReadOnlyList<YardstickRow> before = yardstick is null ? [] : Yardstick.Run(yardstick);

ManualConfig config = ManualConfig.Create(DefaultConfig.Instance);
if (!args.Contains("--job") && !args.Contains("-j"))
{
    config.AddJob(Job.Default
        .WithWarmupCount(5)
        .WithIterationCount(15)
        .WithIterationTime(TimeInterval.FromMilliseconds(200)));
}

Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(YardstickRow).Assembly).Run(args, config)];
bool failed = summaries.Length == 0 || summaries.Any(summary => summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success));
if (failed)
{
    Console.Error.WriteLine("Not every benchmark ran.");
    return 1;
}

if (yardstick is null)
{
    Console.WriteLine("No yardstick: set OVERLAY_YARDSTICK to the program made of benchmarks/yardsticks/encap.c, or use ./build.sh bench.");
    return 0;
}

string table = ComparisonTable.Make(summaries, before, Yardstick.Run(yardstick));
string file = Path.Combine(summaries[0].ResultsDirectoryPath, "comparison.md");
File.WriteAllText(file, table);
Console.WriteLine();
Console.WriteLine(table);
Console.WriteLine($"Also in {file}");
return 0;
