namespace Overlay.DataPath;

/// <summary>What a path MTU was found by.</summary>
public enum PathMtuSource : byte
{
    /// <summary>Nothing is known of this remote: the tunnel's own value holds.</summary>
    Default,

    /// <summary>Somebody has written it down.</summary>
    Configuration,

    /// <summary>The route to the remote, or the link that it leaves by.</summary>
    Route,

    /// <summary>A router's ICMP message about a packet of ours (RFC 1191, RFC 8201).</summary>
    Icmp,

    /// <summary>Probes that the remote answered, or that it did not answer (RFC 8899).</summary>
    Probe,
}
