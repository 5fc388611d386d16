using System.Reflection;
using Overlay.Testing.Conformance;

// conformance --tests TESTS.dll: prints the tests of an assembly that prove a rule, one a line, as the filter -method of xunit takes them.
// conformance DOCUMENT { TESTS.dll REPORT.xml }: writes the document from the attributes of test assemblies and the reports of their runs.
if (args is ["--tests", string assembly])
{
    foreach (ConformanceRow row in Of(assembly))
    {
        Console.WriteLine($"{row.Type}.{row.Method}");
    }

    return 0;
}

if (args.Length < 3 || args.Length % 2 == 0)
{
    Console.Error.WriteLine("usage: conformance DOCUMENT { TESTS.dll REPORT.xml }\n       conformance --tests TESTS.dll");
    return 2;
}

string[][] runs = [.. args.Skip(1).Chunk(2)];
List<ConformanceRow> rows = [.. runs.SelectMany(run => Of(run[0]))];
TestResults results = TestResults.Read(runs.Select(run => run[1]));
File.WriteAllText(args[0], ConformanceTable.Format(rows, results.Of));
foreach (ConformanceRow row in rows.Where(row => results.Of(row) != ConformanceTable.Passed))
{
    Console.Error.WriteLine($"item {row.Item}: {row.Type}.{row.Method} {results.Of(row)}");
}

int[] missing = [.. ConformanceTable.Required.Except(rows.Select(row => row.Item))];
Console.Error.WriteLine(
    $"{args[0]}: {rows.Select(row => row.Item).Distinct().Count()} items, {rows.Count} tests" + (missing.Length == 0 ? "" : $"; without a test: {string.Join(", ", missing)}"));
return missing.Length == 0 && rows.TrueForAll(row => results.Of(row) == ConformanceTable.Passed) ? 0 : 1;

static IReadOnlyList<ConformanceRow> Of(string path) => ConformanceRow.Of(Assembly.LoadFrom(Path.GetFullPath(path)));
