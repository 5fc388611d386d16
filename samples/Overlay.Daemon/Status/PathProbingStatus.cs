using Overlay.DataPath;

namespace Overlay.Daemon.Status;

/// <summary>What probing a path has come to (RFC 8899 §5.2).</summary>
/// <param name="State">The state: <c>disabled</c>, <c>base</c>, <c>searching</c>, <c>search-complete</c>, <c>error</c>.</param>
/// <param name="Cause">What led to it: <c>start</c>, <c>connectivity</c>, <c>base-answered</c>, <c>base-unanswered</c>, <c>no-answer</c>, <c>size-found</c>,
/// <c>black-hole</c>, <c>confirmed</c>, <c>raise-timer</c>, <c>packet-too-big</c>.</param>
/// <param name="SinceSeconds">For how long.</param>
/// <param name="Size">The largest outer packet that is known to pass, in bytes; 0 while none is.</param>
/// <param name="Answers">Whether the remote answers probes; one that is not of this kind does not.</param>
internal sealed record PathProbingStatus(string State, string Cause, long SinceSeconds, int Size, bool Answers)
{
    public static PathProbingStatus From(in PathProbeStatus status, long now) => new(
        status.State switch
        {
            PathProbeState.Base => "base",
            PathProbeState.Searching => "searching",
            PathProbeState.SearchComplete => "search-complete",
            PathProbeState.Error => "error",
            _ => "disabled",
        },
        status.Cause switch
        {
            PathProbeCause.Connectivity => "connectivity",
            PathProbeCause.BaseAnswered => "base-answered",
            PathProbeCause.BaseUnanswered => "base-unanswered",
            PathProbeCause.NoAnswer => "no-answer",
            PathProbeCause.SizeFound => "size-found",
            PathProbeCause.BlackHole => "black-hole",
            PathProbeCause.Confirmed => "confirmed",
            PathProbeCause.RaiseTimer => "raise-timer",
            PathProbeCause.PacketTooBig => "packet-too-big",
            _ => "start",
        },
        status.Since == 0 ? 0 : (now - status.Since) / 1_000,
        status.Size,
        status.HasAnswered);
}
