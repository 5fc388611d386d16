using Microsoft.Extensions.ObjectPool;
using Overlay.DataPath;
using Overlay.Testing.Simulation.Invariants;

namespace Overlay.Testing.Simulation;

/// <summary>
/// A whole overlay in one thread and virtual time: hosts with the real paths and tables, a network with faults, stations, and a scheduler that interleaves
/// them by a seed. The same seed and the same calls give the same run, byte by byte.
/// </summary>
public sealed class SimulatedWorld
{
    private const int DrainSteps = 200_000;

    private readonly WorldOptions _options;
    private readonly List<SimulatedHost> _hosts = [];
    private readonly List<SimulatedTables> _tables = [];
    private readonly List<SimulatedStation> _stations = [];
    private long _frames;

    /// <summary>Makes an empty world with all invariants that come with it.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="options">How it runs; null takes the defaults.</param>
    public SimulatedWorld(ulong seed, WorldOptions? options = null)
    {
        _options = options ?? new WorldOptions();
        Seed = seed;
        Random = new SimulationRandom(seed);
        Batches = _options.Batches ?? WorldOptions.CreatePool();
        Scheduler = new Scheduler(Random.Fork(), Clock, _options.Interleaving);
        Network = new SimulatedNetwork(this, Random.Fork(), _options.Captures);
        Scheduler.Add(Network);
        Invariants = [.. StandardInvariants.All()];
    }

    /// <summary>The seed.</summary>
    public ulong Seed { get; }

    /// <summary>What it is called in messages.</summary>
    public string Scenario => _options.Scenario;

    /// <summary>The generator from which parts take theirs.</summary>
    public SimulationRandom Random { get; }

    /// <summary>The clock.</summary>
    public VirtualClock Clock { get; } = new();

    /// <summary>Who runs next.</summary>
    public Scheduler Scheduler { get; }

    /// <summary>The underlay.</summary>
    public SimulatedNetwork Network { get; }

    /// <summary>What happened.</summary>
    public EventLog Log { get; } = new();

    /// <summary>What must hold. Add to it, or clear it, before the simulation runs.</summary>
    public IList<SimulationInvariant> Invariants { get; }

    /// <summary>All hosts.</summary>
    public IReadOnlyList<SimulatedHost> Hosts => _hosts;

    /// <summary>All tables of all hosts.</summary>
    public IReadOnlyList<SimulatedTables> Tables => _tables;

    /// <summary>All stations.</summary>
    public IReadOnlyList<SimulatedStation> Stations => _stations;

    /// <summary>All tunnel ends.</summary>
    public IEnumerable<SimulatedTunnel> Tunnels => _hosts.SelectMany(host => host.Tunnels);

    internal ObjectPool<PacketBatch> Batches { get; }

    internal string FailedActor { get; private set; } = "-";

    /// <summary>Adds a host.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="address">Its underlay address.</param>
    /// <param name="options">What it is; null takes the defaults.</param>
    public SimulatedHost AddHost(string name, string address, HostOptions? options = null)
    {
        SimulatedHost host = new(this, name, _hosts.Count, ValueIPAddress.Parse(address), options ?? new HostOptions());
        _hosts.Add(host);
        foreach (WorkerActor worker in host.Workers)
        {
            Scheduler.Add(worker);
        }

        return host;
    }

    /// <summary>Adds a station behind a tunnel end.</summary>
    public SimulatedStation AddStation(string name, SimulatedTunnel tunnel, MacAddress mac, ValueIPAddress address)
    {
        SimulatedStation station = new(this, name, tunnel, mac, address);
        _stations.Add(station);
        Scheduler.Add(station);
        return station;
    }

    /// <summary>Tells each tunnel end of a network of all others: full mesh, head-end replication.</summary>
    public void Connect(Vni vni)
    {
        SimulatedTunnel[] members = [.. Tunnels.Where(tunnel => tunnel.Vni == vni && tunnel.IsEthernet)];
        foreach (SimulatedTunnel tunnel in members)
        {
            foreach (SimulatedTunnel other in members.Where(other => other != tunnel))
            {
                tunnel.Tables.Apply(Overlay.Tables.OverlayUpdate.AddFlood(vni, other.Host.Address));
            }
        }
    }

    /// <summary>Runs for some time.</summary>
    /// <param name="milliseconds">Of the virtual clock.</param>
    /// <exception cref="SimulationFailedException">An invariant was broken, or something threw.</exception>
    public void Run(long milliseconds) => Guard(() => Scheduler.RunUntil(Clock.Now + milliseconds));

    /// <summary>Stops traffic, changes and attacks, lets everything that is on its way arrive, and asks the invariants of a world at rest.</summary>
    /// <exception cref="SimulationFailedException">It does not come to rest, an invariant was broken, or something threw.</exception>
    public void Drain() => Guard(() =>
    {
        if (!Scheduler.Drain(DrainSteps))
        {
            throw new InvalidOperationException($"The simulation did not come to rest within {DrainSteps} steps.");
        }

        foreach (SimulationInvariant invariant in Invariants)
        {
            invariant.ObserveRest(this);
        }
    });

    /// <summary>Says that something happened: to the log, then to all invariants.</summary>
    public void Publish(SimulationEvent simulationEvent)
    {
        ArgumentNullException.ThrowIfNull(simulationEvent);
        simulationEvent.Step = Scheduler.Steps;
        simulationEvent.Time = Clock.Now;
        simulationEvent.Actor = Scheduler.Current;
        Log.Add(simulationEvent);
        foreach (SimulationInvariant invariant in Invariants)
        {
            try
            {
                invariant.Observe(this, simulationEvent);
            }
            catch (InvariantBrokenException)
            {
                FailedActor = Scheduler.Current;
                throw;
            }
        }
    }

    internal long NextFrameId() => _frames++;

    internal SimulatedTables AddTables(string name, HostOptions options)
    {
        SimulatedTables tables = new(this, name, options);
        _tables.Add(tables);
        Scheduler.Add(new UpdateActor(tables));
        Scheduler.Add(new LearnActor(tables, Clock, Random.Fork()));
        Scheduler.Add(new AgeActor(tables, Clock, Random.Fork()));
        return tables;
    }

    private void Guard(Action run)
    {
        try
        {
            run();
        }
        catch (Exception exception) when (exception is not SimulationFailedException)
        {
            throw new SimulationFailedException(this, _options.LastEvents, exception);
        }
    }
}
