using Overlay.DataPath;
using Overlay.Encapsulation;

namespace Overlay.Testing.Simulation;

/// <summary>
/// A VTEP: an underlay address, tunnels with the real paths and tables, and workers that run the real <see cref="TunnelWorker"/>, one turn a step.
/// Everything is added before the simulation runs.
/// </summary>
public sealed class SimulatedHost
{
    private readonly SimulatedWorld _world;
    private readonly List<SimulatedTunnel> _tunnels = [];
    private readonly List<WorkerActor> _workers = [];
    private readonly List<TunnelHeader> _headers = [];
    private readonly HashSet<ValueIPAddress> _groups = [];
    private readonly int _number;
    private SimulatedTables? _shared;

    internal SimulatedHost(SimulatedWorld world, string name, int number, ValueIPAddress address, HostOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Workers);
        _world = world;
        _number = number;
        Name = name;
        Address = address;
        Options = options;
        Port = TunnelFacts.Of(options.Kind).DefaultPort;
        for (int i = 0; i < options.Workers; i++)
        {
            _workers.Add(new WorkerActor(world, this, i));
        }
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Its underlay address.</summary>
    public ValueIPAddress Address { get; }

    /// <summary>What it is.</summary>
    public HostOptions Options { get; }

    /// <summary>Its tunnels.</summary>
    public IReadOnlyList<SimulatedTunnel> Tunnels => _tunnels;

    /// <summary>Its workers.</summary>
    public IReadOnlyList<WorkerActor> Workers => _workers;

    /// <summary>Multicast groups of the underlay that it has joined.</summary>
    public IReadOnlySet<ValueIPAddress> Groups => _groups;

    /// <summary>The UDP port it listens on; 0 for IP in IP.</summary>
    public ushort Port { get; }

    /// <summary>Whether its tunnels go over UDP.</summary>
    public bool IsOverUdp => Options.Kind != TunnelKind.IPInIP;

    internal IReadOnlyList<TunnelHeader> Headers => _headers;

    /// <summary>Joins a multicast group of the underlay.</summary>
    public void Join(ValueIPAddress group) => _groups.Add(group);

    /// <summary>Adds a tunnel end.</summary>
    /// <exception cref="ArgumentException">The host has a tunnel with this VNI already: the real ingress says so.</exception>
    public SimulatedTunnel AddTunnel(Vni vni)
    {
        bool isEthernet = Options.Kind != TunnelKind.IPInIP;
        TunnelOptions options = new()
        {
            Name = isEthernet ? $"{Name}.{vni}" : $"{Name}.ip",
            Kind = Options.Kind,
            Vni = isEthernet ? vni : default,
            Local = Address,
            Layer = isEthernet ? DeviceLayer.Ethernet : DeviceLayer.IP,
            DeviceMac = MacAddress.FromValue(0x02FE_0000_0000UL | ((ulong)_number << 16) | (uint)_tunnels.Count),
            Learning = Options.Learning && isEthernet,
            FlowHashSeed = (uint)_world.Seed,
            Policy = new TunnelPolicy { Remotes = Options.Remotes, FloodLimits = Options.FloodLimits },
        };
        SimulatedTables tables = Options.SharesTables && _shared is not null ? _shared : _world.AddTables(Options.SharesTables ? Name : options.Name, Options);
        _shared = Options.SharesTables ? tables : null;
        SimulatedTunnel tunnel = new(_world, this, options, tables);
        if (IsOverUdp)
        {
            _headers.Add(options.CreateHeader());
        }

        foreach (WorkerActor worker in _workers)
        {
            worker.Add(tunnel);
        }

        _tunnels.Add(tunnel);
        return tunnel;
    }

    /// <summary>Tries to give the VNI of a tunnel to a second one, which the real ingress must refuse.</summary>
    /// <exception cref="InvalidOperationException">It was not refused.</exception>
    public void TryTakenVni(SimulatedTunnel taken)
    {
        Tunnel second = new(taken.Options with { Name = $"{taken}-again" }, new Tables.OverlayTables());
        foreach (WorkerActor worker in _workers.Where(worker => !worker.IsRunning))
        {
            try
            {
                worker.Attach(second);
            }
            catch (ArgumentException exception)
            {
                _world.Publish(new Refused(exception.Message));
                continue;
            }

            throw new InvalidOperationException($"{Name} took a second tunnel with the VNI {taken.Vni}.");
        }
    }

    /// <summary>A packet arrives; the kernel gives each flow to one worker's socket.</summary>
    internal bool TryEnqueue(WirePacket packet)
    {
        // Where the UDP source port stands, or in IP in IP something of the inner header; it is a hash, nothing more.
        int at = packet.Bytes.Length > 44 ? (packet.Bytes[0] >> 4 == 4 ? 21 : 41) : 0;
        int flow = packet.Bytes.Length == 0 ? 0 : packet.Bytes[at];
        return _workers[flow % _workers.Count].TryEnqueue(packet);
    }

    internal void EnqueueFromDevice(SimulatedTunnel tunnel, SimulatedFrame frame)
    {
        int flow = 0;
        foreach (byte value in frame.Bytes.AsSpan(0, Math.Min(frame.Bytes.Length, 40)))
        {
            flow = ((flow * 31) + value) & 0xFFFF;
        }

        _workers[flow % _workers.Count].EnqueueFromDevice(tunnel, frame);
    }
}
