using System.Collections.Concurrent;
using System.Runtime;
using System.Security.Cryptography;
using Microsoft.Extensions.ObjectPool;
using Overlay.Capture;
using Overlay.Daemon.Configuration;
using Overlay.Daemon.Control;
using Overlay.Daemon.Diagnosis;
using Overlay.Daemon.Status;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Linux;

namespace Overlay.Daemon.DataPlane;

/// <summary>The tunnels of a configuration over the library: devices, endpoints, workers, the writer of the tables.</summary>
internal sealed class OverlayDataPlane(DaemonConfig config, Action<string> log) : IDataPlane
{
    // For all kinds of tunnel together: it leaves time for the rest of the five seconds that ready may take.
    private static readonly TimeSpan WarmUpBound = TimeSpan.FromSeconds(4);

    // For one kind: when it is not over by then, it will not be soon.
    private static readonly TimeSpan WarmUpBoundOfKind = TimeSpan.FromSeconds(2);

    private readonly Dictionary<EndpointConfig, EndpointRuntime> _endpoints = [];
    private readonly List<TunnelRuntime> _tunnels = [];
    private readonly List<WorkerThread> _workers = [];
    private readonly List<IDisposable> _beside = [];
    private readonly ConcurrentDictionary<string, bool> _gone = new();
    private IKernelRoutes? _routes;
    private TableWriter? _tables;

    /// <inheritdoc/>
    public void Start()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        DevicePlanner planner = new(netlink);
        // Asked once: endpoint and device must go by the same number, even if a route changes meanwhile.
        Dictionary<TunnelConfig, int> mtus = config.Tunnels.ToDictionary(tunnel => tunnel, planner.ChooseMtu);
        // Sockets first: a port that another daemon holds is found out before any device is made.
        IGrouping<EndpointConfig, TunnelConfig>[] groups = [.. config.Tunnels.GroupBy(t => t.Endpoint)];
        WorkerPlan plan = new(config.Workers.Count, [.. groups.Select(group => group.Key)]);
        foreach (IGrouping<EndpointConfig, TunnelConfig> group in groups)
        {
            TunnelHeader[] headers = group.Key.Facts.IsOverUdp ? [.. group.Select(tunnel => tunnel.ToHeader())] : [];
            EndpointRuntime endpoint = new(group.Key, headers, group.Min(tunnel => mtus[tunnel]), [.. group.Select(tunnel => tunnel.Group).OfType<ValueIPAddress>().Distinct()], plan.WorkersOf(group.Key));
            _endpoints.Add(group.Key, endpoint);
            log(endpoint.Granted);
            foreach (UdpGroupSocket joined in endpoint.Groups)
            {
                log($"{joined.Name}: joined on {joined.Link}");
            }

            if (endpoint.Transport is { } transport)
            {
                log(transport);
            }

            if (endpoint.Neighbor is { } neighbor)
            {
                log(neighbor);
            }
        }

        // Before there are devices: packets would wait in their queues, and be stale.
        if (config.Workers.WarmUp)
        {
            WarmPathsUp();
        }

