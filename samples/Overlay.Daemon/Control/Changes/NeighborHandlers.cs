using Overlay.Daemon.Configuration;
using Overlay.Daemon.DataPlane;
using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Daemon.Control.Changes;

/// <summary><c>neighbor-add</c>: ARP and neighbour discovery for an inner address are answered with a MAC address.</summary>
internal sealed class NeighborAddHandler(TunnelCatalog tunnels, ITableDoor door) : ChangeHandler("neighbor-add", tunnels, door)
{
    /// <inheritdoc/>
    protected override Func<ChangeResult> Prepare(ArgumentReader arguments)
    {
        TunnelTables tunnel = arguments.Tunnel;
        arguments.RequireLayer("neighbors", DeviceLayer.Ethernet);
        ValueIPAddress? ip = NeighborText.ReadAddress(arguments);
        MacAddress? read = arguments.Values.Mac(arguments.Keys.Require("mac", "the MAC address of the station"), "mac");
        arguments.Finish();
        (ValueIPAddress address, MacAddress mac) = (ip!.Value, read!.Value);
        NeighborText.RefuseConfigured(tunnel, address);
        return () =>
        {
            bool had = tunnel.Tables.Neighbors.TryLookup(tunnel.Config.Vni, address, out MacAddress before);
            tunnel.Tables.Apply(OverlayUpdate.SetNeighbor(tunnel.Config.Vni, address, new NeighborEntry(mac, NeighborOrigin.External)));
            string was = !had ? "" : before == mac ? ", as before" : $"; before: {before}";
            return new ChangeResult(had && before == mac ? 0 : 1, $"{tunnel.Name}: {address} is at {mac}{was}");
        };
    }
}

/// <summary><c>neighbor-del</c>: no more answers for an inner address.</summary>
internal sealed class NeighborDeleteHandler(TunnelCatalog tunnels, ITableDoor door) : ChangeHandler("neighbor-del", tunnels, door)
{
    /// <inheritdoc/>
    protected override Func<ChangeResult> Prepare(ArgumentReader arguments)
    {
        TunnelTables tunnel = arguments.Tunnel;
        arguments.RequireLayer("neighbors", DeviceLayer.Ethernet);
        ValueIPAddress? ip = NeighborText.ReadAddress(arguments);
        arguments.Finish();
        ValueIPAddress address = ip!.Value;
        NeighborText.RefuseConfigured(tunnel, address);
        return () =>
        {
            if (!tunnel.Tables.Neighbors.TryLookup(tunnel.Config.Vni, address, out MacAddress before))
            {
                throw new ControlRefusedException($"tunnel {tunnel.Name} has no neighbor {address}; 'overlayd show neighbors' lists those there are");
            }

            tunnel.Tables.Apply(OverlayUpdate.RemoveNeighbor(tunnel.Config.Vni, address));
            return new ChangeResult(1, $"{tunnel.Name}: {address} removed; before: {before}");
        };
    }
}

/// <summary>What both have in common.</summary>
internal static class NeighborText
{
    /// <summary>The word for an origin, in messages and in what <c>show</c> prints.</summary>
    public static string Of(NeighborOrigin origin) => origin switch
    {
        NeighborOrigin.Learned => "learned",
        NeighborOrigin.Static => "static",
        NeighborOrigin.External => "external",
        _ => throw new ArgumentOutOfRangeException(nameof(origin), origin, "No origin."),
    };

    /// <summary>Reads the inner address.</summary>
    public static ValueIPAddress? ReadAddress(ArgumentReader arguments)
    {
        ConfigNode? node = arguments.Keys.Require("ip", "the inner address of a station");
        ValueIPAddress? ip = arguments.Values.Address(node, "ip");
        if (ip is { IsUnspecified: true } or { IsMulticast: true } or { IsBroadcast: true } or { IsLoopback: true })
        {
            arguments.Values.Wrong(node!, "ip", "the unicast address of a station");
        }

        return ip;
    }

    /// <summary>Refuses to touch what the configuration says.</summary>
    public static void RefuseConfigured(TunnelTables tunnel, ValueIPAddress address)
    {
        foreach (NeighborConfig neighbor in tunnel.Config.Neighbors)
        {
            if (neighbor.Address == address)
            {
                throw new ControlRefusedException($"{address} is configured to be at {neighbor.Mac}; what the configuration says is changed in its file");
            }
        }
    }
}
