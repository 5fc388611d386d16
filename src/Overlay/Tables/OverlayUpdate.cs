using System.Net;

namespace Overlay.Tables;

/// <summary>
/// One change of an overlay's tables. A control plane – a file, the kernel, etcd, BGP EVPN – is a source of these and nothing else; they are applied by
/// <see cref="OverlayTables.Apply"/>. Made by the factory methods; which properties mean something depends on <see cref="Kind"/>.
/// </summary>
public readonly record struct OverlayUpdate
{
    /// <summary>What it does.</summary>
    public OverlayUpdateKind Kind { get; private init; }

    /// <summary>The network; of a route see <see cref="RouteVni"/>.</summary>
    public Vni Vni { get; private init; }

    /// <summary>The MAC address of a forwarding entry or a neighbour.</summary>
    public MacAddress Mac { get; private init; }

    /// <summary>The address of a neighbour, the prefix of a route, or the remote of a flood list.</summary>
    public ValueIPAddress Address { get; private init; }

    /// <summary>The length of a route's prefix, 0 to 32 or 128.</summary>
    public int PrefixLength { get; private init; }

    /// <summary>The forwarding entry to be set.</summary>
    public FdbEntry Entry { get; private init; }

    /// <summary>The neighbour to be set.</summary>
    public NeighborEntry Neighbor { get; private init; }

    /// <summary>Of which origin a neighbour must be to be removed; null for any.</summary>
    public NeighborOrigin? NeighborOrigin { get; private init; }

    /// <summary>The route to be set, if it leads to one remote.</summary>
    public RouteEntry Route { get; private init; }

    /// <summary>The remotes of the route to be set, if it leads to several; else null.</summary>
    public IReadOnlyList<RouteMember>? Members { get; private init; }

    /// <summary>The network of a route; null for the tunnel's own.</summary>
    public Vni? RouteVni { get; private init; }

    /// <summary>Frames to a MAC address go to a remote.</summary>
    public static OverlayUpdate SetForwarding(Vni vni, MacAddress mac, FdbEntry entry) =>
        new() { Kind = OverlayUpdateKind.SetForwarding, Vni = vni, Mac = mac, Entry = entry };

    /// <summary>Withdraws a forwarding entry.</summary>
    public static OverlayUpdate RemoveForwarding(Vni vni, MacAddress mac) =>
        new() { Kind = OverlayUpdateKind.RemoveForwarding, Vni = vni, Mac = mac };

    /// <summary>An inner address has a MAC address, by the configuration.</summary>
    public static OverlayUpdate SetNeighbor(Vni vni, ValueIPAddress address, MacAddress mac) => SetNeighbor(vni, address, new NeighborEntry(mac));

    /// <summary>An inner address has a MAC address. A static entry is not replaced by an external one.</summary>
    public static OverlayUpdate SetNeighbor(Vni vni, ValueIPAddress address, NeighborEntry entry) =>
        new() { Kind = OverlayUpdateKind.SetNeighbor, Vni = vni, Address = address, Mac = entry.Mac, Neighbor = entry };

    /// <summary>Withdraws a neighbour.</summary>
    /// <param name="vni">The network.</param>
    /// <param name="address">Its address.</param>
    /// <param name="origin">Only if it is of this origin, so that a control plane takes back no more than it gave; null for any.</param>
    public static OverlayUpdate RemoveNeighbor(Vni vni, ValueIPAddress address, NeighborOrigin? origin = null) =>
        new() { Kind = OverlayUpdateKind.RemoveNeighbor, Vni = vni, Address = address, NeighborOrigin = origin };

    /// <summary>Packets to a prefix go to a remote.</summary>
    public static OverlayUpdate SetRoute(ValueIPAddress prefix, int length, RouteEntry route) =>
        new() { Kind = OverlayUpdateKind.SetRoute, Address = prefix, PrefixLength = length, Route = route };

    /// <inheritdoc cref="SetRoute(ValueIPAddress, int, RouteEntry)"/>
    public static OverlayUpdate SetRoute(IPNetwork prefix, RouteEntry route) => SetRoute(prefix.BaseAddress, prefix.PrefixLength, route);

    /// <summary>Packets to a prefix go to one of several remotes, each flow always to the same, see <see cref="RouteGroup"/>.</summary>
    /// <param name="prefix">The first address of the prefix.</param>
    /// <param name="length">0 to 32 for IPv4, 0 to 128 for IPv6.</param>
    /// <param name="members">The remotes; in the place of others, the flows of those that stay are not moved.</param>
    public static OverlayUpdate SetRoute(ValueIPAddress prefix, int length, IReadOnlyList<RouteMember> members) =>
        new() { Kind = OverlayUpdateKind.SetRoute, Address = prefix, PrefixLength = length, Members = members };

    /// <summary>Packets of a network to a prefix go to one of several remotes, each flow always to the same, see <see cref="RouteGroup"/>.</summary>
    public static OverlayUpdate SetRoute(Vni vni, ValueIPAddress prefix, int length, IReadOnlyList<RouteMember> members) =>
        new() { Kind = OverlayUpdateKind.SetRoute, Address = prefix, PrefixLength = length, Members = members, RouteVni = vni };

    /// <summary>Packets of a network to a prefix go to a remote.</summary>
    public static OverlayUpdate SetRoute(Vni vni, ValueIPAddress prefix, int length, RouteEntry route) =>
        new() { Kind = OverlayUpdateKind.SetRoute, Address = prefix, PrefixLength = length, Route = route, RouteVni = vni };

    /// <summary>Withdraws a route.</summary>
    public static OverlayUpdate RemoveRoute(ValueIPAddress prefix, int length) =>
        new() { Kind = OverlayUpdateKind.RemoveRoute, Address = prefix, PrefixLength = length };

    /// <summary>Withdraws a route of a network.</summary>
    public static OverlayUpdate RemoveRoute(Vni vni, ValueIPAddress prefix, int length) =>
        new() { Kind = OverlayUpdateKind.RemoveRoute, Address = prefix, PrefixLength = length, RouteVni = vni };

    /// <inheritdoc cref="RemoveRoute(ValueIPAddress, int)"/>
    public static OverlayUpdate RemoveRoute(IPNetwork prefix) => RemoveRoute(prefix.BaseAddress, prefix.PrefixLength);

    /// <summary>A remote gets copies of what is flooded in a network.</summary>
    public static OverlayUpdate AddFlood(Vni vni, ValueIPAddress remote) =>
        new() { Kind = OverlayUpdateKind.AddFlood, Vni = vni, Address = remote };

    /// <summary>A remote gets no more copies.</summary>
    public static OverlayUpdate RemoveFlood(Vni vni, ValueIPAddress remote) =>
        new() { Kind = OverlayUpdateKind.RemoveFlood, Vni = vni, Address = remote };
}
