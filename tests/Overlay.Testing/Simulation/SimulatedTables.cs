using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Testing.Simulation;

/// <summary>A host's tables, their writer, what waits to be written, and the plain twin of what was.</summary>
public sealed class SimulatedTables
{
    private readonly SimulatedWorld _world;
    private readonly ITableWriter _writer;
    private readonly Queue<OverlayUpdate> _waiting = new();
    private readonly List<LearningQueue> _queues = [];

    internal SimulatedTables(SimulatedWorld world, string name, HostOptions options)
    {
        _world = world;
        Name = name;
        Options = options;
        Tables = options.Components.Tables(options.MaxForwardingEntries);
        _writer = options.Components.Writer(Tables);
    }

    /// <summary>Their name in the log.</summary>
    public string Name { get; }

    /// <summary>What the host is.</summary>
    public HostOptions Options { get; }

    /// <summary>The real tables.</summary>
    public OverlayTables Tables { get; }

    /// <summary>What was set, written down plainly.</summary>
    public TableTwin Twin { get; } = new();

    /// <summary>Updates that wait for the writer.</summary>
    public int Waiting => _waiting.Count;

    /// <summary>The workers' queues of addresses to be learned.</summary>
    internal IReadOnlyList<LearningQueue> Queues => _queues;

    /// <summary>Gives the writer an update to be applied in a step of its own, later.</summary>
    public void Enqueue(OverlayUpdate update) => _waiting.Enqueue(update);

    /// <summary>Lets everything that names a remote be removed, one by one.</summary>
    public void EnqueueLeave(ValueIPAddress remote)
    {
        foreach (((Vni vni, MacAddress mac), FdbEntry entry) in Twin.Forwarding)
        {
            if (entry.Remote == remote)
            {
                Enqueue(OverlayUpdate.RemoveForwarding(vni, mac));
            }
        }

        foreach ((Vni vni, List<ValueIPAddress> list) in Twin.Flood)
        {
            if (list.Contains(remote))
            {
                Enqueue(OverlayUpdate.RemoveFlood(vni, remote));
            }
        }

        foreach (((ValueIPAddress prefix, int length), RouteEntry route) in Twin.Routes)
        {
            if (route.Remote == remote)
            {
                Enqueue(OverlayUpdate.RemoveRoute(prefix, length));
            }
        }
    }

    /// <summary>Applies an update now.</summary>
    public void Apply(in OverlayUpdate update)
    {
        SortedSet<ValueIPAddress> before = Twin.Known;
        _writer.Apply(update);
        Twin.Apply(update);
        _world.Publish(new UpdateApplied(this, update));
        before.ExceptWith(Twin.Known);
        foreach (ValueIPAddress remote in before)
        {
            _world.Publish(new RemoteLeft(this, remote));
        }
    }

    internal void AddQueue(LearningQueue queue) => _queues.Add(queue);

    internal void ApplyNext() => Apply(_waiting.Dequeue());

    internal void Learn(in LearnedAddress learned)
    {
        bool isTaken = _writer.Learn(learned, Options.Remotes.KnownOnly, _world.Clock.Now);
        _world.Publish(new AddressLearned(this, learned, isTaken));
    }

    internal void Age() => _world.Publish(new TablesAged(this, _writer.Age(_world.Clock.Now, Options.MaxAge)));
}
