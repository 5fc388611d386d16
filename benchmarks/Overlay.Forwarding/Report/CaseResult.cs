namespace Overlay.Forwarding.Report;

/// <summary>One table.</summary>
/// <param name="Case">The name of the case.</param>
/// <param name="Description">What is done in it.</param>
/// <param name="Subjects">The rows.</param>
internal sealed record CaseResult(string Case, string Description, IReadOnlyList<SubjectResult> Subjects);
