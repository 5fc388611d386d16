using System.Xml.Linq;

namespace Overlay.Testing.Conformance;

/// <summary>What became of tests, by the reports that xunit writes.</summary>
public sealed class TestResults
{
    private readonly ILookup<(string Type, string Method), (string Result, string Reason)> _tests;

    private TestResults(ILookup<(string Type, string Method), (string Result, string Reason)> tests) => _tests = tests;

    /// <summary>Reads reports.</summary>
    public static TestResults Read(IEnumerable<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return new TestResults(paths.SelectMany(path => XDocument.Load(path).Descendants("test")).ToLookup(
            test => ((string?)test.Attribute("type") ?? "", (string?)test.Attribute("method") ?? ""),
            test => ((string?)test.Attribute("result") ?? "", ((string?)test.Element("reason") ?? "").Trim())));
    }

    /// <summary>The result of a test, of all its cases: passed, failed, skipped and why, or not run.</summary>
    public string Of(ConformanceRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        (string Result, string Reason)[] cases = [.. _tests[(row.Type, row.Method)]];
        if (cases.Length == 0)
        {
            return "not run";
        }

        return cases.All(one => one.Result == "Pass") ? ConformanceTable.Passed
            : cases.Any(one => one.Result == "Fail") ? "failed"
            : $"skipped: {cases.First(one => one.Result != "Pass").Reason}";
    }
}
