using System.ComponentModel;
using System.Reflection;
using BenchmarkDotNet.Reports;

namespace Overlay.Benchmarks.Comparison;

/// <summary>What one benchmark gave, apart from the program that ran it.</summary>
/// <param name="Type">The class; of generic ones, the definition.</param>
/// <param name="Method">The method.</param>
/// <param name="Parameters">The value of each parameter by name; of generic classes also the description of the type argument, by <see cref="TypeArgument"/>.</param>
/// <param name="Nanoseconds">Nanoseconds per operation, a value for each iteration; at least one.</param>
/// <param name="AllocatedBytes">Bytes allocated per operation; null if they were not counted.</param>
internal sealed record Measurement(
    Type Type, string Method, IReadOnlyDictionary<string, object> Parameters, IReadOnlyList<double> Nanoseconds, long? AllocatedBytes)
{
    /// <summary>The name of the type argument among the parameters.</summary>
    public const string TypeArgument = "T";

    private double[] Sorted => [.. Nanoseconds.Order()];

    /// <summary>The middle iteration, or the mean of the middle two.</summary>
    public double Median => (Sorted[(Nanoseconds.Count - 1) / 2] + Sorted[Nanoseconds.Count / 2]) / 2;

    /// <summary>The fastest iteration.</summary>
    public double Minimum => Nanoseconds.Min();

    /// <summary>The slowest.</summary>
    public double Maximum => Nanoseconds.Max();

    /// <summary>Everything that ran. Nothing is left out: a benchmark that failed has no figures, and the caller has looked for that.</summary>
    public static IReadOnlyList<Measurement> From(IEnumerable<Summary> summaries) =>
        [.. summaries.SelectMany(summary => summary.Reports).Where(report => report.ResultStatistics is not null).Select(From)];

    private static Measurement From(BenchmarkReport report)
    {
        Type type = report.BenchmarkCase.Descriptor.Type;
        Dictionary<string, object> parameters = report.BenchmarkCase.Parameters.Items.ToDictionary(item => item.Name, item => item.Value);
        if (type.IsGenericType)
        {
            Type argument = type.GetGenericArguments()[0];
            parameters.Add(TypeArgument, argument.GetCustomAttribute<DescriptionAttribute>()?.Description ?? argument.Name);
            type = type.GetGenericTypeDefinition();
        }

        return new Measurement(
            type,
            report.BenchmarkCase.Descriptor.WorkloadMethod.Name,
            parameters,
            report.ResultStatistics!.OriginalValues,
            report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase));
    }
}
