namespace Overlay.Linux;

/// <summary>What an ICMP error about a tunnel packet said, the same for both IP versions.</summary>
public enum IcmpErrorKind
{
    /// <summary>Nobody listens on the remote's port: the remote's tunnel is down.</summary>
    PortUnreachable,

    /// <summary>A router cannot reach the remote, or the remote's address does not answer.</summary>
    HostUnreachable,

    /// <summary>A router has no route to the remote.</summary>
    NetworkUnreachable,

    /// <summary>A filter refused the packet.</summary>
    Prohibited,

    /// <summary>The packet exceeds the path's MTU. Never acted on: it may be forged.</summary>
    TooBig,

    /// <summary>The TTL or hop limit ran out on the way: often a routing loop.</summary>
    TimeExceeded,

    /// <summary>Anything else.</summary>
    Other,
}
