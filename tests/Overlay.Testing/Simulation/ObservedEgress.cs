using Overlay.DataPath;

namespace Overlay.Testing.Simulation;

/// <summary>A path from a device in the simulation: says what was decided, and lets others run before, between the decision and the sending, and after.</summary>
internal sealed class ObservedEgress(SimulatedWorld world, WorkerActor worker, SimulatedTunnel tunnel, IPacketPath path) : IPacketPath
{
    public void Process(PacketBatch batch, long now)
    {
        world.Scheduler.Interleave();
        path.Process(batch, now);
        worker.Provenance.Extend(batch);
        PublishDecisions(batch);
        world.Scheduler.Interleave();
    }

    public void Complete(PacketBatch batch)
    {
        for (int i = 0; i < batch.Count; i++)
        {
            ref PacketMeta meta = ref batch.Meta(i);
            if (worker.Provenance.Frame(i) is not { } frame)
            {
                continue;
            }

            if (meta.State == PacketState.Dropped)
            {
                world.Publish(new FrameDropped(frame, tunnel, meta.Drop));
            }
            else if (meta.State == PacketState.Consumed)
            {
                world.Publish(new FrameConsumed(frame, tunnel));
            }
        }

        path.Complete(batch);
    }

    private void PublishDecisions(PacketBatch batch)
    {
        for (int i = 0; i < batch.Count; i++)
        {
            ref PacketMeta meta = ref batch.Meta(i);
            if (meta.Origin != PacketOrigin.Received || meta.State != PacketState.Pending || worker.Provenance.Frame(i) is not { } frame)
            {
                continue;
            }

            List<ValueIPAddress> remotes = [meta.Remote];
            for (int j = i + 1; j < batch.Count; j++)
            {
                if (batch.Meta(j).Origin == PacketOrigin.Replicated && batch.Meta(j).State == PacketState.Pending && worker.Provenance.Frame(j) == frame)
                {
                    remotes.Add(batch.Meta(j).Remote);
                }
            }

            world.Publish(new FrameDecided(frame, tunnel, remotes, meta.Vni));
        }
    }
}
