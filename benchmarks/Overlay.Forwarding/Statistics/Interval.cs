namespace Overlay.Forwarding.Statistics;

/// <summary>From where to where.</summary>
/// <param name="Low">The lower end.</param>
/// <param name="High">The upper end.</param>
internal sealed record Interval(double Low, double High);
