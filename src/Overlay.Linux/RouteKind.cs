namespace Overlay.Linux;

/// <summary>What becomes of packets that take a route (linux/rtnetlink.h RTN_*).</summary>
public enum RouteKind : byte
{
    /// <summary>Unknown.</summary>
    Unspecified,

    /// <summary>Sent to a gateway or a neighbour.</summary>
    Unicast,

    /// <summary>Delivered here: the destination is an address of this host.</summary>
    Local,

    /// <summary>Received as broadcast, sent as broadcast.</summary>
    Broadcast,

    /// <summary>Received as broadcast, sent as unicast.</summary>
    Anycast,

    /// <summary>Multicast.</summary>
    Multicast,

    /// <summary>Dropped in silence.</summary>
    Blackhole,

    /// <summary>Answered with destination unreachable.</summary>
    Unreachable,

    /// <summary>Answered with administratively prohibited.</summary>
    Prohibit,

    /// <summary>Looked up in the next table.</summary>
    Throw,
}
