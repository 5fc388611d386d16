namespace Overlay.Tables;

/// <summary>What a prefix leads to, as <see cref="OverlayRoutes"/> keeps it: one remote, in place, or a group.</summary>
/// <param name="Entry">The one remote.</param>
/// <param name="Group">Several; null for one.</param>
internal readonly record struct RouteTarget(RouteEntry Entry, RouteGroup? Group)
{
    /// <summary>The remotes with their weights.</summary>
    public IReadOnlyList<RouteMember> Members => Group is null ? [new RouteMember(Entry)] : Group.Members;

    /// <summary>What takes the place of this: a group keeps the flows of its remotes where they are.</summary>
    public RouteTarget With(IReadOnlyList<RouteMember> members)
    {
        if (members.Count == 1)
        {
            return new RouteTarget(members[0].Entry, null);
        }

        RouteGroup before = Group ?? new RouteGroup([new RouteMember(Entry)]);
        return new RouteTarget(default, before.WithMembers(members));
    }
}
