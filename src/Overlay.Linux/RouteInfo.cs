namespace Overlay.Linux;

/// <summary>The kernel's answer to where packets for a destination go.</summary>
public sealed record RouteInfo
{
    /// <summary>What becomes of them.</summary>
    public required RouteKind Kind { get; init; }

    /// <summary>The interface they leave by.</summary>
    public required int InterfaceIndex { get; init; }

    /// <summary>The next hop; null if the destination is on the link. May be of the other family.</summary>
    public ValueIPAddress? Gateway { get; init; }

    /// <summary>The source address the kernel would choose; null if it names none.</summary>
    public ValueIPAddress? Source { get; init; }

    /// <summary>The largest IP packet in bytes: what the route says, else the interface's MTU.</summary>
    public required int Mtu { get; init; }

    /// <summary>What the route itself says of the MTU, or the exception that ICMP made; 0 if it says nothing.</summary>
    public int RouteMtu { get; init; }

    /// <summary>
    /// Whether <see cref="Mtu"/> was learned from an ICMP message and expires. Anybody who can guess an address can forge one: do not build on it.
    /// </summary>
    public bool IsMtuLearned { get; init; }
}
