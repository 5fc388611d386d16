using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing.Simulation;

namespace Overlay.Tests.Simulation;

/// <summary>A path that does something wrong around the real one.</summary>
internal sealed class BrokenPath(
    IPacketPath path, Action<PacketBatch>? before = null, Action<PacketBatch>? after = null, bool completes = true, Func<long, long>? clock = null) : IPacketPath
{
    public void Process(PacketBatch batch, long now)
    {
        before?.Invoke(batch);
        path.Process(batch, clock is null ? now : clock(now));
        after?.Invoke(batch);
    }

    public void Complete(PacketBatch batch)
    {
        if (completes)
        {
            path.Complete(batch);
        }
    }
}

/// <summary>A writer that does one thing in its own way.</summary>
internal sealed class BrokenWriter(
    OverlayTables tables, Func<LearnedAddress, long, bool>? learn = null, Func<long, long, int>? age = null, Action<OverlayUpdate>? apply = null, bool replaces = true) : ITableWriter
{
    public void Apply(in OverlayUpdate update)
    {
        if (apply is null)
        {
            tables.Apply(update);
        }
        else
        {
            apply(update);
        }
    }

    public ForwardingReplacement Replace(FdbOrigin origin, IEnumerable<KeyValuePair<ForwardingKey, FdbRemote>> entries) =>
        replaces ? tables.ReplaceForwarding(origin, entries) : default;

    public bool Learn(in LearnedAddress learned, bool knownOnly, long now) => learn is null ? tables.Learn(learned, knownOnly, now) : learn(learned, now);

    public int Age(long now, long maxAge) => age is null ? tables.Age(now, maxAge) : age(now, maxAge);
}

/// <summary>A port that sends everything twice.</summary>
internal sealed class DoublingPort(IPacketPort port) : IPacketPort
{
    public string Name => port.Name;

    public int BatchSize => port.BatchSize;

    public PortCapabilities Capabilities => port.Capabilities;

    public int Mtu => port.Mtu;

    public int PollHandle => port.PollHandle;

    public PortResult Receive(PacketBatch batch) => port.Receive(batch);

    public PortResult Send(PacketBatch batch)
    {
        _ = port.Send(batch);
        return port.Send(batch);
    }

    public void Dispose() => port.Dispose();
}
