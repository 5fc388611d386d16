using System.Runtime.CompilerServices;

namespace Overlay.Tables;

/// <summary>What a prefix leads to, as <see cref="OverlayRoutes"/> keeps it: one remote, in place, or a group.</summary>
/// <param name="Entry">The one remote.</param>
/// <param name="Group">Several; null for one.</param>
internal readonly record struct RouteTarget(RouteEntry Entry, RouteGroup? Group)
{
    /// <summary>The remotes with their weights.</summary>
    public IReadOnlyList<RouteMember> Members => Group is null ? [new RouteMember(Entry)] : Group.Members;

    /// <summary>The remote of a flow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RouteEntry Choose(uint flowHash) => Group is null ? Entry : Group.Select(flowHash);

    /// <summary>Whether one of the remotes is this one.</summary>
    public bool Has(ValueIPAddress remote)
    {
        if (Group is null)
        {
            return Entry.Remote == remote;
        }

        foreach (RouteMember member in Group.Members)
        {
            if (member.Entry.Remote == remote)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A new route.</summary>
    /// <param name="members">The remotes, one or several.</param>
    public static RouteTarget Create(IReadOnlyList<RouteMember> members) =>
        members.Count == 1 ? One(members[0]) : new RouteTarget(default, new RouteGroup(members));

    /// <summary>What takes the place of this one: the flows of remotes that stay are not moved.</summary>
    /// <param name="members">The remotes, one or several.</param>
    public RouteTarget With(IReadOnlyList<RouteMember> members) =>
        members.Count == 1 ? One(members[0]) : new RouteTarget(default, (Group ?? new RouteGroup(Members)).WithMembers(members));

    // Alone, a remote gets everything whatever its weight.
    private static RouteTarget One(RouteMember member) => new(member.Entry, null);
}
