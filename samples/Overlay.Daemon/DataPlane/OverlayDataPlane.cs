using System.Security.Cryptography;
using Microsoft.Extensions.ObjectPool;
using Overlay.Daemon.Configuration;
using Overlay.Daemon.Status;
using Overlay.DataPath;
using Overlay.Linux;

namespace Overlay.Daemon.DataPlane;

/// <summary>The tunnels of a configuration over the library: devices, endpoints, workers, the writer of the tables.</summary>
internal sealed class OverlayDataPlane(DaemonConfig config, Action<string> log) : IDataPlane
{
    private readonly Dictionary<EndpointConfig, EndpointRuntime> _endpoints = [];
    private readonly List<TunnelRuntime> _tunnels = [];
    private readonly List<WorkerThread> _workers = [];
    private TableWriter? _tables;

    /// <inheritdoc/>
    public void Start()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        DevicePlanner planner = new(netlink);
        // Asked once: endpoint and device must go by the same number, even if a route changes meanwhile.
        Dictionary<TunnelConfig, int> mtus = config.Tunnels.ToDictionary(tunnel => tunnel, planner.ChooseMtu);
        // Sockets first: a port that another daemon holds is found out before any device is made.
        foreach (IGrouping<EndpointConfig, TunnelConfig> group in config.Tunnels.GroupBy(t => t.Endpoint))
        {
            EndpointRuntime endpoint = new(group.Key, group.Min(tunnel => mtus[tunnel]));
            _endpoints.Add(group.Key, endpoint);
            log(endpoint.Granted);
            if (endpoint.Transport is { } transport)
            {
                log(transport);
            }

            if (endpoint.Neighbor is { } neighbor)
            {
                log(neighbor);
            }
        }

        uint seed = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint)));
        foreach (TunnelConfig tunnel in config.Tunnels)
        {
            MacAddress mac = tunnel.Kind == TunnelKind.Vxlan ? tunnel.Device.ChooseMac() : default;
            _tunnels.Add(new TunnelRuntime(tunnel, planner.Open(tunnel, mac, mtus[tunnel]), mac, seed));
        }

        StartWorkers();
        _tables = new TableWriter(_tunnels);
        _tables.Start();
    }

    /// <inheritdoc/>
    public void Stop()
    {
        _tables?.Stop();
        foreach (WorkerThread worker in _workers)
        {
            worker.Stop();
        }

        // A device goes with its descriptor, and its addresses and routes go with it.
        foreach (IDisposable part in (IEnumerable<IDisposable>)[.. _workers, .. _tunnels, .. _endpoints.Values])
        {
            part.Dispose();
        }
    }

    /// <inheritdoc/>
    public DaemonStatus Status() => new()
    {
        Ready = _workers.TrueForAll(w => w.Failure is null),
        Drops = DropCounts.From([.. _endpoints.Values.Select(e => e.Ingress.Unowned)]),
        Tunnels = [.. _tunnels.Select(t => t.Status(_endpoints[t.Config.Endpoint].Status()))],
    };

    private void StartWorkers()
    {
        // An endpoint and the devices of its tunnels stay on one thread: a packet never changes threads.
        int count = Math.Min(config.Workers.Count, _endpoints.Count);
        ObjectPool<PacketBatch> pool = PacketBatchPool.Create(maximumRetained: 2 * count);
        for (int i = 0; i < count; i++)
        {
            int? cpu = config.Workers.Cpus.Count > 0 ? config.Workers.Cpus[i % config.Workers.Cpus.Count] : null;
            _workers.Add(new WorkerThread(i, cpu, config.Workers.SpinMicroseconds, pool, log));
        }

        int next = 0;
        foreach ((EndpointConfig key, EndpointRuntime endpoint) in _endpoints)
        {
            TunnelWorker worker = _workers[next++ % count].Worker;
            int output = worker.AddPort(endpoint.Port);
            foreach (TunnelRuntime tunnel in _tunnels.Where(t => t.Config.Endpoint == key))
            {
                int device = worker.AddPort(tunnel.Device);
                worker.SetPath(device, new TunnelEgress(tunnel.Tunnel, device, output));
                endpoint.Ingress.Attach(tunnel.Tunnel, device);
            }

            worker.SetPath(output, endpoint.Ingress);
        }

        foreach (WorkerThread worker in _workers)
        {
            worker.Start();
        }
    }
}
