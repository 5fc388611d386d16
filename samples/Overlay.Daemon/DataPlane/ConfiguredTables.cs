using Overlay.Daemon.Configuration;
using Overlay.Tables;

namespace Overlay.Daemon.DataPlane;

/// <summary>What the file says of a tunnel's tables.</summary>
internal static class ConfiguredTables
{
    /// <summary>Enters it.</summary>
    public static void Fill(OverlayTables tables, TunnelConfig config)
    {
        foreach (ValueIPAddress remote in config.Flood)
        {
            tables.Apply(OverlayUpdate.AddFlood(config.Vni, remote));
        }

        foreach ((MacAddress mac, FdbRemote remote) in config.Fdb)
        {
            tables.Apply(OverlayUpdate.SetForwarding(config.Vni, mac, new FdbEntry(remote.Address, remote.Port) { Vni = remote.Vni }));
        }

        foreach (NeighborConfig neighbor in config.Neighbors)
        {
            tables.Apply(OverlayUpdate.SetNeighbor(config.Vni, neighbor.Address, new NeighborEntry(neighbor.Mac, NeighborOrigin.Static, neighbor.Flags)));
        }

        foreach (RouteConfig route in config.Routes)
        {
            tables.Apply(OverlayUpdate.SetRoute(route.Prefix, route.PrefixLength, route.Members));
        }
    }
}
