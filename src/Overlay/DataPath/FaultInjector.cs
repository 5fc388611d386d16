namespace Overlay.DataPath;

/// <summary>
/// A port in front of another that loses and corrupts packets on send, by a seeded generator: the same seed, the same faults.
/// </summary>
public sealed class FaultInjector : IPacketPort
{
    private readonly IPacketPort _port;
    private readonly uint _loss;
    private readonly uint _corruption;
    private ulong _state;

    /// <summary>Makes the injector; it owns <paramref name="port"/> and disposes it.</summary>
    /// <param name="port">The port to send through.</param>
    /// <param name="seed">Any number.</param>
    /// <param name="loss">The share of packets lost, 0 to 1. To the path a lost packet was sent, as on a real wire.</param>
    /// <param name="corruption">The share of packets with one bit turned, 0 to 1.</param>
    public FaultInjector(IPacketPort port, ulong seed, double loss, double corruption)
    {
        ArgumentNullException.ThrowIfNull(port);
        _port = port;
        _loss = ToThreshold(loss);
        _corruption = ToThreshold(corruption);
        // A xorshift generator must not start at zero.
        _state = seed ^ 0x9E37_79B9_7F4A_7C15;
        _state = _state == 0 ? 1 : _state;
    }

    /// <summary>Packets lost so far.</summary>
    public long Lost { get; private set; }

    /// <summary>Packets corrupted so far.</summary>
    public long Corrupted { get; private set; }

    /// <inheritdoc/>
    public string Name => _port.Name;

    /// <inheritdoc/>
    public int BatchSize => _port.BatchSize;

    /// <inheritdoc/>
    public PortCapabilities Capabilities => _port.Capabilities;

    /// <inheritdoc/>
    public int Mtu => _port.Mtu;

    /// <inheritdoc/>
    public int PollHandle => _port.PollHandle;

    /// <inheritdoc/>
    public PortResult Receive(PacketBatch batch) => _port.Receive(batch);

    /// <inheritdoc/>
    public PortResult Send(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int output = -1;
        foreach (int index in batch.Selection)
        {
            ref PacketMeta meta = ref batch.Meta(index);
            output = meta.Output;
            if (Hits(_loss))
            {
                meta.State = PacketState.Sent;
                Lost++;
            }
            else if (Hits(_corruption) && batch.Length(index) > 0)
            {
                uint bit = Next() % (uint)(batch.Length(index) * 8);
                batch.Data(index)[(int)(bit >> 3)] ^= (byte)(1 << (int)(bit & 7));
                Corrupted++;
            }
        }

        return batch.Select(output) > 0 ? _port.Send(batch) : PortResult.Ok;
    }

    /// <inheritdoc/>
    public void Dispose() => _port.Dispose();

    private static uint ToThreshold(double share)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(share);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(share, 1);
        return (uint)(share * uint.MaxValue);
    }

    private bool Hits(uint threshold) => threshold != 0 && Next() <= threshold;

    private uint Next()
    {
        _state ^= _state << 13;
        _state ^= _state >> 7;
        _state ^= _state << 17;
        return (uint)(_state >> 32);
    }
}
