using Overlay.DataPath;

namespace Overlay.Testing.Simulation;

/// <summary>The worker's side of a TUN or TAP in memory.</summary>
internal sealed class DevicePort(SimulatedWorld world, SimulatedTunnel tunnel, Provenance provenance, SimulationRandom random) : IPacketPort
{
    private const int MaxReceived = 8;

    private readonly Queue<SimulatedFrame> _frames = new();
    private readonly PortCongestion _congestion = new(world, random, tunnel.Host.Options.Congestion);

    public string Name => $"device:{tunnel}";

    public int BatchSize => MaxReceived;

    public PortCapabilities Capabilities => tunnel.IsEthernet ? PortCapabilities.Ethernet : PortCapabilities.None;

    public int Mtu => 1450;

    public int PollHandle => -1;

    public bool HasFrames => _frames.Count > 0;

    public PortCount Count { get; } = new();

    public void Enqueue(SimulatedFrame frame) => _frames.Enqueue(frame);

    public PortResult Receive(PacketBatch batch)
    {
        provenance.Clear();
        for (int i = random.Between(1, MaxReceived); i > 0 && _frames.TryPeek(out SimulatedFrame? frame) && batch.TryAppend(frame.Bytes, out int index); i--)
        {
            _ = _frames.Dequeue();
            provenance.Add(index, frame, null);
            Count.Received++;
        }

        return batch.Count > 0 ? PortResult.Ok : PortResult.Empty;
    }

    public PortResult Send(PacketBatch batch)
    {
        world.Scheduler.Interleave();
        if (_congestion.IsBlocked)
        {
            return PortResult.WouldBlock;
        }

        foreach (int index in batch.Selection)
        {
            byte[] bytes = batch.Data(index).ToArray();
            batch.Meta(index).State = PacketState.Sent;
            Count.Sent++;
            if (provenance.Packet(index) is { } packet)
            {
                world.Publish(new FrameDelivered(packet, tunnel, bytes));
            }
            else
            {
                world.Publish(new AnswerDelivered(tunnel, bytes));
            }

            tunnel.Deliver(bytes);
        }

        return PortResult.Ok;
    }

    public void Dispose()
    {
        // Nothing is held.
    }
}
