namespace Overlay.Testing.Relay;

/// <summary>What becomes of packets that exceed <see cref="Impairments.Mtu"/>.</summary>
public enum NarrowLink
{
    /// <summary>
    /// A router that does what it should: IPv4 that may be fragmented is; the sender of anything else is told (RFC 792, RFC 1191 §4; RFC 4443 §3.2).
    /// </summary>
    Router,

    /// <summary>A router whose ICMP never arrives: IPv4 that may be fragmented is, the rest is lost. A black hole.</summary>
    RouterWithoutIcmp,

    /// <summary>A switch: whatever is too long is lost.</summary>
    Switch,
}
