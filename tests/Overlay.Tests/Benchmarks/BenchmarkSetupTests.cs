using System.Reflection;
using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Parameters;
using BenchmarkDotNet.Running;
using Overlay.Benchmarks.Comparison;
using Xunit;

namespace Overlay.Tests.Benchmarks;

/// <summary>Every benchmark with every parameter, once: its set-up compares what both sides make of the same input, and throws where they differ.</summary>
public sealed class BenchmarkSetupTests
{
    public static TheoryData<Type> Classes { get; } = [.. typeof(Measurement).Assembly.GetTypes().Where(HasBenchmarks).SelectMany(Close)];

    [Fact]
    public void There_are_benchmarks() => Assert.True(Classes.Count > 50, $"{Classes.Count} classes");

    [Theory]
    [MemberData(nameof(Classes))]
    public void Does_its_work(Type type)
    {
        BenchmarkCase[] cases = BenchmarkConverter.TypeToBenchmarks(type).BenchmarksCases;

        Assert.NotEmpty(cases);
        foreach (BenchmarkCase benchmark in cases)
        {
            object instance = Activator.CreateInstance(type)!;
            foreach (ParameterInstance parameter in benchmark.Parameters.Items)
            {
                type.GetProperty(parameter.Name)!.SetValue(instance, parameter.Value);
            }

            benchmark.Descriptor.GlobalSetupMethod?.Invoke(instance, null);
            object result = benchmark.Descriptor.WorkloadMethod.Invoke(instance, null)!;

            // What went wrong within a loop is −1; a sum of nothing is 0, which only the look-up of unknown addresses may have.
            decimal number = Convert.ToDecimal(result, System.Globalization.CultureInfo.InvariantCulture);
            Assert.True(benchmark.Descriptor.WorkloadMethod.Name == "Miss" ? number == 0 : number > 0, $"{benchmark.DisplayInfo}: {number}");
        }
    }

    private static bool HasBenchmarks(Type type) => type.GetMethods().Any(method => method.GetCustomAttribute<BenchmarkAttribute>() is not null);

    private static IEnumerable<Type> Close(Type type) => type.IsGenericTypeDefinition
        ? type.GetCustomAttributes<GenericTypeArgumentsAttribute>().Select(attribute => type.MakeGenericType(attribute.GenericTypeArguments))
        : [type];
}
