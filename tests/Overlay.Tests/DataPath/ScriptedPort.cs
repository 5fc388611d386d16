using Overlay.DataPath;

namespace Overlay.Tests.DataPath;

/// <summary>A port that receives what it is given and answers sends as it is told.</summary>
internal sealed class ScriptedPort(PortCapabilities capabilities = PortCapabilities.None) : IPacketPort
{
    public Queue<(byte[] Bytes, PacketMeta Meta)> Incoming { get; } = new();

    public List<byte[]> Outgoing { get; } = [];

    public Func<PacketBatch, PortResult>? OnSend { get; set; }

    public PortResult WhenEmpty { get; set; } = PortResult.Empty;

    public string Name => "scripted";

    public int BatchSize => 1;

    public PortCapabilities Capabilities => capabilities;

    public int Mtu => 1500;

    public int PollHandle => -1;

    public void Enqueue(byte[] bytes, Action<PacketMetaBox>? set = null)
    {
        PacketMetaBox box = new();
        set?.Invoke(box);
        Incoming.Enqueue((bytes, box.Meta));
    }

    public PortResult Receive(PacketBatch batch)
    {
        bool any = false;
        while (Incoming.TryPeek(out (byte[] Bytes, PacketMeta Meta) packet) && batch.TryAppend(packet.Bytes, out int index))
        {
            Incoming.Dequeue();
            batch.Meta(index) = packet.Meta;
            batch.Meta(index).Output = -1;
            batch.Meta(index).Tunnel = -1;
            any = true;
        }

        return any ? PortResult.Ok : WhenEmpty;
    }

    public PortResult Send(PacketBatch batch)
    {
        if (OnSend is not null)
        {
            return OnSend(batch);
        }

        Accept(batch, int.MaxValue);
        return PortResult.Ok;
    }

    public int Accept(PacketBatch batch, int limit)
    {
        int taken = 0;
        foreach (int index in batch.Selection)
        {
            if (taken == limit)
            {
                break;
            }

            Outgoing.Add(batch.Data(index).ToArray());
            batch.Meta(index).State = PacketState.Sent;
            taken++;
        }

        return taken;
    }

    public void Dispose()
    {
        // Nothing is held.
    }

    internal sealed class PacketMetaBox
    {
        public PacketMeta Meta;
    }
}
