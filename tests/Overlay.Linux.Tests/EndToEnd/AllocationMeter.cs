using Overlay.DataPath;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// A port that passes everything on, and meanwhile tells how much its thread, a worker's, has allocated so far, and how many packets it was given.
/// </summary>
internal sealed class AllocationMeter(IPacketPort port) : IPacketPort
{
    private long _allocated;
    private long _received;
    private int _asked;

    public string Name => port.Name;

    public int BatchSize => port.BatchSize;

    public PortCapabilities Capabilities => port.Capabilities;

    public int Mtu => port.Mtu;

    public int PollHandle => port.PollHandle;

    /// <summary>Packets received by this port so far.</summary>
    public long Received => Interlocked.Read(ref _received);

    /// <summary>Bytes that the worker's thread has allocated up to its next turn; there must be traffic for it to have one.</summary>
    public long Allocated(Action traffic)
    {
        Volatile.Write(ref _asked, 1);
        traffic();
        Wait.Until(() => Volatile.Read(ref _asked) == 0, () => "the worker has no turns");
        return Interlocked.Read(ref _allocated);
    }

    public PortResult Receive(PacketBatch batch)
    {
        if (Volatile.Read(ref _asked) != 0)
        {
            Interlocked.Exchange(ref _allocated, GC.GetAllocatedBytesForCurrentThread());
            Volatile.Write(ref _asked, 0);
        }

        int before = batch.Count;
        PortResult result = port.Receive(batch);
        for (int i = before; i < batch.Count; i++)
        {
            Interlocked.Add(ref _received, batch.SegmentCount(i));
        }

        return result;
    }

    public PortResult Send(PacketBatch batch) => port.Send(batch);

    public void Dispose() => port.Dispose();
}
