using System.Text.RegularExpressions;
using Overlay.Fuzz;
using Overlay.Fuzz.Driver;
using Overlay.Testing;
using Overlay.Tests.Packaging;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Fuzz;

/// <summary>The fuzzer itself: a defect that is planted is found, written down, made small, and found again in its file.</summary>
public sealed partial class FuzzDriverTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("overlay-fuzz-test-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void A_seed_leads_to_the_planted_exception_each_time_in_the_same_way()
    {
        (int first, byte[] input) = StepsToPlantedException(seed: 1);
        (int second, byte[] again) = StepsToPlantedException(seed: 1);
        (_, byte[] other) = StepsToPlantedException(seed: 2);

        Assert.Equal(first, second);
        Assert.Equal(input, again);
        Assert.NotEqual(input, other);
    }

    [Fact]
    public void A_finding_is_made_as_small_and_plain_as_it_can_be()
    {
        byte[] input = [.. PacketBuilder.Payload(100), 0xC5, .. PacketBuilder.Payload(50, 2)];

        byte[] small = Minimizer.Minimize(input, bytes => bytes.Length >= 3 && bytes.AsSpan().Contains((byte)0xC5), attempts: 1000);

        Assert.Equal(3, small.Length);
        Assert.Single(small, (byte)0xC5);
        Assert.Equal(2, small.Count(b => b == 0));
    }

    [Fact]
    public void An_exception_is_reported_with_its_input_which_fails_again_when_it_is_replayed()
    {
        CommandResult run = Run("--target", "planted-exception", "--seconds", "30", "--inputs", "200000", "--seed", "1", "--jobs", "1");

        Assert.Equal(1, run.ExitCode);
        string file = Assert.Single(Directory.GetFiles(_directory.FullName, "planted-exception-*.bin"));
        Assert.Contains($"finding: {file}", run.Output, StringComparison.Ordinal);
        Assert.Contains("seed 1,", run.Output, StringComparison.Ordinal);
        Assert.Equal([0xC5, 0, 0], File.ReadAllBytes(file));
        Assert.Contains("System.InvalidOperationException: planted", File.ReadAllText(Path.ChangeExtension(file, ".txt")), StringComparison.Ordinal);

        CommandResult replay = Run("--replay", file);
        Assert.Equal(1, replay.ExitCode);
        Assert.Contains("planted-exception, 3 bytes before a guard page: System.InvalidOperationException: planted", replay.Output, StringComparison.Ordinal);
        Assert.Equal(0, Run("--replay", file, "--target", "arp").ExitCode);
    }

    [Theory]
    [InlineData("planted-read-behind", "before")]
    [InlineData("planted-read-before", "behind")]
    public void A_read_outside_is_reported_with_target_seed_and_input(string target, string place)
    {
        CommandResult run = Run("--target", target, "--seconds", "20", "--inputs", "1000", "--seed", "3", "--jobs", "1");

        Assert.Equal(1, run.ExitCode);
        string[] files = Directory.GetFiles(_directory.FullName, $"{target}-*.bin");
        Assert.NotEmpty(files);
        string report = File.ReadAllText(Path.ChangeExtension(files.MinBy(file => new FileInfo(file).Length)!, ".txt"));
        Assert.StartsWith($"target {target}, seed ", report, StringComparison.Ordinal);
        Assert.Contains($"the input right {place} a guard page", report, StringComparison.Ordinal);
        Assert.Contains("AccessViolationException", report, StringComparison.Ordinal);
        Assert.Contains(files, file => File.ReadAllBytes(file).Length == 3);
        Assert.InRange(Run("--replay", files[0]).ExitCode, 3, int.MaxValue);
    }

    [Fact]
    public void An_input_that_does_not_end_is_reported()
    {
        CommandResult run = Run("--target", "planted-loop", "--seconds", "2", "--timeout", "1", "--seed", "4", "--jobs", "1");

        Assert.Equal(1, run.ExitCode);
        string file = Directory.GetFiles(_directory.FullName, "planted-loop-*.bin")[0];
        Assert.InRange(new FileInfo(file).Length, 3, long.MaxValue);
        Assert.Contains("Not done after 1 seconds", File.ReadAllText(Path.ChangeExtension(file, ".txt")), StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_found_is_exit_code_zero_and_says_how_much_was_tried()
    {
        CommandResult run = Run("--target", "arp,vxlan", "--seconds", "20", "--inputs", "5000", "--seed", "5", "--jobs", "2");

        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        Assert.Empty(Directory.GetFiles(_directory.FullName));
        Assert.Contains("20000 inputs in ", run.Output, StringComparison.Ordinal);
        Assert.Contains(", seed 5, 0 findings", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--seconds", "0")]
    [InlineData("--seconds", "ten")]
    [InlineData("--target", "no-such-target")]
    [InlineData("--seed", "-1")]
    [InlineData("--no-such-option", "1")]
    [InlineData("--seconds")]
    public void Wrong_option_is_named(params string[] arguments)
    {
        Assert.Null(FuzzOptions.Parse(arguments, out string error));
        Assert.StartsWith(arguments[0], error, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_parser_of_the_library_has_a_target()
    {
        string sources = string.Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests", "Overlay.Fuzz", "Targets"), "*.cs").Select(File.ReadAllText));
        string[] parsers = [.. typeof(WireError).Assembly.GetExportedTypes()
            .Where(type => type.Namespace == typeof(WireError).Namespace && type.IsByRefLike && type.GetMethods().Any(method => method.IsStatic && method.Name.StartsWith("TryParse", StringComparison.Ordinal)))
            .Select(type => type.Name)];

        Assert.True(parsers.Length >= 10, $"Only {parsers.Length} parsers were found.");
        Assert.All(parsers, parser => Assert.Contains($"{parser}.TryParse", sources, StringComparison.Ordinal));
        Assert.All(TargetClass().Matches(sources), match => Assert.Contains(
            $"FuzzTarget.Of<{match.Groups[1].Value}>", File.ReadAllText(Path.Combine(Repository.Root, "tests", "Overlay.Fuzz", "Catalog.cs")), StringComparison.Ordinal));
    }

    private (int Steps, byte[] Input) StepsToPlantedException(ulong seed)
    {
        using Coverage coverage = new();
        using Arena arena = Arena.Create(Path.Combine(_directory.FullName, "arena"));
        int index = Catalog.Find("planted-exception")![0];
        TargetRun run = new(Catalog.All[index], index, [[1, 2, 3, 4]], seed, arena, coverage);
        for (int steps = 1; steps < 100_000; steps++)
        {
            if (run.Step() is { } finding)
            {
                Assert.Equal("planted-exception", finding.Target);
                Assert.Equal(0xC5, finding.Input[0]);
                return (steps, finding.Input);
            }
        }

        Assert.Fail("100 000 inputs did not find one in 256.");
        return default;
    }

    private CommandResult Run(params string[] arguments) => Command.TryRun(
        TimeSpan.FromSeconds(120), "dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, "Overlay.Fuzz.dll"), "--out", _directory.FullName, .. arguments]);

    [GeneratedRegex(@"class (\w+Target) : IFuzzTarget")]
    private static partial Regex TargetClass();
}
