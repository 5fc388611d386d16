using Overlay.Testing.Simulation;
using Overlay.Testing.Simulation.Invariants;
using Overlay.Tests.Packaging;
using Xunit;

namespace Overlay.Tests.Documentation;

/// <summary>docs/simulation.md says what the simulator does: its examples are compiled and run, its lists are whole.</summary>
public sealed class SimulationDocumentTests
{
    private static readonly string Document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "simulation.md"));

    [Theory]
    [InlineData("    public static void Scenario(SimulatedWorld world)", "        ")]
    [InlineData("    public static void Test()", "        ")]
    public void The_examples_stand_in_the_document_as_they_are_compiled(string head, string indentation) =>
        Assert.Contains(Block(head, indentation, isWhole: false), Document, StringComparison.Ordinal);

    [Fact]
    public void So_does_the_invariant() =>
        Assert.Contains(Block("    private sealed class NobodyTalksToHimself : SimulationInvariant", "    ", isWhole: true), Document, StringComparison.Ordinal);

    [Fact]
    public void The_example_runs() => SimulationExamples.Test();

    [Fact]
    public void Every_invariant_is_listed_with_its_rule() => Assert.All(
        StandardInvariants.All(),
        invariant => Assert.Contains($"| `{invariant.GetType().Name}` | {invariant.Rule} |", Document, StringComparison.Ordinal));

    [Fact]
    public void Every_scenario_is_listed() => Assert.All(Scenarios.All.Keys, name => Assert.Contains($"| `{name}` |", Document, StringComparison.Ordinal));

    [Fact]
    public void The_variables_are_named() => Assert.All(
        [SimulationRunner.SeedVariable, SimulationRunner.OutputVariable], name => Assert.Contains(name, Document, StringComparison.Ordinal));

    [Fact]
    public void The_readme_leads_there() =>
        Assert.Contains("(docs/simulation.md)", File.ReadAllText(Path.Combine(Repository.Root, "README.md")), StringComparison.Ordinal);

    // What stands between the braces behind a line, or with the line and the braces, less its indentation.
    private static string Block(string head, string indentation, bool isWhole)
    {
        string[] source = File.ReadAllLines(Path.Combine(Repository.Root, "tests", "Overlay.Tests", "Documentation", "SimulationExamples.cs"));
        int start = Array.IndexOf(source, head);
        int end = Array.IndexOf(source, "    }", start);
        Assert.True(start > 0 && end > start, $"SimulationExamples.cs has no \"{head}\".");
        string[] lines = isWhole ? source[start..(end + 1)] : source[(start + 2)..end];
        return string.Concat(lines.Select(line => (line.StartsWith(indentation, StringComparison.Ordinal) ? line[indentation.Length..] : line) + "\n"));
    }
}
