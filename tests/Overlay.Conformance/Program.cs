using System.Reflection;
using Overlay.Testing.Conformance;

// conformance DOCUMENT { TESTS.dll REPORT.xml }: writes the document from the attributes of test assemblies and the reports of their runs.
if (args.Length < 3 || args.Length % 2 == 0)
{
    Console.Error.WriteLine("usage: conformance DOCUMENT { TESTS.dll REPORT.xml }");
    return 2;
}

string[][] runs = [.. args.Skip(1).Chunk(2)];
List<ConformanceRow> rows = [.. runs.SelectMany(run => ConformanceRow.Of(Assembly.LoadFrom(Path.GetFullPath(run[0]))))];
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
