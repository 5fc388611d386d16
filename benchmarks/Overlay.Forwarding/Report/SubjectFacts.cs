namespace Overlay.Forwarding.Report;

/// <summary>What a subject is.</summary>
/// <param name="Name">Its name in the tables.</param>
/// <param name="Description">What it is and how it is set.</param>
internal sealed record SubjectFacts(string Name, string Description);
