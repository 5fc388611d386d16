namespace Overlay.Benchmarks.Comparison;

/// <summary>The part of a document that a command writes, between two lines that mark it.</summary>
internal static class MarkedSection
{
    /// <summary>The line before it.</summary>
    public const string Begin = "<!-- results:begin -->";

    /// <summary>The line behind it.</summary>
    public const string End = "<!-- results:end -->";

    /// <summary>Puts other text between the marks; all else stays as it is.</summary>
    /// <param name="document">The document.</param>
    /// <param name="section">What is to stand there.</param>
    /// <exception cref="InvalidOperationException">There is not exactly one of each mark, or they are in the wrong order, or the text has one.</exception>
    public static string Replace(string document, string section)
    {
        int begin = Only(document, Begin);
        int end = Only(document, End);
        if (end < begin)
        {
            throw new InvalidOperationException($"{End} stands before {Begin}.");
        }

        if (section.Contains(Begin, StringComparison.Ordinal) || section.Contains(End, StringComparison.Ordinal))
        {
            throw new InvalidOperationException("The results hold a mark of their own section.");
        }

        return $"{document[..(begin + Begin.Length)]}\n{section.Trim('\n')}\n{document[end..]}";
    }

    private static int Only(string document, string mark)
    {
        int first = document.IndexOf(mark, StringComparison.Ordinal);
        return first >= 0 && document.IndexOf(mark, first + mark.Length, StringComparison.Ordinal) < 0
            ? first
            : throw new InvalidOperationException($"The document needs the line {mark} exactly once; it is {(first < 0 ? "not there" : "there more than once")}.");
    }
}
