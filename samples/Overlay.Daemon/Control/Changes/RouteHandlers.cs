using Overlay.Daemon.Configuration;
using Overlay.Daemon.DataPlane;
using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Daemon.Control.Changes;

/// <summary><c>route-add</c>: packets to an inner prefix go to a remote; it is also a route of the kernel by the device, as a configured one is.</summary>
internal sealed class RouteAddHandler(TunnelCatalog tunnels, ITableDoor door, IKernelRoutes kernel) : ChangeHandler("route-add", tunnels, door)
{
    /// <inheritdoc/>
    protected override Func<ChangeResult> Prepare(ArgumentReader arguments)
    {
        TunnelTables tunnel = arguments.Tunnel;
        arguments.RequireLayer("routes", DeviceLayer.IP);
        (ValueIPAddress Address, int Length)? prefix = RouteText.ReadPrefix(arguments);
        RouteMemberReader reader = new(tunnel.Config.Facts, tunnel.Config.Device.Layer, arguments.Underlay, arguments.Values, arguments.Errors);
        List<RouteMember> members = reader.Read(arguments.Keys);
        arguments.Finish();
        (ValueIPAddress address, int length) = prefix!.Value;
        RouteText.RefuseConfigured(tunnel, address, length);
        // Alone, a remote gets everything whatever its weight.
        members = members is [RouteMember one] ? [one with { Weight = 1 }] : members;
        return () =>
        {
            bool had = tunnel.Tables.Routes.TryGet(null, address, length, out IReadOnlyList<RouteMember> before);
            bool isSame = had && before.SequenceEqual(members);
            tunnel.Tables.Apply(OverlayUpdate.SetRoute(address, length, members));
            try
            {
                kernel.Set(tunnel.Name, address, length, members);
            }
            catch (IOException e)
            {
                tunnel.Tables.Apply(had ? OverlayUpdate.SetRoute(address, length, before) : OverlayUpdate.RemoveRoute(address, length));
                throw new ControlRefusedException($"the kernel has no route {address}/{length} by {tunnel.Config.Device.Name}, so nothing was changed: {e.Message}");
            }

            string was = !had ? "" : isSame ? ", as before" : $"; before: {RouteText.Of(before)}";
            return new ChangeResult(isSame ? 0 : 1, $"{tunnel.Name}: {address}/{length} goes to {RouteText.Of(members)}{was}");
        };
    }
}

/// <summary><c>route-del</c>: removes a route that was added at run time.</summary>
internal sealed class RouteDeleteHandler(TunnelCatalog tunnels, ITableDoor door, IKernelRoutes kernel) : ChangeHandler("route-del", tunnels, door)
{
    /// <inheritdoc/>
    protected override Func<ChangeResult> Prepare(ArgumentReader arguments)
    {
        TunnelTables tunnel = arguments.Tunnel;
        arguments.RequireLayer("routes", DeviceLayer.IP);
        (ValueIPAddress Address, int Length)? prefix = RouteText.ReadPrefix(arguments);
        arguments.Finish();
        (ValueIPAddress address, int length) = prefix!.Value;
        RouteText.RefuseConfigured(tunnel, address, length);
        return () =>
        {
            if (!tunnel.Tables.Routes.TryGet(null, address, length, out IReadOnlyList<RouteMember> before))
            {
                throw new ControlRefusedException($"tunnel {tunnel.Name} has no route {address}/{length}; 'overlayd show routes' lists those there are");
            }

            try
            {
                // The kernel first: what it still hands over still has a way.
                kernel.Remove(tunnel.Name, address, length);
            }
            catch (IOException e)
            {
                throw new ControlRefusedException($"the kernel keeps its route {address}/{length} by {tunnel.Config.Device.Name}, so nothing was changed: {e.Message}");
            }

            tunnel.Tables.Apply(OverlayUpdate.RemoveRoute(address, length));
            return new ChangeResult(1, $"{tunnel.Name}: {address}/{length} removed; before: {RouteText.Of(before)}");
        };
    }
}

/// <summary>What both have in common.</summary>
internal static class RouteText
{
    /// <summary>The remotes of a route; of several with their weights: <c>192.0.2.2 weight 2, 192.0.2.3 weight 1</c>.</summary>
    public static string Of(IReadOnlyList<RouteMember> members) =>
        string.Join(", ", members.Select(member => members.Count == 1 ? $"{member.Entry.Remote}" : $"{member.Entry.Remote} weight {member.Weight}"));

    /// <summary>Reads the inner prefix.</summary>
    public static (ValueIPAddress Address, int Length)? ReadPrefix(ArgumentReader arguments) =>
        arguments.Values.Prefix(arguments.Keys.Require("prefix", "the inner prefix"), "prefix", hostBits: false);

    /// <summary>Refuses to touch what the configuration says.</summary>
    public static void RefuseConfigured(TunnelTables tunnel, ValueIPAddress address, int length)
    {
        foreach (RouteConfig route in tunnel.Config.Routes)
        {
            if (route.Prefix == address && route.PrefixLength == length)
            {
                throw new ControlRefusedException($"{address}/{length} is configured to go to {Of(route.Members)}; what the configuration says is changed in its file");
            }
        }
    }
}
