using Overlay.Daemon.Configuration;
using Overlay.Daemon.Status;
using Overlay.DataPath;
using Overlay.Linux;
using Overlay.Tables;

namespace Overlay.Daemon.DataPlane;

/// <summary>A running tunnel: its configuration, its device, its tables and books.</summary>
internal sealed class TunnelRuntime : IDisposable
{
    public TunnelRuntime(TunnelConfig config, TunDevice device, MacAddress mac, uint flowHashSeed)
    {
        Config = config;
        Device = device;
        OverlayTables tables = new(config.Learning?.MaxEntries ?? ForwardingTable.DefaultMaxEntries);
        Tunnel = new Tunnel(config.ToOptions(mac) with { FlowHashSeed = flowHashSeed }, tables);
        Fill(tables, config);
    }

    public TunnelConfig Config { get; }

    public TunDevice Device { get; }

    public Tunnel Tunnel { get; }

    public TunnelStatus Status(EndpointRuntime endpoint) => new()
    {
        Name = Config.Name,
        Kind = Config.KindName,
        Device = new DeviceStatus
        {
            Name = Device.Name,
            Mtu = Device.Mtu,
            Mac = Config.Kind == TunnelKind.Vxlan ? Tunnel.Options.DeviceMac.ToString() : null,
        },
        Egress = Books(Tunnel.Egress),
        Ingress = Books(Tunnel.Ingress),
        Offload = new OffloadStatus
        {
            Tso = OffloadUse.From(Device.Tso, Device.TsoFallbacks),
            Uso = OffloadUse.From(Device.Uso, Device.UsoFallbacks),
            Gro = endpoint.Gro(Device),
            Gso = endpoint.Gso(),
            TunnelGso = endpoint.TunnelGso(Config.Offload.TunnelGso),
        },
        Endpoint = endpoint.Status(),
    };

    public void Dispose() => Device.Dispose();

    private static void Fill(OverlayTables tables, TunnelConfig config)
    {
        foreach (ValueIPAddress remote in config.Flood)
        {
            tables.Apply(OverlayUpdate.AddFlood(config.Vni, remote));
        }

        foreach (FdbConfig station in config.Fdb)
        {
            tables.Apply(OverlayUpdate.SetForwarding(config.Vni, station.Mac, new FdbEntry(station.Remote)));
        }

        foreach (NeighborConfig neighbor in config.Neighbors)
        {
            tables.Apply(OverlayUpdate.SetNeighbor(config.Vni, neighbor.Address, neighbor.Mac));
        }

        foreach (RouteConfig route in config.Routes)
        {
            tables.Apply(OverlayUpdate.SetRoute(route.Prefix, route.PrefixLength, new RouteEntry(route.Remote, route.Mac ?? default)));
        }
    }

    private static DirectionStatus Books(DirectionCounters counters) => new()
    {
        RxPackets = counters.RxPackets,
        RxBytes = counters.RxBytes,
        TxPackets = counters.TxPackets,
        TxBytes = counters.TxBytes,
        Replicated = counters.Replicated,
        Originated = counters.Originated,
        Consumed = counters.Consumed,
        Drops = DropCounts.From(counters),
    };
}
