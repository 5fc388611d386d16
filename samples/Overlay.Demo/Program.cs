using Overlay.Demo;
using Overlay.Demo.Report;

if (!DemoOptions.TryParse(args, out DemoOptions options, out string mistake))
{
    Console.Error.WriteLine($"demo: {mistake}");
    Console.Error.WriteLine(DemoOptions.Usage);
    return ExitCode.Usage;
}

using Interruption interruption = new();
try
{
    DemoReport report = new DemoRun(options, new Narrator(options.Json ? TextWriter.Null : Console.Out), interruption.Token).Run();
    Console.Out.Write(options.Json ? report.ToJson() : ReportTable.Format(report));
    return report.ExitCode;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("demo: interrupted; namespaces and daemons are gone");
    return ExitCode.Interrupted;
}
