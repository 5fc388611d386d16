using System.Text.Json.Serialization;
using Overlay.DataPath;

namespace Overlay.Daemon.Status;

/// <summary>The path to one remote.</summary>
/// <param name="Remote">The underlay address.</param>
/// <param name="Mtu">The largest outer packet in bytes.</param>
/// <param name="InnerMtu">The largest IP packet inside, in bytes, without VLAN tags.</param>
/// <param name="Source">What it was found by: <c>default</c>, <c>configuration</c>, <c>route</c>, <c>icmp</c>, <c>probe</c>.</param>
/// <param name="AgeSeconds">For how long it has held.</param>
/// <param name="Bound">What configuration or route allow at most, in bytes of outer packet.</param>
/// <param name="Probing">What probing has come to; absent where nobody probes.</param>
internal sealed record PathMtuStatus(
    string Remote, int Mtu, int InnerMtu, string Source, long AgeSeconds, int Bound,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] PathProbingStatus? Probing)
{
    // A status is read by people and polled by programs: of a cluster of thousands, the paths that are not as their routes say are what matters.
    private const int MaxRows = 256;

    /// <summary>The paths as they are: those that ICMP or probing made smaller first, and no more than <see cref="MaxRows"/>; null if none is known.</summary>
    public static IReadOnlyList<PathMtuStatus>? From(PathMtus paths, TunnelProber? prober, int overhead, long now)
    {
        IReadOnlyList<PathMtuRow> rows = paths.Snapshot();
        return rows.Count == 0 ? null :
        [
            .. rows.OrderBy(row => row.Path.Mtu == row.Bound).ThenBy(row => row.Remote).Take(MaxRows).Select(row => new PathMtuStatus(
                row.Remote.ToString(), row.Path.Mtu, row.Path.Mtu - overhead, Word(row.Path.Source),
                row.Path.Source == PathMtuSource.Default ? 0 : (now - row.Path.Since) / 1_000, row.Bound,
                prober is not null && prober.Read(row.Index, out PathProbeStatus probing) ? PathProbingStatus.From(probing, now) : null)),
        ];
    }

    private static string Word(PathMtuSource source) => source switch
    {
        PathMtuSource.Configuration => "configuration",
        PathMtuSource.Route => "route",
        PathMtuSource.Icmp => "icmp",
        PathMtuSource.Probe => "probe",
        _ => "default",
    };
}
