using Overlay.DataPath;

namespace Overlay.Daemon.Configuration;

/// <summary>How the MTUs of the paths to a tunnel's remotes are found out.</summary>
internal sealed record PathMtuConfig
{
    /// <summary>What holds for every remote at most, in bytes of outer packet; null for what route and link say.</summary>
    public int? Mtu { get; init; }

    /// <summary>Whether ICMP from the underlay is believed.</summary>
    public bool Icmp { get; init; } = true;

    /// <summary>Whether the paths are probed (DPLPMTUD, RFC 8899).</summary>
    public bool Probe { get; init; }

    /// <summary>After how long a larger size is looked for: PMTU_RAISE_TIMER, 600 s in RFC 8899 §5.1.1.</summary>
    public int RaiseSeconds { get; init; } = 600;

    /// <summary>For how long, and how far.</summary>
    public PathMtuOptions Options { get; init; } = new();
}
