namespace Overlay.DataPath;

/// <summary>
/// One end of a wire in memory: what one end sends, the other receives, bytes and meta. For tests, simulations and the composition of paths.
/// </summary>
/// <remarks>The two ends may be served by different threads.</remarks>
public sealed class InMemoryPort : IPacketPort
{
    private readonly Queue<Packet> _incoming = new();
    private readonly int _queueLength;
    private InMemoryPort? _peer;
    private volatile bool _disposed;

    private InMemoryPort(string name, PortCapabilities capabilities, int mtu, int queueLength)
    {
        Name = name;
        Capabilities = capabilities;
        Mtu = mtu;
        _queueLength = queueLength;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int BatchSize => 1;

    /// <inheritdoc/>
    public PortCapabilities Capabilities { get; }

    /// <inheritdoc/>
    public int Mtu { get; }

    /// <inheritdoc/>
    public int PollHandle => -1;

    /// <summary>Makes a wire.</summary>
    /// <param name="capabilities">What both ends take.</param>
    /// <param name="mtu">The MTU both ends state; it is not enforced.</param>
    /// <param name="queueLength">How many packets wait at each end before a send would block.</param>
    public static (InMemoryPort Left, InMemoryPort Right) CreatePair(PortCapabilities capabilities = PortCapabilities.None, int mtu = 1500, int queueLength = 1024)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(queueLength);
        InMemoryPort left = new("memory:left", capabilities, mtu, queueLength);
        InMemoryPort right = new("memory:right", capabilities, mtu, queueLength) { _peer = left };
        left._peer = right;
        return (left, right);
    }

    /// <inheritdoc/>
    public PortResult Receive(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        lock (_incoming)
        {
            int before = batch.Count;
            while (_incoming.TryPeek(out Packet packet) && batch.TryAppend(packet.Bytes, out int index))
            {
                _ = _incoming.Dequeue();
                ref PacketMeta meta = ref batch.Meta(index);
                meta = packet.Meta;
                meta.Output = -1;
                meta.Tunnel = -1;
                meta.State = PacketState.Pending;
                meta.Origin = PacketOrigin.Received;
                // Seen from this end the ends of the tunnel are the other way round.
                (meta.Remote, meta.Local) = (meta.Local, meta.Remote);
            }

            return batch.Count > before ? PortResult.Ok : _disposed || _peer!._disposed ? PortResult.Gone : PortResult.Empty;
        }
    }

    /// <inheritdoc/>
    public PortResult Send(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        InMemoryPort peer = _peer!;
        if (_disposed || peer._disposed)
        {
            return PortResult.Gone;
        }

        lock (peer._incoming)
        {
            foreach (int index in batch.Selection)
            {
                if (peer._incoming.Count >= peer._queueLength)
                {
                    return PortResult.WouldBlock;
                }

                ref PacketMeta meta = ref batch.Meta(index);
                peer._incoming.Enqueue(new Packet(batch.Data(index).ToArray(), meta));
                meta.State = PacketState.Sent;
            }
        }

        return PortResult.Ok;
    }

    /// <summary>Closes this end; the other one is gone after it has received what was on the way.</summary>
    public void Dispose() => _disposed = true;

    private readonly record struct Packet(byte[] Bytes, PacketMeta Meta);
}
