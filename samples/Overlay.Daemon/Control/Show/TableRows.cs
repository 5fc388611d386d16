using Overlay.Daemon.Control.Changes;
using Overlay.Daemon.Status;
using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Daemon.Control.Show;

/// <summary>What the tables of a tunnel hold, as rows. Any thread; rows that change meanwhile are seen before or after the change.</summary>
internal static class TableRows
{
    /// <summary>Up to how many forwarding entries of a tunnel are sorted.</summary>
    public const int SortedRows = 4_096;

    /// <summary>Forwarding entries: sorted by MAC address if there are few, else as they lie.</summary>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="filter">What is wanted.</param>
    /// <param name="now">The time that idle times are counted from.</param>
    public static IEnumerable<FdbShowRow> Fdb(TunnelTables tunnel, ShowFilter filter, long now)
    {
        IEnumerable<ForwardingRow> rows = Walk(tunnel.Tables.Forwarding, now).Where(row => filter.Wants(row.Mac) && filter.Wants(row.Entry.Remote));
        rows = tunnel.Tables.Forwarding.Count <= SortedRows ? rows.OrderBy(row => row.Mac) : rows;
        return rows.Select(row => new FdbShowRow
        {
            Tunnel = tunnel.Name,
            Vni = tunnel.Vni,
            Mac = row.Mac,
            Remote = row.Entry.Remote,
            Port = tunnel.Config.Facts.IsOverUdp ? (row.Entry.Port == 0 ? tunnel.Config.Endpoint.Port : row.Entry.Port) : null,
            RemoteVni = row.Entry.Vni is Vni other && other != row.Vni ? other.Value : null,
            Origin = FdbText.Of(row.Entry.Origin),
            IdleSeconds = row.Entry.Origin == FdbOrigin.Learned ? row.IdleMilliseconds / 1_000 : null,
            Frozen = row.IsFrozen,
        });
    }

    /// <summary>Neighbours, sorted by address.</summary>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="filter">What is wanted.</param>
    /// <param name="now">The time that idle times are counted from.</param>
    public static IEnumerable<NeighborShowRow> Neighbors(TunnelTables tunnel, ShowFilter filter, long now) =>
        tunnel.Tables.Neighbors.Snapshot(now).Where(row => filter.Wants(row.Mac)).OrderBy(row => row.Address).Select(row => new NeighborShowRow
        {
            Tunnel = tunnel.Name,
            Vni = tunnel.Vni,
            Ip = row.Address,
            Mac = row.Mac,
            Origin = NeighborText.Of(row.Entry.Origin),
            IdleSeconds = row.Entry.Origin == NeighborOrigin.Learned ? row.IdleMilliseconds / 1_000 : null,
        });

    /// <summary>Routes, IPv4 first, in the order of addresses; one that leads to several remotes has a row for each.</summary>
    public static IEnumerable<RouteShowRow> Routes(TunnelTables tunnel, ShowFilter filter)
    {
        HashSet<(ValueIPAddress, int)> configured = [.. tunnel.Config.Routes.Select(route => (route.Prefix, route.PrefixLength))];
        return
            from route in tunnel.Tables.Routes.Snapshot()
            from member in route.Members
            where filter.Wants(member.Entry.Mac) && filter.Wants(member.Entry.Remote)
            select new RouteShowRow
            {
                Tunnel = tunnel.Name,
                Vni = tunnel.Vni,
                Prefix = $"{route.Prefix}/{route.Length}",
                Remote = member.Entry.Remote,
                Mac = member.Entry.Mac.IsZero ? null : member.Entry.Mac.ToString(),
                Weight = route.Members.Count > 1 ? member.Weight : null,
                Origin = Origin(configured.Contains((route.Prefix, route.Length))),
            };
    }

