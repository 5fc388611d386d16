using Overlay.Demo;
using Overlay.Forwarding;
using Overlay.Forwarding.Cases;
using Overlay.Forwarding.Report;
using Overlay.Forwarding.Subjects;
using ExitCode = Overlay.Forwarding.ExitCode;

string output = Path.Combine(Repository.Root, "artifacts", "forward");
Catalog catalog = new(Repository.Root, output);
string[] cases = [.. ForwardingCase.All.Select(forwardingCase => forwardingCase.Name)];
string[] subjects = [.. catalog.Contestants.Select(contestant => contestant.Name)];
if (!ForwardingOptions.TryParse(args, out ForwardingOptions options, out string? mistake) || (mistake = options.FindMistake(cases, subjects)) is not null)
{
    Console.Error.WriteLine($"bench forward: {mistake}");
    Console.Error.WriteLine(ForwardingOptions.Usage);
    return ExitCode.Usage;
}

if (options.List)
{
    Console.WriteLine(new Plan(options, catalog.Contestants).Describe());
    return ExitCode.Measured;
}

using Interruption interruption = new();
try
{
    ForwardingReport report = new ForwardingRun(options, catalog, Console.Error, interruption.Token).Run();
    string name = report.FileName;
    string json = options.JsonFile ?? Path.Combine(output, name + ".json");
    string markdown = Path.Combine(output, name + ".md");
    Directory.CreateDirectory(output);
    Directory.CreateDirectory(Path.GetDirectoryName(json)!);
    File.WriteAllText(json, report.ToJson());
    File.WriteAllText(markdown, MarkdownReport.Format(report));
    Console.Write(MarkdownReport.Format(report));
    Console.Error.WriteLine($"Written: {json} and {markdown}");
    return report.ExitCode;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("bench forward: interrupted; namespaces and forwarders are gone, nothing is written");
    return ExitCode.Interrupted;
}
