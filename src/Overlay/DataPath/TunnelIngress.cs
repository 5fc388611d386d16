using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// The way from an endpoint to the devices of its tunnels: whose packet it is, whether it may pass, what is learned from it. The inner packet
/// stays where it lies.
/// </summary>
public sealed partial class TunnelIngress : IPacketPath
{
    private readonly TunnelFacts _facts;
    // Both lead to numbers of attachments.
    private readonly VniTable<int> _vnis = new();
    private readonly NetworkMap<int> _keys = new();
    private readonly List<Attachment> _attachments = [];
    private AlikeFrame _alike;
    private bool _clamps;

    // In the order of the attachments; null where the policy has none.
    private readonly List<MssClamper?> _clampers = [];

    /// <summary>Makes the path of an endpoint.</summary>
    /// <param name="kind">The encapsulation it speaks.</param>
    public TunnelIngress(TunnelKind kind) => _facts = TunnelFacts.Of(kind);

    /// <summary>Packets that no tunnel owns: malformed, or with a VNI or key nobody has.</summary>
    public DirectionCounters Unowned { get; } = new();

    /// <summary>The VNIs that exist here, lowest first, and the tunnel of each, whose books are those of the VNI; none for kinds that have no VNI.</summary>
    public IReadOnlyList<VniRow<Tunnel>> Vnis => [.. _vnis.Snapshot().Select(row => new VniRow<Tunnel>(row.Vni, row.Owner, _attachments[row.Value].Tunnel))];

    /// <summary>Adds a tunnel. Tunnels of one endpoint are told apart by VNI or GRE key; of a kind that has neither there is exactly one. GRE tunnels with the
    /// same key are told apart by remote, as in Linux: all of them must take packets of known remotes only, and a remote that two of them know belongs to the
    /// first.</summary>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="device">The worker's number of its device's port.</param>
    /// <exception cref="ArgumentException">Another kind, or the place is taken.</exception>
    public void Attach(Tunnel tunnel, int device)
    {
        ArgumentNullException.ThrowIfNull(tunnel);
        if (tunnel.Options.Kind != _facts.Kind)
        {
            throw new ArgumentException($"Tunnel '{tunnel.Options.Name}' is {tunnel.Options.Facts}, the endpoint speaks {_facts}.", nameof(tunnel));
        }

        string name = tunnel.Options.Name;
        if (_facts.HasVni)
        {
            _vnis.Add(tunnel.Options.Vni, name, _attachments.Count);
        }
        else if (!_facts.IsGre)
        {
            if (_attachments.Count > 0)
            {
                throw new ArgumentException(
                    $"Tunnel '{name}' would receive the packets of tunnel '{_attachments[0].Tunnel.Options.Name}': same endpoint.", nameof(tunnel));
            }
        }
        else if (_keys.Add(NetworkOf(tunnel.Options.Gre.Key), name, _attachments.Count) is { } other && !TryChain(tunnel))
        {
            string shared = tunnel.Options.Gre.Key is uint key ? $"same key {key}" : "both without a key";
            throw new ArgumentException($"Tunnel '{name}' would receive the packets of tunnel '{other}': same endpoint, {shared}.", nameof(tunnel));
        }

        _attachments.Add(new Attachment(tunnel, device));
        _clampers.Add(MssClamper.Create(tunnel));
        _clamps |= _clampers[^1] is not null;
    }

    /// <inheritdoc/>
    public void Process(PacketBatch batch, long now)
    {
        ArgumentNullException.ThrowIfNull(batch);
        _alike.Clear();

        // Answers to probes come behind.
        int received = batch.Count;
        for (int i = 0; i < received; i++)
        {
            if (batch.Meta(i).State != PacketState.Pending)
            {
                // The port has dropped it already: it belongs in the books, nowhere else.
                Unowned.Enter(batch, i);
                continue;
            }

            DropReason reason = _facts.IsOverUdp ? TakeUdp(batch, i, now) : _facts.IsGre ? TakeGre(batch, i, now) : TakeIPInIP(batch, i, now);
            if (reason != DropReason.None)
            {
                batch.Drop(i, reason);
            }
        }

        if (_clamps)
        {
            ClampSegmentSizes(batch);
        }
    }

