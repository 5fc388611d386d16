using Overlay.Testing;
using Overlay.Testing.Conformance;
using Xunit;

namespace Overlay.Linux.Tests.Conformance;

/// <summary>docs/conformance.md says of the tests here what their attributes say.</summary>
public sealed class ConformanceTableTests
{
    private static string Document => File.ReadAllText(Path.Combine(Path.GetDirectoryName(Vectors.PathOf("kernel-vxlan.json"))!, "..", "..", "docs", "conformance.md"));

    [Fact]
    public void The_committed_table_is_what_the_attributes_say_and_every_test_in_it_passed()
    {
        IReadOnlyList<(string Line, string Result)> committed = ConformanceTable.Read(Document, "Overlay.Linux.Tests");
        Assert.Equal(
            ConformanceRow.Of(typeof(ConformanceTableTests).Assembly).Select(row => ConformanceTable.Line(row, "")),
            committed.Select(line => line.Line));
        // Whether they still pass the tests themselves say; a table that shows a failure is not to be committed.
        Assert.All(committed, line => Assert.Equal(ConformanceTable.Passed, line.Result));
    }
}
