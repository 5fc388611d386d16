using System.Globalization;
using System.Text;
using Overlay.Forwarding.Cases;
using Overlay.Forwarding.Measurement;
using Overlay.Forwarding.Statistics;

namespace Overlay.Forwarding.Report;

/// <summary>The report as Markdown: the facts, then a table for each case, then the table of targets.</summary>
internal static class MarkdownReport
{
    private const string Nothing = "–";

    /// <summary>The whole text.</summary>
    public static string Format(ForwardingReport report)
    {
        StringBuilder text = new();
        text.Append("# Forwarding\n\n");
        WriteFacts(text, report);
        foreach (CaseResult result in report.Cases)
        {
            WriteCase(text, result);
        }

        WriteTargets(text, report.Targets);

        return text.ToString();
    }

    private static void WriteFacts(StringBuilder text, ForwardingReport report)
    {
        MachineFacts machine = report.Machine;
        Line(text, $"{machine.Time:yyyy-MM-dd HH:mm} UTC, commit {machine.Commit}, {machine.Configuration} build, {machine.Runtime}");
        Line(text, $"Linux {machine.Kernel}, {machine.Processor}, {machine.Cpus} CPUs, load {machine.LoadBefore} before and {machine.LoadAfter} after");
        Line(text, $"{machine.Iperf3}, congestion control {machine.CongestionControl}; \"one CPU\" is CPU {machine.SharedCpu}");
        Line(text, $"Two namespaces on one veth pair, MTU {report.UnderlayMtu}, overlay MTU {report.OverlayMtu}; interleaved rounds: {report.Rounds} of {report.Seconds} s");
        text.Append('\n');
        foreach (SubjectFacts subject in report.Subjects)
        {
            Line(text, $"{subject.Name}: {subject.Description}");
        }

        foreach (Absence absence in report.Absent)
        {
            Line(text, $"{absence.Subject} {(absence.IsFailure ? "failed to start" : "is missing")}: {absence.Why}");
        }

        if (report.Rounds < Bootstrap.MinimumSamples)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n**Fewer than {Bootstrap.MinimumSamples} rounds: a check that everything runs, not a measurement.**\n");
        }

        static void Line(StringBuilder text, FormattableString line) => text.Append("- ").Append(FormattableString.Invariant(line)).Append('\n');
    }

    private static void WriteCase(StringBuilder text, CaseResult result)
    {
        if (result.Subjects.Count == 0)
        {
            return;
        }

        IReadOnlyList<Metric> metrics = ForwardingCase.All.First(c => c.Name == result.Case).Workload.Metrics;
        // Those that take part: the name of a subject at host 1 is all of a contestant's name, or the part before the +.
        string[] baselines = [.. result.ComparedWith.Where(name => result.Subjects.Any(subject => subject.Subject.Split('+')[0] == name))];
        string better = metrics[0].HigherIsBetter ? "more is better" : "less is better";
        text.Append(CultureInfo.InvariantCulture, $"\n## {result.Description} (`{result.Case}`)\n\n");
        Row(text, [
            "subject", $"{metrics[0].Title}, {better}", .. baselines.Select(baseline => $"ratio to {baseline} [95 %]"), .. metrics.Skip(1).Select(metric => metric.Title)]);
        Row(text, Enumerable.Repeat("---", 1 + metrics.Count + baselines.Length));
        foreach (SubjectResult subject in result.Subjects)
        {
            MetricResult main = subject.Metrics[0];
            Row(text, [
                subject.Subject, Cell(main.Spread, metrics[0].Format),
                .. baselines.Select(baseline => Cell(main.Versus.GetValueOrDefault(baseline))),
                .. subject.Metrics.Zip(metrics).Skip(1).Select(pair => Cell(pair.First.Spread, pair.Second.Format))]);
        }

        foreach (SubjectResult subject in result.Subjects.Where(subject => subject.Failures.Count > 0))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n{subject.Subject} failed: {string.Join("; ", subject.Failures)}\n");
        }
    }

    private static void WriteTargets(StringBuilder text, IReadOnlyList<TargetResult> targets)
    {
        if (targets.Count == 0)
        {
            return;
        }

        text.Append("\n## Targets\n\n");
        Row(text, ["work", "ours", "C", "kernel", "ratio to C [95 %]", "ratio to kernel [95 %]", "ratio to other [95 %]"]);
        Row(text, Enumerable.Repeat("---", 7));
        foreach (TargetResult result in targets)
        {
            Target target = result.Target;
            Row(text, [
                $"{target.Work} (`{target.Case}`), {target.Metric.Unit}", $"{Cell(result.Ours, target.Metric.Format)} {target.Ours}",
                Named(result.C, target.C, target.Metric.Format), Cell(result.Kernel, target.Metric.Format), Cell(result.RatioToC), Cell(result.RatioToKernel),
                result.RatioToOther is null ? Nothing : $"{Cell(result.RatioToOther)} {target.Other}"]);
        }
    }

    private static string Named(Spread? spread, string? name, string format) => spread is null ? Nothing : $"{Cell(spread, format)} {name}";

    private static string Cell(Spread? spread, string format) => spread is null
        ? Nothing
        : spread.Count == 1 ? Number(spread.Median, format) : $"{Number(spread.Median, format)} ({Number(spread.Minimum, format)}–{Number(spread.Maximum, format)})";

    private static string Cell(PairedRatio? ratio) => ratio is null
        ? Nothing
        : ratio.Interval is null ? Number(ratio.Median, "0.00") : $"{Number(ratio.Median, "0.00")} [{Number(ratio.Interval.Low, "0.00")}, {Number(ratio.Interval.High, "0.00")}]";

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static void Row(StringBuilder text, IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
}
