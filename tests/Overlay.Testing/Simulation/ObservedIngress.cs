using Overlay.DataPath;

namespace Overlay.Testing.Simulation;

/// <summary>A path from an endpoint in the simulation: says what was accepted and dropped, and lets others run before, between and after.</summary>
internal sealed class ObservedIngress(SimulatedWorld world, WorkerActor worker, IPacketPath path) : IPacketPath
{
    public void Process(PacketBatch batch, long now)
    {
        world.Scheduler.Interleave();
        path.Process(batch, now);
        worker.Provenance.Extend(batch);
        for (int i = 0; i < batch.Count; i++)
        {
            ref PacketMeta meta = ref batch.Meta(i);
            if (meta.State == PacketState.Pending && worker.Provenance.Packet(i) is { } packet && TunnelOf(meta) is { } tunnel)
            {
                ReadOnlySpan<byte> inner = batch.Data(i);
                MacAddress source = tunnel.IsEthernet ? new MacAddress(inner.Slice(MacAddress.Length, MacAddress.Length)) : default;
                world.Publish(new PacketAccepted(packet, tunnel, meta.Remote, source));
            }
        }

        world.Scheduler.Interleave();
    }

    public void Complete(PacketBatch batch)
    {
        for (int i = 0; i < batch.Count; i++)
        {
            ref PacketMeta meta = ref batch.Meta(i);
            if (meta.State == PacketState.Dropped && worker.Provenance.Packet(i) is { } packet)
            {
                world.Publish(new PacketDropped(packet, worker.Host, TunnelOf(meta), meta.Drop));
            }
        }

        path.Complete(batch);
    }

    private SimulatedTunnel? TunnelOf(in PacketMeta meta) => meta.Tunnel >= 0 ? worker.Tunnels[meta.Tunnel] : null;
}
