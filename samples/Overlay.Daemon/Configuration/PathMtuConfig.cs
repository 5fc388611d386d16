using Overlay.DataPath;

namespace Overlay.Daemon.Configuration;

/// <summary>How the MTUs of the paths to a tunnel's remotes are found out.</summary>
internal sealed record PathMtuConfig
{
    /// <summary>What holds for every remote at most, in bytes of outer packet; null for what route and link say.</summary>
    public int? Mtu { get; init; }

    /// <summary>Whether ICMP from the underlay is believed.</summary>
    public bool Icmp { get; init; } = true;

    /// <summary>For how long, and how far.</summary>
    public PathMtuOptions Options { get; init; } = new();
}
