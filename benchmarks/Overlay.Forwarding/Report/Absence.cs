namespace Overlay.Forwarding.Report;

/// <summary>A subject that is not there.</summary>
/// <param name="Subject">Its name.</param>
/// <param name="Why">Why.</param>
/// <param name="IsFailure">Whether it should have been there; false where this machine, or this version, cannot have it.</param>
internal sealed record Absence(string Subject, string Why, bool IsFailure = false);
