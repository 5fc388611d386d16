using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Testing.Simulation;

/// <summary>A host's tables, their writer, what waits to be written, and the plain twin of what was.</summary>
public sealed class SimulatedTables
{
    private readonly SimulatedWorld _world;
    private readonly ITableWriter _writer;
    private readonly Queue<Action> _waiting = new();
    private readonly List<LearningQueue> _queues = [];

    internal SimulatedTables(SimulatedWorld world, string name, HostOptions options)
    {
        _world = world;
        Name = name;
        Options = options;
        Tables = options.Components.Tables(options.ToForwardingOptions());
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
    public void Enqueue(OverlayUpdate update) => _waiting.Enqueue(() => Apply(update));

    /// <summary>Gives the writer a set to replace all entries of one origin by, in a step of its own, later.</summary>
    public void EnqueueReplace(FdbOrigin origin, IReadOnlyDictionary<ForwardingKey, FdbRemote> entries) => _waiting.Enqueue(() => Replace(origin, entries));

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

        foreach (((ValueIPAddress prefix, int length), IReadOnlyList<RouteMember> members) in Twin.Routes)
        {
            RouteMember[] rest = [.. members.Where(member => member.Entry.Remote != remote)];
            if (rest.Length < members.Count)
            {
                Enqueue(rest.Length == 0 ? OverlayUpdate.RemoveRoute(prefix, length) : OverlayUpdate.SetRoute(prefix, length, rest));
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
        PublishLeft(before);
    }

    /// <summary>Replaces all entries of one origin now.</summary>
    public void Replace(FdbOrigin origin, IReadOnlyDictionary<ForwardingKey, FdbRemote> entries)
    {
        SortedSet<ValueIPAddress> before = Twin.Known;
        ForwardingReplacement done = _writer.Replace(origin, entries);
        Twin.Replace(origin, entries);
        _world.Publish(new ForwardingReplaced(this, origin, done));
        PublishLeft(before);
    }

    internal void AddQueue(LearningQueue queue) => _queues.Add(queue);

    internal void ApplyNext() => _waiting.Dequeue()();

    internal void Learn(in LearnedAddress learned)
    {
        bool isTaken = _writer.Learn(learned, Options.Remotes.KnownOnly, _world.Clock.Now);
        _world.Publish(new AddressLearned(this, learned, isTaken));
    }

    internal void Age() => _world.Publish(new TablesAged(this, _writer.Age(_world.Clock.Now, Options.MaxAge)));

    private void PublishLeft(SortedSet<ValueIPAddress> before)
    {
        before.ExceptWith(Twin.Known);
        foreach (ValueIPAddress remote in before)
        {
            _world.Publish(new RemoteLeft(this, remote));
        }
    }
}
