namespace Overlay.Linux;

/// <summary>What a <see cref="WarmUp"/> did.</summary>
/// <param name="Time">How long it took.</param>
/// <param name="Packets">Wire packets that crossed the tunnel.</param>
/// <param name="IsSettled">Whether nothing was left to compile; otherwise the time was up.</param>
public sealed record WarmUpResult(TimeSpan Time, long Packets, bool IsSettled);