    /// <summary>Remotes that get copies, in the order in which they get them, and, unless one remote is asked for, the limits.</summary>
    public static IEnumerable<FloodShowRow> Flood(TunnelTables tunnel, ShowFilter filter)
    {
        IEnumerable<FloodShowRow> remotes = tunnel.Tables.Flood[tunnel.Config.Vni].ToArray().Where(filter.Wants).Select(remote => new FloodShowRow
        {
            Tunnel = tunnel.Name,
            Vni = tunnel.Vni,
            Remote = remote,
            GroupLink = remote.IsMulticast ? tunnel.GroupLink : null,
            Origin = Origin(tunnel.Config.Flood.Contains(remote)),
        });
        return filter.Remote is null ? remotes.Concat(FloodLimits(tunnel)) : remotes;
    }

    private static IEnumerable<FloodShowRow> FloodLimits(TunnelTables tunnel)
    {
        FloodLimits limits = tunnel.Config.Policy.FloodLimits;
        (string Name, FloodLimit? Limit, DropReason Reason)[] classes =
        [
            ("broadcast", limits.Broadcast, DropReason.BroadcastLimit), ("unknown-unicast", limits.UnknownUnicast, DropReason.UnknownUnicastLimit),
            ("multicast", limits.Multicast, DropReason.MulticastLimit),
        ];
        IReadOnlyDictionary<string, long> drops = tunnel.Books().Egress.Drops;
        foreach ((string name, FloodLimit? limit, DropReason reason) in classes)
        {
            if (limit is FloodLimit bucket)
            {
                yield return new FloodShowRow
                {
                    Tunnel = tunnel.Name,
                    Vni = tunnel.Vni,
                    Limit = name,
                    PacketsPerSecond = bucket.PacketsPerSecond,
                    Burst = bucket.Burst,
                    Dropped = drops.GetValueOrDefault(DropReasons.Label(reason)),
                    Origin = Origin(isConfigured: true),
                };
            }
        }
    }

    /// <summary>The network.</summary>
    public static IEnumerable<VniShowRow> Vnis(TunnelTables tunnel)
    {
        OverlayTables tables = tunnel.Tables;
        (DirectionStatus egress, DirectionStatus ingress) = tunnel.Books();
        return
        [
            new VniShowRow
            {
                Tunnel = tunnel.Name,
                Kind = tunnel.Config.Facts.Name,
                Vni = tunnel.Vni,
                Entries = tables.Forwarding.Count,
                Learned = Walk(tables.Forwarding, 0).LongCount(row => row.Entry.Origin == FdbOrigin.Learned),
                Moves = tables.Forwarding.Moves,
                Freezes = tables.Forwarding.Freezes,
                Frozen = tables.Forwarding.FrozenCount,
                Evictions = tables.Forwarding.Evictions,
                RefusedFull = tables.Forwarding.Refusals.Full,
                RefusedProtected = tables.Forwarding.Refusals.Protected,
                RefusedInvalid = tables.Forwarding.Refusals.Invalid,
                RefusedOwn = tables.Forwarding.Refusals.Own,
                RefusedFrozen = tables.Forwarding.Refusals.Frozen,
                RefusedUnpermitted = tables.Forwarding.Refusals.Unpermitted,
                Neighbors = tables.Neighbors.Count,
                Routes = tables.Routes.Count,
                FloodRemotes = tables.Flood.Count,
                Egress = egress,
                Ingress = ingress,
            },
        ];
    }

    // A part of the table at a time: what is held does not grow with it, nor does it age while a client takes its time.
    private static IEnumerable<ForwardingRow> Walk(ForwardingTable table, long now)
    {
        List<ForwardingRow> rows = [];
        ulong position = 0;
        bool more;
        do
        {
            rows.Clear();
            more = table.Read(ref position, rows, now);
            foreach (ForwardingRow row in rows)
            {
                yield return row;
            }
        }
        while (more);
    }

    // Tables that do not know who made a row: the configuration, or a command.
    private static string Origin(bool isConfigured) => FdbText.Of(isConfigured ? FdbOrigin.Static : FdbOrigin.External);
}
