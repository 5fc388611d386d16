using Overlay.Testing.Conformance;
using Overlay.Tests.Packaging;
using Xunit;

namespace Overlay.Tests.Conformance;

/// <summary>docs/conformance.md says of the tests here what their attributes say.</summary>
public sealed class ConformanceTableTests
{
    private static string Document => File.ReadAllText(Path.Combine(Repository.Root, "docs", "conformance.md"));

    [Fact]
    public void The_committed_table_is_what_the_attributes_say_and_every_test_in_it_passed()
    {
        IReadOnlyList<(string Line, string Result)> committed = ConformanceTable.Read(Document, "Overlay.Tests");
        Assert.Equal(
            ConformanceRow.Of(typeof(ConformanceTableTests).Assembly).Select(row => ConformanceTable.Line(row, "")),
            committed.Select(line => line.Line));
        // Whether they still pass the tests themselves say; a table that shows a failure is not to be committed.
        Assert.All(committed, line => Assert.Equal(ConformanceTable.Passed, line.Result));
    }

    [Fact]
    public void Every_item_of_the_checklist_has_a_test()
    {
        Assert.Empty(ConformanceTable.Required.Except(ConformanceTable.Items(Document)));
    }

    [Fact]
    public void A_document_is_read_as_it_was_written()
    {
        ConformanceRow row = new(7, "RFC 1 §2", "a | b", "Overlay.Tests.Conformance.SampleTests", "Item_7", "none of | it");
        string document = ConformanceTable.Format([row with { Item = 9 }, row], test => test.Item == 7 ? "passed" : "skipped: a | b");
        IReadOnlyList<(string Line, string Result)> lines = ConformanceTable.Read(document, "Overlay.Tests");
        Assert.Equal([ConformanceTable.Line(row, ""), ConformanceTable.Line(row with { Item = 9 }, "")], lines.Select(line => line.Line));
        Assert.Equal(["passed", "skipped: a \\| b"], lines.Select(line => line.Result));
        Assert.Equal([7, 9], ConformanceTable.Items(document));
        Assert.Empty(ConformanceTable.Read(document, "Overlay.Linux.Tests"));
    }

    [Fact]
    public void A_test_of_several_cases_passed_if_all_of_them_did()
    {
        string report = Path.GetTempFileName();
        try
        {
            File.WriteAllText(report, """
                <assemblies><assembly><collection>
                  <test type="T" method="all" result="Pass"/><test type="T" method="all" result="Pass"/>
                  <test type="T" method="some" result="Pass"/><test type="T" method="some" result="Fail"/><test type="T" method="some" result="Skip"/>
                  <test type="T" method="skipped" result="Pass"/><test type="T" method="skipped" result="Skip"><reason> needs root </reason></test>
                </collection></assembly></assemblies>
                """);
            TestResults results = TestResults.Read([report]);
            ConformanceRow row = new(1, "", "", "T", "", "");
            Assert.Equal(
                ["passed", "failed", "skipped: needs root", "not run"],
                new[] { "all", "some", "skipped", "other" }.Select(method => results.Of(row with { Method = method })));
        }
        finally
        {
            File.Delete(report);
        }
    }
}
