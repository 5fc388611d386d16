using Overlay.Forwarding.Statistics;

namespace Overlay.Forwarding.Report;

/// <summary>A row of the table of targets, measured. Ratios are paired within the rounds.</summary>
/// <param name="Target">What it is about.</param>
/// <param name="Ours">Our figure.</param>
/// <param name="C">The probe's; absent where it has none.</param>
/// <param name="Kernel">The kernel's; absent where it has none.</param>
/// <param name="Other">What else it is compared with; absent where there is nothing.</param>
/// <param name="RatioToC">Ours to the probe's.</param>
/// <param name="RatioToKernel">Ours to the kernel's.</param>
/// <param name="RatioToOther">Ours to the other's.</param>
internal sealed record TargetResult(
    Target Target, Spread Ours, Spread? C, Spread? Kernel, Spread? Other, PairedRatio? RatioToC, PairedRatio? RatioToKernel, PairedRatio? RatioToOther)
{
    /// <summary>Takes it from the tables.</summary>
    /// <returns>null if ours was not measured.</returns>
    public static TargetResult? Of(Target target, IReadOnlyList<CaseResult> cases)
    {
        IReadOnlyList<SubjectResult> rows = cases.FirstOrDefault(result => result.Case == target.Case)?.Subjects ?? [];
        MetricResult? ours = Find(target.Ours);
        MetricResult? probe = Find(target.C);
        MetricResult? kernel = Find(Target.Kernel);
        MetricResult? other = Find(target.Other);
        return ours?.Spread is null
            ? null
            : new TargetResult(target, ours.Spread, probe?.Spread, kernel?.Spread, other?.Spread, Ratio(probe), Ratio(kernel), Ratio(other));

        // By name and unit: the same processor time is counted by the byte and by the packet.
        MetricResult? Find(string? subject) => rows.FirstOrDefault(row => row.Subject == subject)?.Metrics
            .FirstOrDefault(metric => metric.Name == target.Metric.Name && metric.Unit == target.Metric.Unit);

        PairedRatio? Ratio(MetricResult? baseline) => baseline is null ? null : PairedRatio.Of(ours.Rounds, baseline.Rounds, ForwardingReport.Seed);
    }
}
