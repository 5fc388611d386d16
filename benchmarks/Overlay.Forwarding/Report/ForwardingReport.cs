using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Overlay.Forwarding.Cases;
using Overlay.Forwarding.Measurement;
using Overlay.Forwarding.Statistics;
using Overlay.Forwarding.Subjects;

namespace Overlay.Forwarding.Report;

/// <summary>Everything that was measured, and the shape of the JSON: names in camelCase, absent instead of null but for the value of a failed round.</summary>
internal sealed record ForwardingReport
{
    /// <summary>The seed of every bootstrap.</summary>
    public const ulong Seed = 42;

    /// <summary>The machine.</summary>
    public required MachineFacts Machine { get; init; }

    /// <summary>How often everything was measured.</summary>
    public required int Rounds { get; init; }

    /// <summary>How long one measurement took.</summary>
    public required int Seconds { get; init; }

    /// <summary>The MTU of the cable in bytes.</summary>
    public int UnderlayMtu { get; init; } = Host.UnderlayMtu;

    /// <summary>The MTU of the tunnel in bytes.</summary>
    public int OverlayMtu { get; init; } = Host.OverlayMtu;

    /// <summary>The subjects.</summary>
    public required IReadOnlyList<SubjectFacts> Subjects { get; init; }

    /// <summary>Those that are missing.</summary>
    public required IReadOnlyList<Absence> Absent { get; init; }

    /// <summary>The tables.</summary>
    public required IReadOnlyList<CaseResult> Cases { get; init; }

    /// <summary>The table of targets: what was measured, not whether it is enough.</summary>
    public IReadOnlyList<TargetResult> Targets => [.. Target.All.Select(target => TargetResult.Of(target, Cases)).OfType<TargetResult>()];

    /// <summary>How files with it are called, without an extension.</summary>
    [JsonIgnore]
    public string FileName => string.Create(CultureInfo.InvariantCulture, $"forward-{Machine.Time:yyyyMMdd-HHmmss}");

    /// <summary>The exit code that this report stands for.</summary>
    [JsonIgnore]
    public int ExitCode => Cases.All(result => result.Subjects.Count == 0) ? Forwarding.ExitCode.CannotRun
        : Absent.Any(absence => absence.IsFailure) || Cases.Any(result => result.Subjects.Any(subject => subject.Failures.Count > 0)) ? Forwarding.ExitCode.Failed
        : Forwarding.ExitCode.Measured;

    /// <summary>Sums up.</summary>
    public static ForwardingReport Make(
        MachineFacts machine, ForwardingOptions options, IReadOnlyList<Contestant> contestants, IReadOnlyList<Absence> absent, IReadOnlyList<ForwardingCase> cases, IReadOnlyList<Series> series) => new()
        {
            Machine = machine,
            Rounds = options.Rounds,
            Seconds = options.Seconds,
            Subjects = [.. contestants.Select(contestant => new SubjectFacts(contestant.Name, contestant.Describe()))],
            Absent = absent,
            Cases = [.. cases.Select(forwardingCase => SumUp(forwardingCase, contestants, [.. series.Where(s => s.Case == forwardingCase)]))],
        };

    /// <summary>The JSON, and a line feed.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ReportJson.Default.ForwardingReport) + "\n";

    private static CaseResult SumUp(ForwardingCase forwardingCase, IReadOnlyList<Contestant> contestants, IReadOnlyList<Series> series)
    {
        // In a mixed case the limit is what the probe reaches with the same peer, not with itself.
        Dictionary<string, Series> compared = [];
        foreach (string name in forwardingCase.ComparedWith)
        {
            if (series.FirstOrDefault(candidate => candidate.Contestant.Here.Name == name) is Series baseline)
            {
                compared[name] = baseline;
            }
        }

        // The rounds rotate; the rows do not.
        IEnumerable<Series> rows = contestants.SelectMany(contestant => series.Where(s => s.Contestant == contestant));
        return new CaseResult(forwardingCase.Name, forwardingCase.Description, forwardingCase.ComparedWith, [.. rows.Select(row => SumUp(row, compared))]);
    }

    private static SubjectResult SumUp(Series own, Dictionary<string, Series> compared) =>
        new(own.Contestant.Name, [.. own.Case.Workload.Metrics.Select(metric => SumUp(own, metric, compared))], own.Failures);

    private static MetricResult SumUp(Series own, Metric metric, Dictionary<string, Series> compared)
    {
        IReadOnlyList<double?> rounds = own.Of(metric);
        Dictionary<string, PairedRatio> versus = [];
        foreach ((string name, Series baseline) in compared)
        {
            if (baseline != own && PairedRatio.Of(rounds, baseline.Of(metric), Seed) is PairedRatio ratio)
            {
                versus[name] = ratio;
            }
        }

        return new MetricResult(metric.Name, metric.Unit, metric.HigherIsBetter, rounds, Spread.Of(rounds), versus);
    }
}
