namespace Overlay.Tables;

/// <summary>One of the remotes of a <see cref="RouteGroup"/>.</summary>
/// <param name="Entry">The remote, and its inner MAC address where the tunnel carries Ethernet.</param>
/// <param name="Weight">Its share of the flows beside those of the others, 1 to <see cref="RouteGroup.MaxWeight"/>.</param>
public readonly record struct RouteMember(RouteEntry Entry, int Weight = 1);
