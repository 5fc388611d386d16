using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <content>Probes of the path MTU, and their answers.</content>
public sealed partial class TunnelIngress
{
    private const long ProbeWindow = 100;
    private const int AnswersInWindow = 100;

    private int _probeEndpoint = -1;
    private int _probeHeader;
    private long _probeWindow;
    private int _answers;

    /// <summary>
    /// From now on probes of the path MTU (RFC 8899) are answered, and answers taken. Only remotes of the tunnel are answered, with a packet that is shorter than
    /// theirs, a thousand times a second at most. Before the worker runs.
    /// </summary>
    /// <param name="endpoint">The worker's number of the endpoint's port.</param>
    /// <param name="header">The number of <see cref="TunnelHeader.Bare"/> among the headers that the endpoint's port was given; of no meaning without UDP.</param>
    public void AnswerProbes(int endpoint, int header = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(endpoint);
        ArgumentOutOfRangeException.ThrowIfNegative(header);
        _probeEndpoint = endpoint;
        _probeHeader = header;
    }

    /// <summary>Takes what is a probe or an answer.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">The packet, as it came.</param>
    /// <param name="now">The time.</param>
    /// <param name="reason">Why it is dropped; <see cref="DropReason.None"/> if it was used up.</param>
    /// <returns>false if it is neither, and nothing was done.</returns>
    private bool TryTakeProbe(PacketBatch batch, int index, long now, out DropReason reason)
    {
        reason = DropReason.None;
        if (_probeEndpoint < 0 || !PathProbeEnvelope.TryRead(_facts.Kind, batch.Data(index), out Vni vni, out uint? greKey, out PathProbePacket packet))
        {
            return false;
        }

        // What is read of the packet is read once: the bytes may change while it is judged.
        PathProbeHeader header = packet.ToHeader();
        ref PacketMeta meta = ref batch.Meta(index);
        meta.Tunnel = FindOwner(vni, greKey, meta.Remote);
        CountersOf(meta.Tunnel).Enter(batch, index);
        reason = meta.Tunnel < 0 ? _facts.IsGre ? DropReason.UnknownKey : DropReason.UnknownVni : TakeProbe(batch, index, header, now);
        if (reason == DropReason.None)
        {
            batch.Meta(index).State = PacketState.Consumed;
        }

        return true;
    }

    private int FindOwner(Vni vni, uint? greKey, ValueIPAddress remote)
    {
        if (_facts.HasVni)
        {
            return _vnis.TryLookup(vni, out int owner) ? owner : -1;
        }

        return !_facts.IsGre ? _attachments.Count - 1
            : !_keys.TryGet(NetworkOf(greKey), out int first) ? -1
            : _attachments[first].Next >= 0 ? OwnerOf(first, remote)
            : first;
    }

    private DropReason TakeProbe(PacketBatch batch, int index, in PathProbeHeader header, long now)
    {
        ref PacketMeta meta = ref batch.Meta(index);
        int number = meta.Tunnel;
        Tunnel tunnel = _attachments[number].Tunnel;
        ValueIPAddress remote = meta.Remote;
        DropReason reason = tunnel.JudgeRemote(remote, batch, index);
        if (reason != DropReason.None)
        {
            return reason;
        }

        if (!tunnel.Tables.IsKnownRemote(remote) && tunnel.Options.Policy.Remotes == RemotePolicy.Any)
        {
            // Where anybody is let in, only those are answered whom packets are sent to.
            return DropReason.UnknownRemote;
        }

        if (header.Type == PathProbeType.Answer)
        {
            // A full queue counts the loss itself; the answer is as if lost on the way.
            _ = tunnel.ProbeNews.TryEnqueue(new PathProbeNews(PathProbeNewsKind.Answered, remote, header.Size, header.Nonce));
            return DropReason.None;
        }

        if (header.Size != batch.Length(index) + PathProbeEnvelope.OuterLength(_facts.Kind, tunnel.Options.Local.IsIPv4))
        {
            return DropReason.BadLength;
        }

        return Answer(batch, index, tunnel, header, now);
    }

    private DropReason Answer(PacketBatch batch, int index, Tunnel tunnel, in PathProbeHeader header, long now)
    {
        if (now - _probeWindow >= ProbeWindow)
        {
            _probeWindow = now;
            _answers = 0;
        }

        if (_answers >= AnswersInWindow)
        {
            return DropReason.ProbeLimit;
        }

        int envelope = PathProbeEnvelope.Length(_facts.Kind);
        if (!batch.TryReserve(envelope + PathProbePacket.HeaderLength, out Span<byte> bytes))
        {
            return DropReason.QueueFull;
        }

        _answers++;
        PathProbeEnvelope.Write(bytes, _facts.Kind, tunnel.Options.Vni, tunnel.Options.Gre.Key);
        _ = new PathProbeHeader(PathProbeType.Answer, header.Size, header.Nonce).TryWrite(bytes[envelope..], out int written);
        int answer = batch.Commit(envelope + written);
        ref readonly PacketMeta asked = ref batch.Meta(index);
        ref PacketMeta meta = ref batch.Meta(answer);
        meta.Remote = asked.Remote;
        tunnel.ProbeOutputFor(_probeHeader, asked.Protocol).Apply(ref meta, dontFragment: false);
        meta.Output = _probeEndpoint;
        meta.Tunnel = asked.Tunnel;
        meta.Origin = PacketOrigin.Originated;
        tunnel.Ingress.Enter(batch, answer);
        _ = tunnel.ProbeNews.TryEnqueue(new PathProbeNews(PathProbeNewsKind.Heard, asked.Remote, header.Size, header.Nonce));
        return DropReason.None;
    }
}
