using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.Extensions.ObjectPool;
using Overlay.DataPath;

namespace Overlay.Testing.Simulation;

/// <summary>A worker of a host: the real <see cref="TunnelWorker"/> with the real paths, one turn a step, put aside now and then where a thread could be.</summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "Ports and waiter are memory; nothing is held.")]
public sealed class WorkerActor : SimulationActor
{
    private const int EndpointNumber = 0;

    private readonly SimulatedWorld _world;
    private readonly TunnelWorker _worker;
    private readonly VirtualWaiter _waiter;
    private readonly TunnelIngress _ingress;
    private readonly ObservedIngress _observedIngress;
    private readonly UnderlayPort _endpoint;
    private readonly List<DevicePort> _devices = [];
    private readonly List<SimulatedTunnel> _tunnels = [];

    internal WorkerActor(SimulatedWorld world, SimulatedHost host, int number)
        : base(string.Create(CultureInfo.InvariantCulture, $"{host.Name}/worker{number}"))
    {
        _world = world;
        Host = host;
        Number = number;
        Provenance = new Provenance();
        _waiter = new VirtualWaiter(world.Clock, world.Scheduler.Interleave);
        ObjectPool<PacketBatch> batches = world.Batches;
        _worker = new TunnelWorker(_waiter, batches);
        SimulationRandom random = world.Random.Fork();
        _endpoint = new UnderlayPort(world, host, Provenance, random);
        _ingress = new TunnelIngress(host.Options.Kind);
        int endpoint = _worker.AddPort(host.Options.Components.Endpoint(_endpoint));
        _observedIngress = new ObservedIngress(world, this, host.Options.Components.Ingress(_ingress, endpoint));
        _worker.SetPath(endpoint, _observedIngress);
    }

    /// <summary>Its host.</summary>
    public SimulatedHost Host { get; }

    /// <summary>Its number among the host's workers; each tunnel's <see cref="SimulatedTunnel.Twins"/> has its books there.</summary>
    public int Number { get; }

    /// <summary>Its books of packets that no tunnel owns.</summary>
    public DirectionCounters Unowned => _ingress.Unowned;

    /// <summary>What its endpoint's port has taken and given, counted by the port.</summary>
    public PortCount EndpointCount => _endpoint.Count;

    /// <inheritdoc/>
    public override long NextDue => _endpoint.HasPackets || _devices.Exists(device => device.HasFrames) ? 0 : Never;

    /// <inheritdoc/>
    public override int Weight => 4;

    internal Provenance Provenance { get; }

    internal IReadOnlyList<SimulatedTunnel> Tunnels => _tunnels;

    /// <summary>What the port of a tunnel's device has taken and given, counted by the port.</summary>
    public PortCount DeviceCount(int tunnel) => _devices[tunnel].Count;

    internal void Add(SimulatedTunnel tunnel)
    {
        Tunnel twin = tunnel.Twins[Number];
        DevicePort device = new(_world, tunnel, Provenance, _world.Random.Fork());
        int number = _worker.AddPort(device);
        _ingress.Attach(twin, number);
        TunnelEgress egress = new(twin, number, EndpointNumber, tunnel.Host.IsOverUdp ? tunnel.Host.Headers.Count - 1 : 0);
        _worker.SetPath(number, new ObservedEgress(_world, this, tunnel, tunnel.Host.Options.Components.Egress(egress, twin)));
        _devices.Add(device);
        _tunnels.Add(tunnel);
    }

    internal void Attach(Tunnel tunnel) => _ingress.Attach(tunnel, _devices.Count);

    internal bool TryEnqueue(WirePacket packet) => _endpoint.TryEnqueue(packet);

    internal void EnqueueFromDevice(SimulatedTunnel tunnel, SimulatedFrame frame) => _devices[_tunnels.IndexOf(tunnel)].Enqueue(frame);

    /// <inheritdoc/>
    protected override void Step()
    {
        _worker.Run(_waiter.BeginTurn());
        _world.Publish(new TurnEnded(this));
    }
}
