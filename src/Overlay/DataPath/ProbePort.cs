using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// Where the probes of a tunnel come from: to the worker they are packets that a port has received. The thread that probes puts them in and wakes the worker.
/// </summary>
public sealed class ProbePort : IPacketPort
{
    private const int Capacity = 256;

    // What is sent at once is not much: probes are a round trip apart, and many remotes are not asked at the same time.
    private const int Burst = 32;

    private readonly TunnelOptions _options;
    private readonly WorkerRing<Request> _requests = new(Capacity);
    private readonly int _envelope;

    /// <summary>Makes the port of a tunnel.</summary>
    /// <param name="tunnel">The tunnel.</param>
    public ProbePort(Tunnel tunnel)
    {
        ArgumentNullException.ThrowIfNull(tunnel);
        _options = tunnel.Options;
        Outer = PathProbeEnvelope.OuterLength(_options.Kind, _options.Local.IsIPv4);
        _envelope = PathProbeEnvelope.Length(_options.Kind);
        Name = $"probes of {_options.Name}";
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int BatchSize => 1;

    /// <inheritdoc/>
    public PortCapabilities Capabilities => PortCapabilities.None;

    /// <inheritdoc/>
    public int Mtu => ushort.MaxValue;

    /// <summary>−1: whoever puts a probe in wakes the worker.</summary>
    public int PollHandle => -1;

    /// <summary>Probes that were not sent because the worker does not keep up. Any thread.</summary>
    public long Overflows => _requests.Overflows;

    /// <summary>The bytes in front of the envelope on the wire.</summary>
    internal int Outer { get; }

    /// <summary>Puts a probe in. The thread that probes only; the worker must be woken then.</summary>
    /// <returns>false, and counted, if there is no room: the probe is as if lost on the way.</returns>
    public bool TryEnqueue(ValueIPAddress remote, in PathProbe probe) => _requests.TryEnqueue(new Request(remote, probe.Size, probe.Nonce));

    /// <inheritdoc/>
    public PortResult Receive(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int before = batch.Count;
        while (batch.Count - before < Burst && batch.HasRoom(ushort.MaxValue) && _requests.TryDequeue(out Request request))
        {
            int length = request.Size - Outer;
            _ = batch.TryReserve(length, out Span<byte> bytes);
            PathProbeEnvelope.Write(bytes, _options.Kind, _options.Vni, _options.Gre.Key);
            _ = new PathProbeHeader(PathProbeType.Probe, (ushort)request.Size, request.Nonce).TryWrite(bytes[_envelope..], out int written);
            bytes[(_envelope + written)..].Clear();
            ref PacketMeta meta = ref batch.Meta(batch.Commit(length));
            meta.Remote = request.Remote;
            meta.Origin = PacketOrigin.Originated;
        }

        return batch.Count > before ? PortResult.Ok : PortResult.Empty;
    }

    /// <summary>Nothing can be sent to it.</summary>
    public PortResult Send(PacketBatch batch) => PortResult.Gone;

    /// <inheritdoc/>
    public void Dispose()
    {
        // It holds nothing.
    }

    private readonly record struct Request(ValueIPAddress Remote, int Size, ulong Nonce);
}
