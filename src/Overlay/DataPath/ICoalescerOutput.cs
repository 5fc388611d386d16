namespace Overlay.DataPath;

/// <summary>Where a <see cref="Coalescer"/> puts what it has put together, in the order in which it is to leave.</summary>
public interface ICoalescerOutput
{
    /// <summary>Takes one packet, plain or a superpacket, and says in the meta of its descriptors what became of them.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="descriptors">The descriptors that the packet is made of: one, or those of all its segments in their order.</param>
    /// <param name="packet">Its bytes, valid during the call: those of the one descriptor, or a superpacket.</param>
    /// <param name="meta">What is known of these bytes: the meta of the one descriptor, or that of the superpacket.</param>
    /// <returns>false if no more is taken now; then the descriptors must have been left pending.</returns>
    bool Write(PacketBatch batch, ReadOnlySpan<int> descriptors, ReadOnlySpan<byte> packet, in PacketMeta meta);
}
