using Overlay.Daemon.Control.Changes;
using Overlay.Daemon.Control.Show;
using Overlay.Daemon.DataPlane;

namespace Overlay.Daemon.Control;

/// <summary>Everything that can be asked about tables.</summary>
internal static class TableHandlers
{
    /// <summary>The commands that show tables.</summary>
    /// <param name="tunnels">The tunnels.</param>
    /// <param name="clock">The time that idle times are counted from.</param>
    public static IReadOnlyList<IControlHandler> Showing(TunnelCatalog tunnels, Func<long> clock) =>
    [
        new ShowHandler<FdbShowRow>("show-fdb", tunnels, ControlJson.Default.FdbShowRow, (tunnel, filter) => TableRows.Fdb(tunnel, filter, clock())),
        new ShowHandler<NeighborShowRow>("show-neighbors", tunnels, ControlJson.Default.NeighborShowRow, (tunnel, filter) => TableRows.Neighbors(tunnel, filter, clock())),
        new ShowHandler<MissShowRow>("show-misses", tunnels, ControlJson.Default.MissShowRow, (tunnel, _) => TableRows.Misses(tunnel, clock())),
        new ShowHandler<RouteShowRow>("show-routes", tunnels, ControlJson.Default.RouteShowRow, TableRows.Routes),
        new ShowHandler<FloodShowRow>("show-flood", tunnels, ControlJson.Default.FloodShowRow, TableRows.Flood),
        new ShowHandler<VniShowRow>("show-vnis", tunnels, ControlJson.Default.VniShowRow, (tunnel, _) => TableRows.Vnis(tunnel)),
    ];

    /// <summary>The commands that change tables.</summary>
    /// <param name="tunnels">The tunnels.</param>
    /// <param name="door">The way to the writer.</param>
    /// <param name="kernel">The kernel's routes.</param>
    /// <param name="clock">The time that entries age by.</param>
    public static IReadOnlyList<IControlHandler> Changing(TunnelCatalog tunnels, ITableDoor door, IKernelRoutes kernel, Func<long> clock) =>
    [
        new FdbAddHandler(tunnels, door),
        new FdbDeleteHandler(tunnels, door),
        new FdbFlushHandler(tunnels, door, clock),
        new FdbReplaceHandler(tunnels, door),
        new NeighborAddHandler(tunnels, door),
        new NeighborDeleteHandler(tunnels, door),
        new RouteAddHandler(tunnels, door, kernel),
        new RouteDeleteHandler(tunnels, door, kernel),
        new FloodAddHandler(tunnels, door),
        new FloodDeleteHandler(tunnels, door),
    ];
}