    /// <inheritdoc/>
    public void Complete(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        for (int i = 0; i < batch.Count; i++)
        {
            CountersOf(batch.Meta(i).Tunnel).Leave(batch, i);
        }
    }

    private void ClampSegmentSizes(PacketBatch batch)
    {
        for (int i = 0; i < batch.Count; i++)
        {
            ref readonly PacketMeta meta = ref batch.Meta(i);
            if (meta.State == PacketState.Pending && meta.Tunnel >= 0 && _clampers[meta.Tunnel] is { } clamper)
            {
                clamper.Take(batch, i, _attachments[meta.Tunnel].Tunnel.Options.Layer == DeviceLayer.Ethernet);
            }
        }
    }

    private DirectionCounters CountersOf(int tunnel) => tunnel < 0 ? Unowned : _attachments[tunnel].Tunnel.Ingress;

    private DropReason TakeUdp(PacketBatch batch, int index, long now)
    {
        ref PacketMeta meta = ref batch.Meta(index);
        if (_alike.Matches(batch.Data(index), meta))
        {
            TakeAlike(batch, index, ref meta);
            return DropReason.None;
        }

        DropReason reason = ReceivedHeader.Read(_facts.Kind, batch.Data(index), out ReceivedHeader header);
        if ((reason != DropReason.None || header.IsControl) && TryTakeProbe(batch, index, now, out DropReason fate))
        {
            return fate;
        }

        int number = -1;
        if (!_facts.HasVni)
        {
            // One tunnel at most: whatever came is its, and so is what is wrong with it.
            number = _attachments.Count - 1;
        }
        else if (reason == DropReason.None && _vnis.TryLookup(header.Vni, out number))
        {
            meta.Vni = header.Vni;
        }
        else
        {
            number = -1;
        }

        if (reason == DropReason.None && number < 0)
        {
            reason = DropReason.UnknownVni;
        }

        meta.Tunnel = number;
        CountersOf(number).Enter(batch, index);
        if (reason != DropReason.None)
        {
            return reason;
        }

        (Tunnel tunnel, int device) = _attachments[number];
        reason = tunnel.Judge(header, batch.SegmentCount(index));
        if (reason != DropReason.None)
        {
            return reason;
        }

        reason = tunnel.JudgeRemote(meta.Remote, batch, index);
        if (reason != DropReason.None)
        {
            return reason;
        }

        // What is read of the header is read now: it lies in what is cut off.
        ulong word = header.Word;
        int length = header.Length;
        EtherType inner = header.Inner;
        batch.TrimStart(index, length);
        meta.Output = device;
        if (tunnel.Options.Layer != DeviceLayer.Ethernet)
        {
            return inner switch
            {
                EtherType.IPv4 => TakePacket(batch, index, tunnel, version: 4),
                EtherType.IPv6 => TakePacket(batch, index, tunnel, version: 6),
                _ => _facts.WrapsIPInEthernet ? TakeRoutedFrame(batch, index, tunnel) : DropReason.NotIP,
            };
        }

        if (inner != EtherType.TransparentEthernetBridging)
        {
            return DropReason.NotEthernet;
        }

        reason = TakeFrame(batch, index, tunnel, tunnel.MayLearn(word), now);
        // Reserved bits are counted packet by packet, and so are sources where a policy says so; neighbours may be heard of in each.
        bool isCounted = (_facts.JudgesReservedBits && (word & ReservedBitsPolicy.ReservedMask) != 0) || tunnel.CountsEachSource ||
            tunnel.Options.NeighborLearning;
        if (reason == DropReason.None && length == AlikeFrame.TunnelHeaderLength && !isCounted)
        {
            _alike.Set(word, batch.Data(index), meta);
        }

        return reason;
    }