        KernelRoutes kernel = new(netlink, log);
        _beside.Add(kernel);
        _routes = kernel;
        uint seed = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint)));
        foreach (TunnelConfig tunnel in config.Tunnels)
        {
            MacAddress mac = tunnel.HasInnerEthernet ? tunnel.Device.ChooseMac() : default;
            IReadOnlyList<int> workers = plan.WorkersOf(tunnel.Endpoint);
            TunnelRoutes routes = kernel.Add(tunnel);
            TunDevice[] device = planner.Open(tunnel, routes, mac, mtus[tunnel], workers.Count);
            _tunnels.Add(new TunnelRuntime(tunnel, device, workers, mac, seed, planner.LinkMtu(tunnel)) { Routes = routes });
        }

        kernel.Start();
        PathMtuKeeper paths = new(_tunnels, log);
        _beside.Add(paths);
        paths.Start();

        StartWorkers(plan.Count);
        _tables = new TableWriter(_tunnels);
        _tables.Start();
    }

    /// <inheritdoc/>
    public void Stop()
    {
        _tables?.Stop();
        // All at once, so that many workers take no longer than one.
        _workers.ForEach(worker => worker.Cancel());
        _workers.ForEach(worker => worker.Join());

        // A device goes with its descriptor, and its addresses and routes go with it; routes around it do not.
        foreach (IDisposable part in (IEnumerable<IDisposable>)[.. _beside, .. _workers, .. _tunnels, .. _endpoints.Values])
        {
            part.Dispose();
        }
    }

    /// <inheritdoc/>
    public DaemonStatus Status() => new()
    {
        Ready = _workers.TrueForAll(w => w.Failure is null),
        Drops = DropCounts.From([.. _endpoints.Values.SelectMany(e => e.Ingress).Select(ingress => ingress.Unowned)]),
        Tunnels = [.. _tunnels.Select(t => t.Status(_endpoints[t.Config.Endpoint]))],
        Runtime = new RuntimeStatus(JitInfo.GetCompiledMethodCount(), GC.CollectionCount(0), (long)GC.GetTotalPauseDuration().TotalMilliseconds),
    };

    /// <inheritdoc/>
    public IReadOnlyList<IControlHandler> Handlers
    {
        get
        {
            TunnelCatalog tunnels = new([.. _tunnels.Select(tunnel => tunnel.ForControl(_endpoints[tunnel.Config.Endpoint]))]);
            Func<long> clock = () => PollWaiter.Clock;
            return
            [
                .. TableHandlers.Showing(tunnels, clock),
                .. TableHandlers.Changing(tunnels, _tables!, _routes!, clock),
                new ExplainHandler(_tunnels),
                new TraceHandler(_tunnels, TimeProvider.System),
            ];
        }
    }

    private void WarmPathsUp()
    {
        TunnelKind[] kinds = [.. _endpoints.Keys.Select(endpoint => endpoint.Kind).Distinct()];
        TimeSpan bound = WarmUpBound / kinds.Length;
        bound = bound < WarmUpBoundOfKind ? bound : WarmUpBoundOfKind;
        foreach (TunnelKind kind in kinds)
        {
            try
            {
                WarmUpResult result = WarmUp.Run(kind, bound);
                if (!result.IsSettled)
                {
                    log($"the warm-up of {TunnelFacts.Of(kind)} was not over after {bound.TotalSeconds:0.#} s; the first packets will be slower");
                }
            }
            catch (LinuxException e)
            {
                log($"no warm-up, the first packets will be slower: {e.Message}");
            }
        }
    }

    private void StartWorkers(int count)
    {
        ObjectPool<PacketBatch> pool = PacketBatchPool.Create(maximumRetained: 2 * count);
        for (int i = 0; i < count; i++)
        {
            int? cpu = config.Workers.Cpus.Count > 0 ? config.Workers.Cpus[i] : null;
            _workers.Add(new WorkerThread(i, cpu, config.Workers.SpinMicroseconds, pool, PortGone, log));
        }

        foreach ((EndpointConfig key, EndpointRuntime endpoint) in _endpoints)
        {
            for (int share = 0; share < endpoint.Workers.Count; share++)
            {
                Connect(_workers[endpoint.Workers[share]].Worker, endpoint, [.. _tunnels.Where(t => t.Config.Endpoint == key)], share);
            }
        }

        foreach (WorkerThread worker in _workers)
        {
            worker.Start();
        }
    }

    // One socket and one queue of each device: what a worker receives it sends, and a packet never changes threads.
    private static void Connect(TunnelWorker worker, EndpointRuntime endpoint, IReadOnlyList<TunnelRuntime> tunnels, int share)
    {
        int output = worker.AddPort(endpoint.Ports[share].Port);
        TracedPath ingress = new(endpoint.Ingress[share]);
        for (int header = 0; header < tunnels.Count; header++)
        {
            // The port has the headers in the order of the tunnels.
            TunnelRuntime tunnel = tunnels[header];
            int device = worker.AddPort(tunnel.Device[share]);
            TunnelEgress path = new(tunnel.Tunnels[share], device, output, header);
            TracedPath egress = new(path);
            worker.SetPath(device, egress);
            endpoint.Ingress[share].Attach(tunnel.Tunnels[share], device);
            tunnel.Paths.Add(new TunnelPaths(path, egress, endpoint.Ingress[share], ingress, header, endpoint.Ports[share]));
        }

        worker.SetPath(output, ingress);
        foreach (UdpGroupSocket group in share == 0 ? endpoint.Groups : [])
        {
            // The same path: a VNI is the same network whichever way its packets come.
            worker.SetPath(worker.AddPort(group), ingress);
        }
    }

    // Each worker finds out for its own queue of a device.
    private void PortGone(IPacketPort port)
    {
        if (_gone.TryAdd(port.Name, true))
        {
            log($"{port.Name} is gone; its tunnel carries nothing until overlayd is started again");
        }
    }
}
