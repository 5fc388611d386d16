using Overlay.Daemon.DataPlane;
using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Daemon.Control.Changes;

/// <summary><c>fdb-add</c>: frames to a station go to a remote. The entry is external: nothing learned replaces it, and a configured one it does not replace.</summary>
internal sealed class FdbAddHandler(TunnelCatalog tunnels, ITableDoor door) : ChangeHandler("fdb-add", tunnels, door)
{
    /// <inheritdoc/>
    protected override Func<ChangeResult> Prepare(ArgumentReader arguments)
    {
        TunnelTables tunnel = arguments.Tunnel;
        arguments.RequireLayer("fdb", DeviceLayer.Ethernet);
        FdbRow? read = FdbRow.Read(arguments.Keys, tunnel, arguments.Values, arguments.Underlay);
        arguments.Finish();
        (MacAddress mac, FdbEntry entry) = read!.Value;
        return () =>
        {
            bool had = tunnel.Tables.Forwarding.TryLookup(tunnel.Config.Vni, mac, out FdbEntry before);
            FdbText.RefuseConfigured(had, mac, before);
            tunnel.Tables.Apply(OverlayUpdate.SetForwarding(tunnel.Config.Vni, mac, entry));
            string was = !had ? "" : before == entry ? ", as before" : $"; before: {FdbText.Of(before)}";
            return new ChangeResult(had && before == entry ? 0 : 1, $"{tunnel.Name}: {mac} goes to {FdbText.Of(entry)}{was}");
        };
    }
}

/// <summary><c>fdb-del</c>: removes an external or learned entry.</summary>
internal sealed class FdbDeleteHandler(TunnelCatalog tunnels, ITableDoor door) : ChangeHandler("fdb-del", tunnels, door)
{
    /// <inheritdoc/>
    protected override Func<ChangeResult> Prepare(ArgumentReader arguments)
    {
        TunnelTables tunnel = arguments.Tunnel;
        arguments.RequireLayer("fdb", DeviceLayer.Ethernet);
        MacAddress? read = FdbRow.ReadMac(arguments.Keys, tunnel, arguments.Values);
        arguments.Finish();
        MacAddress mac = read!.Value;
        return () =>
        {
            bool had = tunnel.Tables.Forwarding.TryLookup(tunnel.Config.Vni, mac, out FdbEntry before);
            if (!had)
            {
                throw new ControlRefusedException($"tunnel {tunnel.Name} has no fdb entry for {mac}; 'overlayd show fdb' lists those there are");
            }

            FdbText.RefuseConfigured(had, mac, before);
            tunnel.Tables.Apply(OverlayUpdate.RemoveForwarding(tunnel.Config.Vni, mac));
            return new ChangeResult(1, $"{tunnel.Name}: {mac} removed; before: {FdbText.Of(before)}");
        };
    }
}

/// <summary><c>fdb-flush</c>: removes what was learned, of one remote or of all; with <c>all</c> also what was added at run time.</summary>
internal sealed class FdbFlushHandler(TunnelCatalog tunnels, ITableDoor door, Func<long> clock) : ChangeHandler("fdb-flush", tunnels, door)
{
    /// <inheritdoc/>
    protected override Func<ChangeResult> Prepare(ArgumentReader arguments)
    {
        TunnelTables tunnel = arguments.Tunnel;
        arguments.RequireLayer("fdb", DeviceLayer.Ethernet);
        ValueIPAddress? remote = arguments.Values.Address(arguments.Keys.Take("remote"), "remote");
        bool all = arguments.Values.Flag(arguments.Keys.Take("all"), "all") ?? false;
        arguments.Finish();
        return () =>
        {
            int before = tunnel.Tables.Forwarding.Count;
            if (all)
            {
                foreach (ForwardingRow row in tunnel.Tables.Forwarding.Snapshot(0))
                {
                    if (row.Entry.Origin == FdbOrigin.External && (remote is null || row.Entry.Remote == remote))
                    {
                        tunnel.Tables.Apply(OverlayUpdate.RemoveForwarding(row.Vni, row.Mac));
                    }
                }
            }

            _ = remote is ValueIPAddress one ? tunnel.Tables.Forwarding.RemoveLearned(one) : tunnel.Tables.Age(clock(), 0);
            int removed = before - tunnel.Tables.Forwarding.Count;
            string from = remote is null ? "" : $" towards {remote}";
            return new ChangeResult(removed, $"{tunnel.Name}: {removed} {(all ? "learned and added" : "learned")} entries{from} removed");
        };
    }
}