    private void TakeAlike(PacketBatch batch, int index, ref PacketMeta meta)
    {
        (Tunnel tunnel, int device) = _attachments[_alike.Tunnel];
        meta.Vni = tunnel.Options.Vni;
        meta.Tunnel = _alike.Tunnel;
        tunnel.Ingress.Enter(batch, index);
        batch.TrimStart(index, AlikeFrame.TunnelHeaderLength);
        meta.Output = device;
    }

    private static DropReason TakeFrame(PacketBatch batch, int index, Tunnel tunnel, bool learn, long now)
    {
        if (!EthernetFrame.TryParse(batch.Data(index), out EthernetFrame frame))
        {
            return DropReason.InnerTruncated;
        }

        MacAddress source = frame.Source;
        if (source.IsMulticast || source.IsZero)
        {
            return DropReason.InvalidSourceMac;
        }

        if (source == tunnel.Options.DeviceMac)
        {
            return DropReason.LocalMac;
        }

        InnerIP inner = default;
        if (frame.EtherType is EtherType.IPv4 or EtherType.IPv6)
        {
            Span<byte> packet = batch.Data(index)[frame.HeaderLength..];
            if (InnerIP.TryRead(packet, out inner, out WireError error))
            {
                DropReason reason = CombineTrafficClass(batch, index, packet, inner, tunnel);
                if (reason != DropReason.None)
                {
                    return reason;
                }
            }
            else if (error == WireError.Truncated)
            {
                // Where the header is there but odd, a bridge passes the frame as it is; where it is cut, nobody could use it.
                return DropReason.InnerTruncated;
            }
        }

        if (tunnel.LooksInside)
        {
            // Before tags are taken off, which moves the frame.
            DropReason reason = tunnel.Sources.JudgeFrame(frame, inner, batch, index);
            if (reason != DropReason.None)
            {
                return reason;
            }
        }

        if (frame.VlanCount > 0 && tunnel.Options.Policy.InnerVlan != InnerVlanPolicy.Keep)
        {
            if (tunnel.Options.Policy.InnerVlan == InnerVlanPolicy.Refuse)
            {
                return DropReason.InnerVlan;
            }

            VlanTags.Strip(batch, index, frame.HeaderLength);
        }

        ValueIPAddress remote = batch.Meta(index).Remote;
        if (learn && tunnel.Tables.Forwarding.NeedsLearning(tunnel.Options.Vni, source, remote, now))
        {
            // A full queue counts the loss itself; the next frame of this source tries again.
            _ = tunnel.Learned.TryEnqueue(new LearnedAddress(tunnel.Options.Vni, source, remote));
        }

        if (tunnel.Options.NeighborLearning)
        {
            NeighborSnooper.Take(tunnel, frame, batch.Meta(index), now);
        }

        return DropReason.None;
    }

    private static DropReason TakeRoutedFrame(PacketBatch batch, int index, Tunnel tunnel)
    {
        if (!EthernetFrame.TryParse(batch.Data(index), out EthernetFrame frame))
        {
            return DropReason.InnerTruncated;
        }

        if (frame.Destination != tunnel.Options.DeviceMac)
        {
            return DropReason.ForeignMac;
        }

        if (frame.VlanCount > 0 && tunnel.Options.Policy.InnerVlan == InnerVlanPolicy.Refuse)
        {
            return DropReason.InnerVlan;
        }

        EtherType type = frame.EtherType;
        batch.TrimStart(index, frame.HeaderLength);
        return type switch
        {
            EtherType.IPv4 => TakePacket(batch, index, tunnel, version: 4),
            EtherType.IPv6 => TakePacket(batch, index, tunnel, version: 6),
            _ => DropReason.NotIP,
        };
    }

