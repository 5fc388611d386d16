using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <content>Explanations, beside the path.</content>
public sealed partial class TunnelIngress
{
    // While a control plane fills the tables, each look may find them changed.
    private const int MaxExplanations = 32;

    private readonly Lock _explaining = new();
    private PacketBatch? _explained;

    /// <summary>
    /// Says what this path does with what an endpoint received, and why. It changes nothing: no counter, table, queue or sequence number, and nothing is
    /// learned. Any thread, while packets flow.
    /// </summary>
    /// <param name="datagram">
    /// What the endpoint's port leaves of a packet: of a kind that UDP carries from the tunnel header on, else from behind the outer IP header on; up to
    /// <see cref="PacketBatch.MaxPacketLength"/> bytes.
    /// </param>
    /// <param name="meta">
    /// What its outer headers said: <see cref="PacketMeta.Remote"/> and <see cref="PacketMeta.TrafficClass"/> count, and <see cref="PacketMeta.Protocol"/> for IP in IP.
    /// </param>
    /// <param name="now">Monotonic milliseconds, as for <see cref="Process"/>.</param>
    /// <exception cref="ArgumentException">The datagram is longer.</exception>
    public Explanation Explain(ReadOnlySpan<byte> datagram, in PacketMeta meta, long now = 0)
    {
        if (datagram.Length > PacketBatch.MaxPacketLength)
        {
            throw new ArgumentException($"A datagram has at most {PacketBatch.MaxPacketLength} bytes, not {datagram.Length}.", nameof(datagram));
        }

        lock (_explaining)
        {
            // Room for an answer, too.
            _explained ??= new PacketBatch(
                capacity: 2,
                slabLength: PacketBatch.MaxPacketLength + (2 * PacketBatch.DefaultHeadroom) + PathProbeEnvelope.MaximumLength + PathProbePacket.HeaderLength);
            for (int left = MaxExplanations; ; left--)
            {
                TunnelIngress twin = CreateTwin();
                _explained.Clear();
                _ = _explained.TryAppend(datagram, out int index);
                ref PacketMeta received = ref _explained.Meta(index);
                received = meta;
                (received.Output, received.Tunnel) = (-1, -1);
                (received.State, received.Drop, received.Origin) = (PacketState.Pending, DropReason.None, PacketOrigin.Received);
                twin.Process(_explained, now);
                IngressOwner owner = new(_facts, OwnerOf(received.Tunnel), twin.OwnerOf(received.Tunnel), Networks());
                Explanation explanation =
                    _probeEndpoint >= 0 && PathProbeEnvelope.TryRead(_facts.Kind, datagram, out Vni vni, out uint? greKey, out PathProbePacket probe)
                        ? ProbeExplanation.Of(owner, _facts.HasVni ? $"VNI {vni}" : greKey is uint key ? $"key {key}" : _facts.IsGre ? "no key" : "it", probe.ToHeader(), datagram.Length, meta, _explained)
                        : IngressExplanation.Of(owner, datagram, meta, _explained);
                if (explanation.IsSettled || left == 1)
                {
                    return explanation;
                }
            }
        }
    }

    private Tunnel? OwnerOf(int number) => number < 0 ? null : _attachments[number].Tunnel;

    private string[] Networks() => [.. _attachments.Select(attachment => NetworkText(attachment.Tunnel.Options))];

    private string NetworkText(TunnelOptions options) =>
        _facts.HasVni ? $"{options.Vni}" : options.Gre.Key is uint key ? $"{key}" : "none";

    // Tunnels over the same tables, with books that nobody reads.
    private TunnelIngress CreateTwin()
    {
        TunnelIngress twin = new(_facts.Kind)
        {
            _probeEndpoint = _probeEndpoint,
            _probeHeader = _probeHeader,
            _probeWindow = Volatile.Read(ref _probeWindow),
            _answers = Volatile.Read(ref _answers),
        };
        foreach ((Tunnel tunnel, int device) in _attachments)
        {
            twin.Attach(tunnel.CreateTwin(), device);
        }

        return twin;
    }
}
