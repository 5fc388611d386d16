namespace Overlay.Tables;

/// <summary>A row of <see cref="OverlayRoutes"/>.</summary>
/// <param name="Prefix">The first address of the prefix.</param>
/// <param name="Length">Its bits: 0 to 32 for IPv4, 0 to 128 for IPv6.</param>
/// <param name="Members">The remotes it leads to, one or several.</param>
public readonly record struct OverlayRoute(ValueIPAddress Prefix, int Length, IReadOnlyList<RouteMember> Members);