    // Puts the next attachment behind those with the same key.
    private bool TryChain(Tunnel tunnel)
    {
        _ = _keys.TryGet(NetworkOf(tunnel.Options.Gre.Key), out int last);
        for (int i = last; i >= 0; i = _attachments[i].Next)
        {
            if (!_attachments[i].Tunnel.Options.Policy.AdmitsKnownOnly)
            {
                return false;
            }

            last = i;
        }

        if (!tunnel.Options.Policy.AdmitsKnownOnly)
        {
            return false;
        }

        _attachments[last] = _attachments[last] with { Next = _attachments.Count };
        return true;
    }

    // Of the tunnels with one key, that which knows the remote; the first if none does.
    private int OwnerOf(int first, ValueIPAddress remote)
    {
        for (int i = first; i >= 0; i = _attachments[i].Next)
        {
            if (_attachments[i].Tunnel.Sources.Permits(remote))
            {
                return i;
            }
        }

        return first;
    }

    private DropReason TakeGre(PacketBatch batch, int index, long now)
    {
        ref PacketMeta meta = ref batch.Meta(index);
        int number = -1;
        DropReason reason = ReadGre(batch.Data(index), meta, out GrePacket packet);
        if (reason == DropReason.HeaderVersion && TryTakeProbe(batch, index, now, out DropReason fate))
        {
            return fate;
        }

        if (reason == DropReason.None && !_keys.TryGet(NetworkOf(packet.HasKey ? packet.Key : null), out number))
        {
            number = -1;
            reason = DropReason.UnknownKey;
        }

        number = number >= 0 && _attachments[number].Next >= 0 ? OwnerOf(number, meta.Remote) : number;
        meta.Tunnel = number;
        CountersOf(number).Enter(batch, index);
        if (reason != DropReason.None)
        {
            return reason;
        }

        (Tunnel tunnel, int device) = _attachments[number];
        if (tunnel.Options.Gre.Checksum && !packet.HasChecksum)
        {
            return DropReason.BadChecksum;
        }

        reason = tunnel.JudgeRemote(meta.Remote, batch, index);
        if (reason != DropReason.None)
        {
            return reason;
        }

        if (tunnel.Options.Gre.SequenceNumbers && !(packet.HasSequenceNumber && tunnel.GreSequence.Accept(meta.Remote, packet.SequenceNumber)))
        {
            return DropReason.OutOfSequence;
        }

        int version = packet.ProtocolType == EtherType.IPv6 ? 6 : 4;
        batch.TrimStart(index, packet.HeaderLength);
        meta.Output = device;
        return _facts.CarriesEthernet ? TakeFrame(batch, index, tunnel, tunnel.Options.Learning, now) : TakePacket(batch, index, tunnel, version);
    }

    private DropReason ReadGre(ReadOnlySpan<byte> bytes, in PacketMeta meta, out GrePacket packet)
    {
        if (!GrePacket.TryParse(bytes, out packet, out WireError error))
        {
            return GreDecapsulation.ToDropReason(error);
        }

        // Where the inner checksum is unfinished, the packet has not been on a wire as it is: a kernel on this host has not written the outer checksum
        // either, or it has merged packets, each of whose it has verified (see ReceiveClassifier.ClassifyGre). And where the inner checksum is finished, a
        // kernel on this host leaves the outer one to the hardware as zero (gre_build_header, measured).
        if (packet.HasChecksum && packet.Checksum != 0 && meta.Checksum != ChecksumState.Partial && !packet.IsChecksumValid)
        {
            return DropReason.BadChecksum;
        }

        return GreDecapsulation.Judge(packet.ProtocolType, _facts.CarriesEthernet);
    }

    // A tunnel without a key is another one than that with the key 0.
    private static ulong NetworkOf(uint? greKey) => greKey is uint key ? key : NetworkMap<int>.MaxNumber;

