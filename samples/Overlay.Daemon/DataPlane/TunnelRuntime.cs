using Overlay.Daemon.Configuration;
using Overlay.Daemon.Control;
using Overlay.Daemon.Status;
using Overlay.DataPath;
using Overlay.Linux;
using Overlay.Tables;

namespace Overlay.Daemon.DataPlane;

/// <summary>A running tunnel: its configuration and tables, and for each worker that serves it a queue of the device and books.</summary>
internal sealed class TunnelRuntime : IDisposable
{
    private readonly IReadOnlyList<int> _workers;

    /// <param name="config">The tunnel.</param>
    /// <param name="device">A queue of its device for each worker.</param>
    /// <param name="workers">The workers' numbers, for the status.</param>
    /// <param name="mac">The device's MAC address; default where no Ethernet crosses the tunnel.</param>
    /// <param name="flowHashSeed">The same for all workers: a flow has one source port.</param>
    /// <param name="linkMtu">What the links towards the remotes take, in bytes of outer packet.</param>
    public TunnelRuntime(TunnelConfig config, IReadOnlyList<TunDevice> device, IReadOnlyList<int> workers, MacAddress mac, uint flowHashSeed, int linkMtu)
    {
        _workers = workers;
        Config = config;
        Device = device;
        LearningConfig learning = config.Learning ?? new();
        Tables = new OverlayTables(learning.ToOptions(), new NeighborTableOptions { MaxLearned = learning.MaxEntries });
        if (!mac.IsZero)
        {
            Tables.Forwarding.AddOwn(config.Vni, mac);
        }

        Options = config.ToOptions(mac) with { FlowHashSeed = flowHashSeed };
        PathMtus = new PathMtus(linkMtu, config.PathMtu.Options);
        Tunnels = [.. workers.Select(_ => new Tunnel(Options, Tables, PathMtus))];
        Icmp = config.PathMtu.Icmp ? new UnderlayIcmp(Tunnels[0], config.Endpoint.Port) : null;
        ConfiguredTables.Fill(Tables, config);
    }

    /// <summary>What the file says.</summary>
    public TunnelConfig Config { get; }

    /// <summary>What the data path was told.</summary>
    public TunnelOptions Options { get; }

    /// <summary>The tables that all workers read.</summary>
    public OverlayTables Tables { get; }

    /// <summary>The MTUs of the paths to its remotes, which all workers read.</summary>
    public PathMtus PathMtus { get; }

    /// <summary>Judges ICMP from the underlay; null where it is not believed.</summary>
    public UnderlayIcmp? Icmp { get; }

    /// <summary>The kernel's routes to what it leads to.</summary>
    public required TunnelRoutes Routes { get; init; }

    /// <summary>The device: one queue for each worker.</summary>
    public IReadOnlyList<TunDevice> Device { get; }

    /// <summary>The tunnel as each worker sees it, in the order of the queues.</summary>
    public IReadOnlyList<Tunnel> Tunnels { get; }

    /// <summary>The paths of each worker, in the order of the queues; there before packets flow.</summary>
    public List<TunnelPaths> Paths { get; } = [];

    public TunnelStatus Status(EndpointRuntime endpoint)
    {
        // Read once, so that the sums are the sums of what is shown beside them.
        WorkerStatus[] workers = [.. Tunnels.Select((tunnel, i) => new WorkerStatus
        {
            Worker = _workers[i],
            Egress = DirectionStatus.From(tunnel.Egress),
            Ingress = DirectionStatus.From(tunnel.Ingress),
        })];
        return new TunnelStatus
        {
            Name = Config.Name,
            Kind = Config.Facts.Name,
            Device = new DeviceStatus
            {
                Name = Device[0].Name,
                Mtu = Device[0].Mtu,
                Mac = Config.HasInnerEthernet ? Options.DeviceMac.ToString() : null,
            },
            Egress = DirectionStatus.Sum([.. workers.Select(worker => worker.Egress)]),
            Ingress = DirectionStatus.Sum([.. workers.Select(worker => worker.Ingress)]),
            ReservedBits = ReservedBitCounts.From([.. Tunnels.Select(tunnel => tunnel.ReservedBits)]),
            Neighbors = Config.Device.Layer == DeviceLayer.Ethernet ? NeighborStatus.From(Tables.Neighbors, Tunnels) : null,
            EcnAlarms = Tunnels.Sum(tunnel => tunnel.EcnAlarms),
            Learning = Options.Learning
                ? new LearningStatus(Tables.Forwarding.Count, Tables.Forwarding.Moves, Tables.Forwarding.FrozenCount, Tables.Forwarding.Refusals, Tunnels.Sum(tunnel => tunnel.Learned.Overflows))
                : null,
            Offload = new OffloadStatus
            {
                Tso = OffloadUse.FromAll(Device.Select(queue => (queue.Tso, queue.TsoFallbacks))),
                Uso = OffloadUse.FromAll(Device.Select(queue => (queue.Uso, queue.UsoFallbacks))),
                Gro = endpoint.Gro(Device[0]),
                Gso = endpoint.Gso(),
                TunnelGso = endpoint.TunnelGso(Config.Offload.TunnelGso),
            },
            DirectRoutes = Routes.Direct is { Count: > 0 } direct ? direct : null,
            PathMtus = PathMtuStatus.From(PathMtus, Config.Overhead, PollWaiter.Clock),
            UnderlayIcmp = Icmp is null ? null : UnderlayIcmpCounts.From(Icmp),
            Endpoint = endpoint.Status(),
            Workers = workers.Length > 1 ? workers : null,
        };
    }

    /// <summary>The tunnel as commands about tables see it.</summary>
    /// <param name="endpoint">The sockets under it.</param>
    public TunnelTables ForControl(EndpointRuntime endpoint) => new(Config, Tables, Options.DeviceMac, () => (
        DirectionStatus.Sum([.. Tunnels.Select(tunnel => DirectionStatus.From(tunnel.Egress))]),
        DirectionStatus.Sum([.. Tunnels.Select(tunnel => DirectionStatus.From(tunnel.Ingress))])))
    {
        GroupLink = endpoint.Groups.FirstOrDefault(group => group.Group == Config.Group)?.Link,
    };

    public void Dispose()
    {
        // The interface goes with its last queue.
        foreach (TunDevice queue in Device)
        {
            queue.Dispose();
        }
    }
}
