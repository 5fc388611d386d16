using System.Text.Json;
using Overlay.Forwarding;
using Overlay.Forwarding.Cases;
using Overlay.Forwarding.Report;
using Overlay.Forwarding.Subjects;
using Xunit;

namespace Overlay.Tests.Benchmarks;

/// <summary>From rounds to tables.</summary>
public sealed class ForwardingReportTests
{
    private static readonly MachineFacts Machine = new()
    {
        Kernel = "6.1",
        Processor = "a processor",
        Cpus = 2,
        SharedCpu = 1,
        Runtime = ".NET 10",
        Commit = "0123456789ab",
        Iperf3 = "iperf 3.12",
        CongestionControl = "cubic",
        LoadBefore = "0.00 0.01 0.05",
        LoadAfter = "1.00 0.20 0.10",
        Time = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc),
    };

    private static readonly Subject Kernel = new("kernel");
    private static readonly Subject Ours = new("overlayd");
    private static readonly Subject Probe = new("c");

    [Fact]
    public void Rows_are_compared_with_both_baselines()
    {
        CaseResult result = Assert.Single(SevenRounds().Cases);

        Assert.Equal(["kernel", "overlayd", "c"], result.Subjects.Select(subject => subject.Subject));
        MetricResult ours = result.Subjects[1].Metrics[0];
        Assert.Equal(8, ours.Spread!.Median);
        Assert.Equal(0.8, ours.Versus["kernel"].Median, precision: 12);
        Assert.Equal(0.5, ours.Versus["c"].Median, precision: 12);
        Assert.Equal(7, ours.Versus["c"].Pairs);
        Assert.NotNull(ours.Versus["c"].Interval);
        Assert.Equal(["c"], result.Subjects[0].Metrics[0].Versus.Keys);
        // The second metric is the CPU time; the kernel's forwarders, the fourth, have none to divide by.
        Assert.Equal(2, result.Subjects[1].Metrics[1].Versus["kernel"].Median, precision: 12);
        Assert.False(result.Subjects[1].Metrics[3].Versus.ContainsKey("kernel"));
    }

    [Fact]
    public void Table_has_medians_ranges_ratios_and_intervals()
    {
        string text = MarkdownReport.Format(SevenRounds());

        Assert.Contains("| subject | TCP Gbit/s, more is better | ratio to kernel [95 %] | ratio to c [95 %] | CPU processes s/GB |", text, StringComparison.Ordinal);
        Assert.Contains("| overlayd | 8.00 (7.20–8.80) | 0.80 [0.80, 0.80] | 0.50 [0.50, 0.50] | 2.00 (2.00–2.00) |", text, StringComparison.Ordinal);
        Assert.Contains("commit 0123456789ab", text, StringComparison.Ordinal);
        Assert.Contains("load 0.00 0.01 0.05 before and 1.00 0.20 0.10 after", text, StringComparison.Ordinal);
        Assert.DoesNotContain("not a measurement", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Failed_round_is_told_and_leaves_the_others()
    {
        Series kernel = Fill(Kernel, [10, 10]);
        Series ours = Fill(Ours, [5]);
        ours.AddFailure("iperf3: unable to connect");

        ForwardingReport report = Report([kernel, ours], rounds: 2);

        MetricResult metric = report.Cases[0].Subjects[1].Metrics[0];
        Assert.Equal([5, null], metric.Rounds);
        Assert.Equal(1, metric.Versus["kernel"].Pairs);
        Assert.Equal(ExitCode.Failed, report.ExitCode);
        string text = MarkdownReport.Format(report);
        Assert.Contains("overlayd failed: round 2: iperf3: unable to connect", text, StringComparison.Ordinal);
        Assert.Contains("not a measurement", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_probe_is_told()
    {
        ForwardingReport report = Report([Fill(Kernel, [10]), Fill(Ours, [5])], rounds: 1, new Absence("c", "there is no gcc"));

        Assert.Equal(ExitCode.Measured, report.ExitCode);
        string text = MarkdownReport.Format(report);
        Assert.Contains("- c is missing: there is no gcc", text, StringComparison.Ordinal);
        Assert.Contains("| overlayd | 5.00 | 0.50 | 1.00 |", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Mixed_ends_are_compared_with_the_kernel_and_with_the_probe_at_the_same_peer()
    {
        ForwardingCase toKernel = ForwardingCase.All.Single(c => c.Name == "tcp-to-kernel");
        KernelVxlan kernel = new();
        Contestant both = new(kernel, kernel);
        Contestant ours = new(Ours, kernel);
        Contestant probe = new(new Subject("c-nice0"), kernel);
        Contestant alone = new(Ours, Ours);

        Assert.All([both, ours, probe], contestant => Assert.True(toKernel.Includes(contestant)));
        Assert.False(toKernel.Includes(alone));
        Assert.False(ForwardingCase.All[0].Includes(ours));
        Assert.True(ForwardingCase.All[0].Includes(both));

        ForwardingReport report = ForwardingReport.Make(
            Machine, new ForwardingOptions { Rounds = 1 }, [both, ours, probe], [], [toKernel],
            [Fill(toKernel, both, [10]), Fill(toKernel, ours, [4]), Fill(toKernel, probe, [8])]);

        MetricResult metric = report.Cases[0].Subjects[1].Metrics[0];
        Assert.Equal("overlayd+kernel", report.Cases[0].Subjects[1].Subject);
        Assert.Equal(0.4, metric.Versus["kernel"].Median, precision: 12);
        Assert.Equal(0.5, metric.Versus["c-nice0"].Median, precision: 12);
    }

    [Fact]
    public void Broken_subject_is_told_apart_from_one_that_cannot_be_had()
    {
        ForwardingReport report = Report([Fill(Kernel, [10])], rounds: 1, new Absence("overlayd", "it ended with 134", IsFailure: true));

        Assert.Equal(ExitCode.Failed, report.ExitCode);
        Assert.Contains("- overlayd failed to start: it ended with 134", MarkdownReport.Format(report), StringComparison.Ordinal);
    }

    [Fact]
    public void Targets_stand_beside_the_probe_at_the_same_nice_and_the_kernel()
    {
        Subject sameNice = new("c-nice0");

        ForwardingReport report = Report([Fill(Kernel, [10, 20], cpu: 2), Fill(Ours, [8, 12], cpu: 3), Fill(sameNice, [16, 20]), Fill(Probe, [99, 99])], rounds: 2);

        TargetResult stream = report.Targets[0];
        Assert.Equal(10, stream.Ours.Median);
        Assert.Equal(18, stream.C!.Median);
        Assert.Equal(0.55, stream.RatioToC!.Median, precision: 12);
        Assert.Equal(0.7, stream.RatioToKernel!.Median, precision: 12);
        Assert.Null(stream.RatioToOther);
        TargetResult processor = report.Targets[1];
        Assert.Equal("s/GB", processor.Target.Metric.Unit);
        Assert.Equal(1.5, processor.RatioToKernel!.Median, precision: 12);
        Assert.Equal(2, report.Targets.Count);
        Assert.Contains(
            "| TCP, one stream, unpinned (`tcp`), Gbit/s | 10.00 (8.00–12.00) overlayd | 18.00 (16.00–20.00) c-nice0 | 15.00 (10.00–20.00) | 0.55 | 0.70 | – |",
            MarkdownReport.Format(report), StringComparison.Ordinal);
        using var document = JsonDocument.Parse(report.ToJson());
        Assert.Equal(0.55, document.RootElement.GetProperty("targets")[0].GetProperty("ratioToC").GetProperty("median").GetDouble(), precision: 12);
    }

    [Fact]
    public void Targets_without_ours_are_left_out() => Assert.Empty(Report([Fill(Kernel, [10]), Fill(Probe, [9])], rounds: 1).Targets);

    [Fact]
    public void Json_has_every_round()
    {
        using var document = JsonDocument.Parse(SevenRounds().ToJson());

        JsonElement subject = document.RootElement.GetProperty("cases")[0].GetProperty("subjects")[1];
        JsonElement metric = subject.GetProperty("metrics")[0];
        Assert.Equal("overlayd", subject.GetProperty("subject").GetString());
        Assert.Equal(7, metric.GetProperty("rounds").GetArrayLength());
        Assert.Equal(8, metric.GetProperty("spread").GetProperty("median").GetDouble());
        Assert.Equal(0.8, metric.GetProperty("versus").GetProperty("kernel").GetProperty("interval").GetProperty("low").GetDouble(), precision: 12);
        Assert.Equal("6.1", document.RootElement.GetProperty("machine").GetProperty("kernel").GetString());
    }

    [Fact]
    public void Nothing_measured_is_not_success()
    {
        Assert.Equal(ExitCode.CannotRun, Report([], rounds: 1).ExitCode);
    }

    [Fact]
    public void Names_of_cases_are_unique() => Assert.Equal(ForwardingCase.All.Count, ForwardingCase.All.Select(c => c.Name).Distinct().Count());

    private static ForwardingReport SevenRounds()
    {
        double[] rounds = [10, 9, 11, 10, 10, 9.5, 10.5];
        return Report([Fill(Kernel, rounds, cpu: 1), Fill(Ours, [.. rounds.Select(value => value * 0.8)], cpu: 2), Fill(Probe, [.. rounds.Select(value => value * 1.6)])], rounds.Length);
    }

    private static ForwardingReport Report(Series[] series, int rounds, params Absence[] absent) => ForwardingReport.Make(
        Machine, new ForwardingOptions { Rounds = rounds }, [.. series.Select(s => s.Contestant)], absent, [ForwardingCase.All[0]], series);

    private static Series Fill(ISubject subject, double[] rounds, double cpu = 1) => Fill(ForwardingCase.All[0], new Contestant(subject, subject), rounds, cpu);

    private static Series Fill(ForwardingCase forwardingCase, Contestant contestant, double[] rounds, double cpu = 1)
    {
        Series series = new(forwardingCase, contestant);
        foreach (double value in rounds)
        {
            series.Add([value, cpu, 2 * cpu, contestant.Name == "kernel" ? 0 : cpu]);
        }

        return series;
    }

    // A name in a table; these tests set nothing up.
    private sealed class Subject(string name) : ISubject
    {
        public string Name => name;

        public string Describe() => $"the {name}";

        public ITunnelEnd SetUp(Host here, Host there) => throw new NotSupportedException();
    }
}