    private DropReason TakeIPInIP(PacketBatch batch, int index, long now)
    {
        if (batch.Data(index) is [PathProbePacket.CurrentVersion, ..] && TryTakeProbe(batch, index, now, out DropReason fate))
        {
            return fate;
        }

        ref PacketMeta meta = ref batch.Meta(index);
        meta.Tunnel = _attachments.Count - 1;
        CountersOf(meta.Tunnel).Enter(batch, index);
        if (meta.Tunnel < 0)
        {
            return DropReason.UnknownVni;
        }

        (Tunnel tunnel, int device) = _attachments[meta.Tunnel];
        DropReason reason = tunnel.JudgeRemote(meta.Remote, batch, index);
        if (reason != DropReason.None)
        {
            return reason;
        }

        meta.Output = device;
        return TakePacket(batch, index, tunnel, version: meta.Protocol == IPProtocol.IPv6 ? 6 : 4);
    }

    private static DropReason TakePacket(PacketBatch batch, int index, Tunnel tunnel, int version)
    {
        Span<byte> packet = batch.Data(index);
        if (!InnerIP.TryRead(packet, out InnerIP inner, out WireError error))
        {
            return InnerIP.ToDropReason(error);
        }

        // The version must be the one that was announced: a parser behind us may trust the announcement.
        if (packet[0] >> 4 != version)
        {
            return DropReason.BadVersion;
        }

        if (inner.HasMappedAddress)
        {
            return DropReason.MappedAddress;
        }

        if (inner.HasInvalidSource)
        {
            return DropReason.InvalidSource;
        }

        DropReason reason = tunnel.LooksInside ? tunnel.Sources.JudgePacket(inner, batch, index) : DropReason.None;
        if (reason != DropReason.None)
        {
            return reason;
        }

        if (inner.Ttl == 0)
        {
            return DropReason.TtlExpired;
        }

        if (inner.Destination == batch.Meta(index).Remote && tunnel.Options.Facts.IsGre)
        {
            // It would go back into the tunnel that it came from (RFC 2784 §3.1).
            return DropReason.Loop;
        }

        reason = CombineTrafficClass(batch, index, packet, inner, tunnel);
        if (reason == DropReason.None && inner.Length < packet.Length)
        {
            // Ethernet padding, or whatever else lay behind the packet, is not part of it.
            batch.Truncate(index, inner.Length);
        }

        return reason;
    }

    private static DropReason CombineTrafficClass(PacketBatch batch, int index, Span<byte> packet, InnerIP inner, Tunnel tunnel)
    {
        TunnelPolicy policy = tunnel.Options.Policy;
        byte outerClass = batch.Meta(index).TrafficClass;
        Ecn outer = (Ecn)(outerClass & 3);
        Ecn before = (Ecn)(inner.TrafficClass & 3);
        if (outer != before && policy.Ecn != EcnProfile.Copy && EcnTunnel.IsDangerous(outer, before))
        {
            tunnel.AlarmEcn(batch.SegmentCount(index));
        }

        if (!EcnTunnel.TryInner(outer, before, policy.Ecn, out Ecn after))
        {
            return DropReason.EcnInvalid;
        }

        int dscp = policy.DscpModel == DscpModel.Uniform ? outerClass : inner.TrafficClass;
        byte trafficClass = (byte)((dscp & ~3) | (int)after);
        if (trafficClass != inner.TrafficClass)
        {
            if (inner.IsIPv4)
            {
                IPv4Editing.SetTrafficClass(packet, trafficClass);
            }
            else
            {
                IPv6Editing.SetTrafficClass(packet, trafficClass);
            }
        }

        return DropReason.None;
    }

    private readonly record struct Attachment(Tunnel Tunnel, int Device)
    {
        /// <summary>The next one with the same GRE key; −1 for none.</summary>
        public int Next { get; init; } = -1;
    }
}
