namespace Overlay.DataPath;

/// <summary>What a worker has to say about probes.</summary>
public enum PathProbeNewsKind : byte
{
    /// <summary>A remote has answered a probe.</summary>
    Answered,

    /// <summary>A remote has sent a probe itself, and was answered.</summary>
    Heard,

    /// <summary>The link did not take a probe: it is too big.</summary>
    Refused,
}

/// <summary>What a worker has seen of probes.</summary>
/// <param name="Kind">What.</param>
/// <param name="Remote">The other end.</param>
/// <param name="Size">The length of the probe as an outer IP packet, in bytes.</param>
/// <param name="Nonce">What tells the probe from others.</param>
public readonly record struct PathProbeNews(PathProbeNewsKind Kind, ValueIPAddress Remote, int Size, ulong Nonce);
