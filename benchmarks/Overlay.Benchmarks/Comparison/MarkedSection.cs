namespace Overlay.Benchmarks.Comparison;

/// <summary>The part of a document that a command writes, between two lines that mark it.</summary>
internal static class MarkedSection
{
    /// <summary>The name of the section that <c>bench --record</c> writes.</summary>
    public const string Results = "results";

    /// <summary>The line before a section.</summary>
    public static string Begin(string name) => $"<!-- {name}:begin -->";

    /// <summary>The line behind a section.</summary>
    public static string End(string name) => $"<!-- {name}:end -->";

    /// <summary>Puts other text between the marks; all else stays as it is.</summary>
    /// <param name="document">The document.</param>
    /// <param name="section">What is to stand there.</param>
    /// <param name="name">The name of the section.</param>
    /// <exception cref="InvalidOperationException">There is not exactly one of each mark, or they are in the wrong order, or the text has one.</exception>
    public static string Replace(string document, string section, string name = Results)
    {
        (string first, string last) = (Begin(name), End(name));
        int begin = Only(document, first);
        int end = Only(document, last);
        if (end < begin)
        {
            throw new InvalidOperationException($"{last} stands before {first}.");
        }

        if (section.Contains(first, StringComparison.Ordinal) || section.Contains(last, StringComparison.Ordinal))
        {
            throw new InvalidOperationException("The results hold a mark of their own section.");
        }

        return $"{document[..(begin + first.Length)]}\n{section.Trim('\n')}\n{document[end..]}";
    }

    private static int Only(string document, string mark)
    {
        int first = document.IndexOf(mark, StringComparison.Ordinal);
        return first >= 0 && document.IndexOf(mark, first + mark.Length, StringComparison.Ordinal) < 0
            ? first
            : throw new InvalidOperationException($"The document needs the line {mark} exactly once; it is {(first < 0 ? "not there" : "there more than once")}.");
    }
}
