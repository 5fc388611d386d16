namespace Overlay.Forwarding.Report;

/// <summary>One row.</summary>
/// <param name="Subject">The name of the subject.</param>
/// <param name="Metrics">What was measured, the metric that counts first.</param>
/// <param name="Failures">What went wrong, by round.</param>
internal sealed record SubjectResult(string Subject, IReadOnlyList<MetricResult> Metrics, IReadOnlyList<string> Failures);
