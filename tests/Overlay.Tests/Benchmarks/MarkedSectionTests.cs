using Overlay.Benchmarks.Comparison;
using Xunit;

namespace Overlay.Tests.Benchmarks;

/// <summary>The part of a document that the benchmarks write.</summary>
public sealed class MarkedSectionTests
{
    private const string Begin = "<!-- results:begin -->";
    private const string End = "<!-- results:end -->";
    private const string Document = $"# Title\n\n{Begin}\nold\nlines\n{End}\n\nThe end.\n";

    [Fact]
    public void Only_what_stands_between_the_marks_changes() => Assert.Equal(
        $"# Title\n\n{Begin}\nnew\n{End}\n\nThe end.\n", MarkedSection.Replace(Document, "\nnew\n\n"));

    [Fact]
    public void Writing_the_same_again_changes_nothing()
    {
        string once = MarkedSection.Replace(Document, "a\n\nb\n");

        Assert.Equal(once, MarkedSection.Replace(once, "a\n\nb\n"));
    }

    [Theory]
    [InlineData("no mark at all", "not there")]
    [InlineData($"{Begin} but no end", "not there")]
    [InlineData($"{Begin}{End}{Begin}", "more than once")]
    [InlineData($"{Begin}{End}{End}", "more than once")]
    [InlineData($"{End}{Begin}", "stands before")]
    public void A_document_without_both_marks_once_and_in_order_is_refused(string document, string why) =>
        Assert.Contains(why, Assert.Throws<InvalidOperationException>(() => MarkedSection.Replace(document, "new")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(Begin)]
    [InlineData(End)]
    public void Results_with_a_mark_are_refused(string mark) =>
        Assert.Throws<InvalidOperationException>(() => MarkedSection.Replace(Document, $"new {mark}"));

    [Fact]
    public void Each_section_has_marks_of_its_own()
    {
        string both = Document + "<!-- tables:begin -->\nold\n<!-- tables:end -->\n";

        Assert.Equal(Document + "<!-- tables:begin -->\nnew\n<!-- tables:end -->\n", MarkedSection.Replace(both, "new", "tables"));
    }

    [Theory]
    [InlineData("results")]
    [InlineData("tables")]
    public void The_document_of_this_repository_takes_results(string section)
    {
        string path = Path.Combine(Overlay.Forwarding.Repository.Root, "benchmarks", "README.md");

        string written = MarkedSection.Replace(File.ReadAllText(path), "new results", section);

        Assert.Contains($"<!-- {section}:begin -->\nnew results\n<!-- {section}:end -->", written, StringComparison.Ordinal);
    }
}
