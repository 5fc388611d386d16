using Overlay.Tests.Packaging;

namespace Overlay.Tests.Documentation;

/// <summary>docs/formats.md as the tests read it: sections by their headings, and what stands in them.</summary>
internal static class FormatDocument
{
    private static readonly string Path = System.IO.Path.Combine(Repository.Root, "docs", "formats.md");

    /// <summary>The whole text.</summary>
    public static string Text { get; } = File.ReadAllText(Path);

    /// <summary>The headings of the second order.</summary>
    public static IReadOnlyList<string> Sections { get; } = [.. Text.Split('\n').Where(line => line.StartsWith("## ", StringComparison.Ordinal)).Select(line => line[3..])];

    /// <summary>The text from a heading to the next of its order.</summary>
    public static string Section(string heading)
    {
        string start = $"\n## {heading}\n";
        int from = Text.IndexOf(start, StringComparison.Ordinal);
        if (from < 0)
        {
            throw new InvalidDataException($"{Path} has no section \"{heading}\".");
        }

        int to = Text.IndexOf("\n## ", from + start.Length, StringComparison.Ordinal);
        return Text[(from + start.Length)..(to < 0 ? Text.Length : to + 1)];
    }

    /// <summary>The text of the blocks of a language in a section.</summary>
    public static IReadOnlyList<string> Blocks(string heading, string language)
    {
        List<string> blocks = [];
        string start = $"```{language}\n";
        string section = Section(heading);
        for (int at = section.IndexOf(start, StringComparison.Ordinal); at >= 0; at = section.IndexOf(start, at, StringComparison.Ordinal))
        {
            at += start.Length;
            int end = section.IndexOf("```\n", at, StringComparison.Ordinal);
            blocks.Add(section[at..end]);
            at = end;
        }

        return blocks;
    }

    /// <summary>The rows of the table with this head in a section, each as its cells; none if there is no such table.</summary>
    public static IReadOnlyList<string[]> Table(string heading, string head)
    {
        string[] lines = Section(heading).Split('\n');
        int at = Array.IndexOf(lines, head);
        return at < 0
            ? []
            : [.. lines[(at + 2)..].TakeWhile(line => line.StartsWith('|')).Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim()).ToArray())];
    }
}
