namespace Overlay.DataPath;

/// <content>Explanations, beside the path.</content>
public sealed partial class TunnelEgress
{
    // While a control plane fills the tables, each look may find them changed.
    private const int MaxExplanations = 32;

    private readonly Lock _explaining = new();
    private PacketBatch? _explained;

    /// <summary>
    /// Says what this path does with a packet from the device, and why. It changes nothing: no counter, table, queue or limit. Any thread, while packets flow.
    /// </summary>
    /// <param name="packet">What the device hands over: an Ethernet frame of a TAP, an IP packet of a TUN, up to <see cref="PacketBatch.MaxPacketLength"/> bytes.</param>
    /// <param name="now">Monotonic milliseconds, as for <see cref="Process"/>.</param>
    /// <exception cref="ArgumentException">The packet is longer.</exception>
    public Explanation Explain(ReadOnlySpan<byte> packet, long now = 0)
    {
        if (packet.Length > PacketBatch.MaxPacketLength)
        {
            throw new ArgumentException($"A packet has at most {PacketBatch.MaxPacketLength} bytes, not {packet.Length}.", nameof(packet));
        }

        lock (_explaining)
        {
            // Room for the packet and an answer to it.
            _explained ??= new PacketBatch(slabLength: 2 * (PacketBatch.MaxPacketLength + PacketBatch.DefaultHeadroom));
            for (int left = MaxExplanations; ; left--)
            {
                // Anew each time: what the path remembers from packet to packet must not come from an explanation.
                Tunnel tunnel = _tunnel.CreateTwin();
                TunnelEgress twin = new(tunnel, _device, _endpoint, _header);
                _explained.Clear();
                _ = _explained.TryAppend(packet, out _);
                twin.Process(_explained, now);
                Explanation explanation = EgressExplanation.Of(_tunnel, tunnel.Egress, packet, _explained, _device);
                if (explanation.IsSettled || left == 1)
                {
                    return explanation;
                }
            }
        }
    }
}
