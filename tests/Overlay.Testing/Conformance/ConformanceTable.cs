using System.Text;

namespace Overlay.Testing.Conformance;

/// <summary>docs/conformance.md: written from the attributes of the tests and the results of a run, and read back to be compared with the attributes.</summary>
public static class ConformanceTable
{
    /// <summary>The result of a test that passed, in the document.</summary>
    public const string Passed = "passed";

    private const int ResultColumn = 4;

    /// <summary>
    /// The rules that the project has set itself: the numbers of the checklist of which each needs at least one test.
    /// </summary>
    public static IReadOnlyList<int> Required { get; } = [.. Enumerable.Range(1, 87)];

    /// <summary>The whole document.</summary>
    /// <param name="rows">The tests.</param>
    /// <param name="result">What became of each in a run.</param>
    public static string Format(IEnumerable<ConformanceRow> rows, Func<ConformanceRow, string> result)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(result);
        StringBuilder text = new("""
            # Conformance

            What the RFCs ask of an end of a tunnel, rule by rule, and the test that proves each. `./build.sh conformance` runs the tests and writes this
            table; other tests compare it with the attributes in the code. The judge is what is seen from outside: bytes, drops by
            reason, and where the operating system takes part the kernel or tshark. Where the behaviour differs on purpose, by default or always, the last
            column says how and why.

            | item | rule | where | test | result | deviation |
            |--:|---|---|---|---|---|

            """);
        foreach (ConformanceRow row in ConformanceRow.Sort(rows))
        {
            text.Append(Line(row, result(row))).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The line of a test.</summary>
    public static string Line(ConformanceRow row, string result)
    {
        ArgumentNullException.ThrowIfNull(row);
        return $"| {row.Item} | {Escape(row.Rule)} | {row.Section} | {Test(row)} | {Escape(result)} | {Escape(row.Deviation)} |";
    }

    /// <summary>The lines of the document about tests of one assembly, each with its result taken out.</summary>
    /// <param name="document">The text of the document.</param>
    /// <param name="assembly">The name of the assembly.</param>
    public static IReadOnlyList<(string Line, string Result)> Read(string document, string assembly)
    {
        ArgumentNullException.ThrowIfNull(document);
        List<(string, string)> lines = [];
        foreach (string line in document.Split('\n').Where(line => line.Contains($"(../tests/{assembly}/", StringComparison.Ordinal)))
        {
            // The cells between the bars; the first and the last are empty.
            string[] cells = line.Split(" | ");
            string result = cells[ResultColumn];
            cells[ResultColumn] = "";
            lines.Add((string.Join(" | ", cells), result));
        }

        return lines;
    }

    /// <summary>The numbers of the items that the document has.</summary>
    public static IReadOnlyList<int> Items(string document)
    {
        ArgumentNullException.ThrowIfNull(document);
        return
        [
            .. document.Split('\n').Select(line => line.Split(' ')).Where(words => words.Length > 1 && words[0] == "|" && int.TryParse(words[1], out _))
                .Select(words => int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture)).Distinct(),
        ];
    }

    // The classes lie in a folder named as the rest of their namespace.
    private static string Test(ConformanceRow row)
    {
        string[] parts = row.Type.Split('.');
        int folder = Array.IndexOf(parts, "Tests") + 1;
        string file = $"../tests/{string.Join('.', parts[..folder])}/{string.Join('/', parts[folder..])}.cs";
        return $"[{parts[^1]}]({file}) {row.Method.Replace('_', ' ')}";
    }

    private static string Escape(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
