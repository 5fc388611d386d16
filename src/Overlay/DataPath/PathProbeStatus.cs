namespace Overlay.DataPath;

/// <summary>What probing has come to on one path.</summary>
/// <param name="State">The state.</param>
/// <param name="Cause">What led to it.</param>
/// <param name="Since">Since when, in monotonic milliseconds.</param>
/// <param name="Size">The PLPMTU: the largest outer IP packet that is known to pass, in bytes; 0 while none is.</param>
/// <param name="HasAnswered">Whether the remote answers probes.</param>
/// <param name="RoundTrip">The round trip in milliseconds, as probes see it; −1 while unknown.</param>
public readonly record struct PathProbeStatus(PathProbeState State, PathProbeCause Cause, long Since, int Size, bool HasAnswered, long RoundTrip);
