using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace Overlay.Tables;

/// <summary>
/// Where inner packets go: the routes of a tunnel, which hold for its own network, and beside them those of networks by VNI, each a table of its own.
/// Changed by <see cref="OverlayTables.Apply"/> and <see cref="OverlayTables.ReplaceRoutes"/>; look-ups take no lock and never allocate.
/// </summary>
public sealed class OverlayRoutes
{
    private readonly RouteTable<RouteTarget> _own = new();
    private ImmutableDictionary<Vni, RouteTable<RouteTarget>> _byVni = ImmutableDictionary<Vni, RouteTable<RouteTarget>>.Empty;

    internal OverlayRoutes()
    {
    }

    /// <summary>How many routes there are, of all networks.</summary>
    public int Count => _own.Count + Volatile.Read(ref _byVni).Values.Sum(table => table.Count);

    /// <summary>The networks that have routes of their own.</summary>
    public IEnumerable<Vni> Networks => Volatile.Read(ref _byVni).Keys.Order();

    /// <summary>Finds where a packet of the tunnel's own network goes.</summary>
    /// <param name="destination">The inner destination.</param>
    /// <param name="flowHash">The hash of its flow: of several remotes all packets of a flow get the same.</param>
    /// <param name="entry">The remote.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryLookup(ValueIPAddress destination, uint flowHash, out RouteEntry entry) => TryLookup(_own, destination, flowHash, out entry);

    /// <summary>Finds where a packet of a network goes. The tunnel's own routes are not asked.</summary>
    /// <param name="vni">The network.</param>
    /// <param name="destination">The inner destination.</param>
    /// <param name="flowHash">The hash of its flow: of several remotes all packets of a flow get the same.</param>
    /// <param name="entry">The remote.</param>
    public bool TryLookup(Vni vni, ValueIPAddress destination, uint flowHash, out RouteEntry entry)
    {
        if (Volatile.Read(ref _byVni).TryGetValue(vni, out RouteTable<RouteTarget>? table))
        {
            return TryLookup(table, destination, flowHash, out entry);
        }

        entry = default;
        return false;
    }

    /// <summary>Gets the remotes that exactly a prefix leads to.</summary>
    /// <param name="vni">The network; null for the tunnel's own.</param>
    /// <param name="prefix">The first address of the prefix.</param>
    /// <param name="length">0 to 32 for IPv4, 0 to 128 for IPv6.</param>
    /// <param name="members">The remotes.</param>
    /// <exception cref="ArgumentException">No prefix: bits behind its length are set.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or larger than the address.</exception>
    public bool TryGet(Vni? vni, ValueIPAddress prefix, int length, out IReadOnlyList<RouteMember> members)
    {
        bool isFound = TryGetTarget(vni, prefix, length, out RouteTarget target);
        members = isFound ? target.Members : [];
        return isFound;
    }

    /// <summary>All routes of a network as they are at one moment, IPv4 first, in the order of addresses, shorter before longer. Any thread.</summary>
    /// <param name="vni">The network; null for the tunnel's own.</param>
    public IReadOnlyList<OverlayRoute> Snapshot(Vni? vni = null) =>
        [.. Targets(vni).Select(row => new OverlayRoute(row.Prefix, row.Length, row.Value.Members))];

    internal bool TryGetTarget(Vni? vni, ValueIPAddress prefix, int length, out RouteTarget target)
    {
        // Before a network has routes, too, a prefix that is none is a mistake.
        target = default;
        return (TableOf(vni) ?? new RouteTable<RouteTarget>()).TryGet(prefix, length, out target);
    }

    /// <summary>Finds all remotes of a destination in the tunnel's own network.</summary>
    internal bool TryFindTarget(ValueIPAddress destination, out RouteTarget target) => _own.TryLookup(destination, out target);

    internal IReadOnlyList<RouteRow<RouteTarget>> Targets(Vni? vni) => TableOf(vni)?.Snapshot() ?? [];

    internal void Set(Vni? vni, ValueIPAddress prefix, int length, in RouteTarget target)
    {
        if (TableOf(vni) is { } table)
        {
            table.Set(prefix, length, target);
            return;
        }

        table = new RouteTable<RouteTarget>();
        table.Set(prefix, length, target);
        Volatile.Write(ref _byVni, _byVni.SetItem(vni!.Value, table));
    }

    internal void Remove(Vni? vni, ValueIPAddress prefix, int length)
    {
        if (TableOf(vni) is { } table && table.Remove(prefix, length))
        {
            ForgetIfEmpty(vni, table);
        }
    }

    internal void Replace(Vni? vni, IEnumerable<RouteRow<RouteTarget>> rows)
    {
        RouteTable<RouteTarget> table = TableOf(vni) ?? new();
        table.Replace(rows);
        if (vni is Vni network && table.Count > 0)
        {
            Volatile.Write(ref _byVni, _byVni.SetItem(network, table));
        }

        ForgetIfEmpty(vni, table);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryLookup(RouteTable<RouteTarget> table, ValueIPAddress destination, uint flowHash, out RouteEntry entry)
    {
        bool isFound = table.TryLookup(destination, out RouteTarget target);
        entry = target.Choose(flowHash);
        return isFound;
    }

    private RouteTable<RouteTarget>? TableOf(Vni? vni) => vni is Vni network ? Volatile.Read(ref _byVni).GetValueOrDefault(network) : _own;

    private void ForgetIfEmpty(Vni? vni, RouteTable<RouteTarget> table)
    {
        if (vni is Vni network && table.Count == 0)
        {
            Volatile.Write(ref _byVni, _byVni.Remove(network));
        }
    }
}
