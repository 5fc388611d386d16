namespace Overlay.DataPath;

/// <summary>What stands between the port a batch comes from and the ports it goes to: the decisions of one direction.</summary>
public interface IPacketPath
{
    /// <summary>
    /// Decides about every packet of a batch: afterwards each is dropped, consumed, or pending with an output port. Adds descriptors for
    /// flooded copies and for answers made here.
    /// </summary>
    /// <param name="batch">Packets as a port left them.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    void Process(PacketBatch batch, long now);

    /// <summary>Closes the books on a batch after its packets were sent or dropped.</summary>
    void Complete(PacketBatch batch);
}
