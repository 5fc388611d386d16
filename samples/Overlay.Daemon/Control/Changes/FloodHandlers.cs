using Overlay.Daemon.Configuration;
using Overlay.Daemon.DataPlane;
using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Daemon.Control.Changes;

/// <summary><c>flood-add</c>: a remote gets copies of what is flooded.</summary>
internal sealed class FloodAddHandler(TunnelCatalog tunnels, ITableDoor door) : ChangeHandler("flood-add", tunnels, door)
{
    /// <inheritdoc/>
    protected override Func<ChangeResult> Prepare(ArgumentReader arguments)
    {
        TunnelTables tunnel = arguments.Tunnel;
        arguments.RequireLayer("flood", DeviceLayer.Ethernet);
        ValueIPAddress? read = arguments.Underlay.Remote(arguments.Keys.Require("remote", "the address of the VTEP that gets copies"), "remote");
        arguments.Finish();
        ValueIPAddress remote = read!.Value;
        if (tunnel.Config.Group is ValueIPAddress group)
        {
            throw new ControlRefusedException($"tunnel {tunnel.Name} floods to the group {group}, of which {remote} may be a member, and would get two copies; to join the group there is right");
        }

        return () =>
        {
            int before = tunnel.Tables.Flood.Count;
            tunnel.Tables.Apply(OverlayUpdate.AddFlood(tunnel.Config.Vni, remote));
            int added = tunnel.Tables.Flood.Count - before;
            return new ChangeResult(added, $"{tunnel.Name}: {remote} gets copies of what is flooded{(added == 0 ? ", as before" : "")}");
        };
    }
}

/// <summary><c>flood-del</c>: a remote gets no more copies.</summary>
internal sealed class FloodDeleteHandler(TunnelCatalog tunnels, ITableDoor door) : ChangeHandler("flood-del", tunnels, door)
{
    /// <inheritdoc/>
    protected override Func<ChangeResult> Prepare(ArgumentReader arguments)
    {
        TunnelTables tunnel = arguments.Tunnel;
        arguments.RequireLayer("flood", DeviceLayer.Ethernet);
        ValueIPAddress? read = arguments.Values.Address(arguments.Keys.Require("remote", "the address of the VTEP that gets no more copies"), "remote");
        arguments.Finish();
        ValueIPAddress remote = read!.Value;
        if (tunnel.Config.Flood.Contains(remote))
        {
            throw new ControlRefusedException($"{remote} is configured to get copies; what the configuration says is changed in its file");
        }

        return () =>
        {
            if (!tunnel.Tables.Flood[tunnel.Config.Vni].Contains(remote))
            {
                throw new ControlRefusedException($"tunnel {tunnel.Name} does not flood to {remote}; 'overlayd show flood' lists whom it floods to");
            }

            tunnel.Tables.Apply(OverlayUpdate.RemoveFlood(tunnel.Config.Vni, remote));
            return new ChangeResult(1, $"{tunnel.Name}: {remote} gets no more copies");
        };
    }
}
