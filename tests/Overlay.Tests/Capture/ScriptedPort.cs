using Overlay.DataPath;

namespace Overlay.Tests.Capture;

/// <summary>A port whose answers are the test's.</summary>
internal sealed class ScriptedPort(PortCapabilities capabilities) : IPacketPort
{
    public string Name => "scripted";

    public int BatchSize => 7;

    public PortCapabilities Capabilities => capabilities;

    public int Mtu { get; set; } = 1450;

    public int PollHandle => 42;

    public bool Disposed { get; private set; }

    public Func<PacketBatch, PortResult> OnReceive { get; set; } = _ => PortResult.Empty;

    public Func<PacketBatch, PortResult> OnSend { get; set; } = batch =>
    {
        foreach (int index in batch.Selection)
        {
            batch.Meta(index).State = PacketState.Sent;
        }

        return PortResult.Ok;
    };

    public PortResult Receive(PacketBatch batch) => OnReceive(batch);

    public PortResult Send(PacketBatch batch) => OnSend(batch);

    public void Dispose() => Disposed = true;
}
