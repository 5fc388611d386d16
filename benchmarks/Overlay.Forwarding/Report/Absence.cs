namespace Overlay.Forwarding.Report;

/// <summary>A subject that this machine cannot have.</summary>
/// <param name="Subject">Its name.</param>
/// <param name="Why">Why.</param>
internal sealed record Absence(string Subject, string Why);
