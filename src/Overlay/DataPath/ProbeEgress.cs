using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>The way of probes from a <see cref="ProbePort"/> to the underlay: the outer headers of the tunnel's packets, but with DF (RFC 8899 §3 item 2).</summary>
public sealed class ProbeEgress : IPacketPath
{
    private readonly Tunnel _tunnel;
    private readonly int _endpoint;
    private readonly ProbeOutput _output;
    private readonly int _outer;
    private readonly int _nonceOffset;

    /// <summary>Makes the path.</summary>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="endpoint">The worker's number of the endpoint's port.</param>
    /// <param name="header">The number of <see cref="TunnelHeader.Bare"/> among the headers that the endpoint's port was given; of no meaning without UDP.</param>
    /// <param name="carriesIPv6">Whether the tunnel carries IPv6 only: over IP in IP its packets, and so the probes, have another protocol number then.</param>
    public ProbeEgress(Tunnel tunnel, int endpoint, int header, bool carriesIPv6 = false)
    {
        ArgumentNullException.ThrowIfNull(tunnel);
        _tunnel = tunnel;
        _endpoint = endpoint;
        _output = new ProbeOutput(tunnel.Options, header, carriesIPv6 ? IPProtocol.IPv6 : IPProtocol.IPv4);
        _outer = PathProbeEnvelope.OuterLength(tunnel.Options.Kind, tunnel.Options.Local.IsIPv4);
        _nonceOffset = PathProbeEnvelope.Length(tunnel.Options.Kind);
    }

    /// <inheritdoc/>
    public void Process(PacketBatch batch, long now)
    {
        ArgumentNullException.ThrowIfNull(batch);
        for (int i = 0; i < batch.Count; i++)
        {
            ref PacketMeta meta = ref batch.Meta(i);
            _output.Apply(ref meta, dontFragment: true);
            meta.Output = _endpoint;
            _tunnel.Egress.Enter(batch, i);
        }
    }

    /// <inheritdoc/>
    public void Complete(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        for (int i = 0; i < batch.Count; i++)
        {
            ref readonly PacketMeta meta = ref batch.Meta(i);
            if (meta.Drop == DropReason.TooBig && PathProbePacket.TryParse(batch.Data(i)[_nonceOffset..], out PathProbePacket probe))
            {
                // A full queue is as if the probe were lost on the way.
                _ = _tunnel.ProbeNews.TryEnqueue(new PathProbeNews(PathProbeNewsKind.Refused, meta.Remote, batch.Length(i) + _outer, probe.Nonce));
            }

            _tunnel.Egress.Leave(batch, i);
        }
    }
}
