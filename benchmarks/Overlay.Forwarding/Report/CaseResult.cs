namespace Overlay.Forwarding.Report;

/// <summary>One table.</summary>
/// <param name="Case">The name of the case.</param>
/// <param name="Description">What is done in it.</param>
/// <param name="ComparedWith">Those of the rows that the others are compared with, by the name of the subject at host 1.</param>
/// <param name="Subjects">The rows.</param>
internal sealed record CaseResult(string Case, string Description, IReadOnlyList<string> ComparedWith, IReadOnlyList<SubjectResult> Subjects);
