using System.Globalization;
using System.Text.RegularExpressions;
using Overlay.Encapsulation;
using Overlay.Tests.Packaging;
using Xunit;

namespace Overlay.Tests.Documentation;

/// <summary>docs/formats.md says what the code does: its diagrams, bytes, numbers, drop reasons and examples.</summary>
public sealed partial class FormatTests
{
    private const string RefusedHead = "| refused | reason |";
    private const string OverheadHead = "| tunnel | over IPv4 | over IPv6 | device on a 1500-byte link |";

    public static TheoryData<string> Tunnels => [.. FormatHeaders.All.Select(header => header.Section).Distinct()];

    public static TheoryData<string> Kinds => [.. TunnelFacts.All.Select(facts => facts.Name)];

    public static TheoryData<int> Refusals => [.. Enumerable.Range(0, FormatRefusals.All.Count)];

    [Fact]
    public void Every_kind_has_a_section() => Assert.All(TunnelFacts.All, facts => Assert.Contains(facts.Name, FormatDocument.Sections));

    [Theory]
    [MemberData(nameof(Tunnels))]
    public void The_diagrams_are_drawn_from_fields_and_the_library_writes_their_bytes(string section)
    {
        FormatHeader[] headers = [.. FormatHeaders.All.Where(header => header.Section == section)];
        Assert.All(headers, header => Assert.Equal(Convert.ToHexString(header.Diagram.ToBytes()), Convert.ToHexString(header.Write())));
        Assert.Equal(
            headers.Select(header => header.Diagram.ToString()),
            FormatDocument.Blocks(section, "text").Where(block => block.StartsWith(" 0 ", StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Tunnels))]
    public void The_example_is_compiled_and_prints_what_stands_behind_it(string section)
    {
        (string method, string output) = FormatExamples.Run(section);
        Assert.Equal(BodyOf(method), Assert.Single(FormatDocument.Blocks(section, "csharp")));
        Assert.Equal(output, FormatDocument.Blocks(section, "text")[^1]);
    }

    [Fact]
    public void What_the_examples_share_stands_in_the_document()
    {
        string[] lines = [.. Source().SkipWhile(line => !line.Contains(" Local = ", StringComparison.Ordinal)).TakeWhile(line => !line.Contains("// In front of", StringComparison.Ordinal))];
        string shared = string.Concat(lines.Select(line => Unindent(line, 4).Replace("public static readonly ", "", StringComparison.Ordinal) + "\n"));
        Assert.Equal(shared.TrimEnd(), Assert.Single(FormatDocument.Blocks("How to read this", "csharp")).TrimEnd());
    }

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Each_packet_is_refused_for_the_reason_that_its_row_names(int index)
    {
        FormatRefusal refusal = FormatRefusals.All[index];
        Assert.False(Decapsulator.TryDecapsulate(refusal.Packet, refusal.Kind, refusal.Port, out _, out DropReason reason));
        Assert.Equal(refusal.Reason, reason);
    }

    [Fact]
    public void The_tables_of_refusals_hold_exactly_the_tested_rows() => Assert.Equal(
        FormatRefusals.All.Select(refusal => $"{refusal.Section}: {refusal.What}: `{DropReasons.Label(refusal.Reason)}`"),
        FormatDocument.Sections.SelectMany(section => FormatDocument.Table(section, RefusedHead).Select(row => $"{section}: {row[0]}: {row[1]}")));

    [Fact]
    public void Every_drop_reason_of_the_tables_exists()
    {
        HashSet<string> labels = [.. Enum.GetValues<DropReason>().Select(DropReasons.Label)];
        string[] named =
        [
            .. FormatDocument.Sections
                .SelectMany(section => FormatDocument.Table(section, "| refused in a tunnel also | reason |"))
                .SelectMany(row => row[1].Split(", "))
                .Select(label => label.Trim('`')),
        ];
        Assert.NotEmpty(named);
        Assert.All(named, label => Assert.Contains(label, labels));
    }

    [Fact]
    public void The_table_of_overheads_is_what_the_arithmetic_says() => Assert.Equal(
        FormatOverhead.All.Select(row => row.ToString()),
        FormatDocument.Table("Overhead", OverheadHead).Select(row => string.Join(" | ", row)));

    [Fact]
    public void The_overheads_in_the_readme_are_in_the_table()
    {
        string[] rows =
        [
            .. File.ReadLines(Path.Combine(Repository.Root, "README.md"))
                .SkipWhile(line => line != OverheadHead)
                .Skip(2)
                .TakeWhile(line => line.StartsWith('|'))
                .Where(line => !line.Contains('–')),
        ];
        Assert.NotEmpty(rows);
        Assert.All(rows, row => Assert.Contains(FormatOverhead.All, known => row.EndsWith($"| {known.Numbers} |", StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Tunnels))]
    public void The_overhead_named_in_a_section_is_in_the_table(string section)
    {
        Match line = OverheadLine().Match(FormatDocument.Section(section));
        Assert.True(line.Success, $"\"Overhead: N over IPv4, N over IPv6\" is missing in the section {section}.");
        string kind = section.StartsWith("nvgre", StringComparison.Ordinal) ? "gretap with a key" : section.Split(' ')[0];
        Assert.Contains(
            FormatOverhead.All,
            row => row.What.StartsWith(kind, StringComparison.Ordinal) && row.IPv4 == line.Groups[1].Value && row.IPv6 == line.Groups[2].Value);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_keys_named_are_those_that_the_configuration_of_the_kind_takes(string kind)
    {
        string section = FormatDocument.Section(kind);
        string paragraph = section[section.IndexOf("\nKeys: ", StringComparison.Ordinal)..];
        IEnumerable<string> words = Word().Matches(paragraph[..paragraph.IndexOf("\n\n", StringComparison.Ordinal)]).Select(match => match.Groups[1].Value);
        Assert.Equal(FormatKeys.Of(TunnelFacts.Find(kind)!), words.Where(FormatKeys.Words.Contains).Order());
    }

    [Fact]
    public void The_ports_are_those_of_the_kinds() => Assert.All(
        TunnelFacts.All.Where(facts => facts.DefaultPort != 0),
        facts => Assert.Contains($"UDP port {facts.DefaultPort.ToString(CultureInfo.InvariantCulture)}", FormatDocument.Section(facts.Name), StringComparison.Ordinal));

    [Fact]
    public void The_readmes_lead_here_and_name_every_format()
    {
        string repository = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        string package = File.ReadAllText(Path.Combine(Repository.Root, "src", "Overlay", "README.md"));
        Assert.Contains("(docs/formats.md)", repository, StringComparison.Ordinal);
        Assert.Contains("docs/formats.md", package, StringComparison.Ordinal);
        foreach (string name in new[] { "VXLAN", "group policy", "VXLAN-GPE", "Geneve", "GRE", "gretap", "NVGRE", "IP in IP", "GUE", "FOU", "flannel" })
        {
            Assert.Contains(name, repository, StringComparison.Ordinal);
            Assert.Contains(name, package, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex(@"Overhead: (\d+) over IPv4, (\d+) over IPv6")]
    private static partial Regex OverheadLine();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Word();

    private static string[] Source() =>
        File.ReadAllLines(Path.Combine(Repository.Root, "tests", "Overlay.Tests", "Documentation", "FormatExamples.cs"));

    // Between the braces of the method, without its indentation.
    private static string BodyOf(string method) => string.Concat(
        Source()
            .SkipWhile(line => line != $"    private void {method}()")
            .Skip(2)
            .TakeWhile(line => line != "    }")
            .Select(line => Unindent(line, 8) + "\n"));

    private static string Unindent(string line, int columns) => line.Length == 0 ? line : line[columns..];
}
