using System.Buffers.Binary;
using Overlay.Encapsulation;
using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// The way from a tunnel's device to the underlay: which remote, and what the outer headers say. The endpoint's port writes them.
/// </summary>
public sealed partial class TunnelEgress : IPacketPath
{
    private readonly Tunnel _tunnel;
    private readonly TunnelOptions _options;
    private readonly OverlayTables _tables;
    private readonly int _device;
    private readonly int _endpoint;
    private readonly OuterHeaderPolicy _outer;
    private readonly ForwardingTable _forwarding;
    private readonly Vni _vni;
    private readonly uint _flowHashSeed;
    private readonly ValueIPAddress _local;

    // As it lies in a header; 0 for an IPv6 address, which is nobody's source.
    private readonly uint _localIPv4;
    private readonly bool _wrapsInEthernet;
    private readonly EncapsulationLimit? _limit;
    private readonly NeighborResponder? _neighbors;
    private readonly ushort _header;
    private readonly PathMtus _paths;
    private readonly int _headers;
    private readonly int _outerLength;
    private readonly FragmentPolicy _fragment;
    private readonly PacketTooBig _tooBig;
    private readonly MssClamper? _clamper;

    /// <summary>Makes the path.</summary>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="device">The worker's number of the device's port: answers made here go back there.</param>
    /// <param name="endpoint">The worker's number of the endpoint's port.</param>
    /// <param name="header">The number of the tunnel's header among those that the endpoint's port was given.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="header"/> is no number that a port has.</exception>
    public TunnelEgress(Tunnel tunnel, int device, int endpoint, int header = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(header);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(header, ushort.MaxValue);
        ArgumentNullException.ThrowIfNull(tunnel);
        _tunnel = tunnel;
        _options = tunnel.Options;
        _tables = tunnel.Tables;
        _device = device;
        _endpoint = endpoint;
        _header = (ushort)header;
        _outer = new OuterHeaderPolicy(_options);
        _forwarding = _tables.Forwarding;
        _vni = _options.Vni;
        _flowHashSeed = _options.FlowHashSeed;
        _local = _options.Local;
        _localIPv4 = _local.IsIPv4 ? BinaryPrimitives.ReverseEndianness(_local.ToIPv4()) : 0;
        _wrapsInEthernet = _options.HasInnerEthernet;
        _neighbors = _options is { Layer: DeviceLayer.Ethernet, NeighborSuppression: true } ? new NeighborResponder(tunnel, device) : null;
        _paths = tunnel.PathMtus;
        _headers = _options.OuterLength;
        _outerLength = _headers + (_wrapsInEthernet && _options.Layer == DeviceLayer.IP ? EthernetFrame.MinimumHeaderLength : 0) +
            (_options.Kind == TunnelKind.IPInIP && !_options.Local.IsIPv4 ? IPInIPEncapsulator.EncapsulationLimitLength : 0);
        _fragment = _options.Fragment;
        _tooBig = new PacketTooBig(_options, device);
        _clamper = MssClamper.Create(tunnel);
        _limit = _options.Kind == TunnelKind.IPInIP && !_options.Local.IsIPv4 ? new EncapsulationLimit(_options, device) : null;
    }

    /// <inheritdoc/>
    public void Process(PacketBatch batch, long now)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int received = batch.Count;
        int longest = _tunnel.Egress.EnterFrom(batch, 0);
        if (_options.Layer == DeviceLayer.Ethernet)
        {
            DecideFrames(batch, received, now);
        }
        else
        {
            DecidePackets(batch, received, now);
        }

        if (longest > _paths.Smallest - _outerLength)
        {
            HoldToPaths(batch, now);
        }

        if (_clamper is not null)
        {
            ClampSegmentSizes(batch);
        }

        _tunnel.Egress.EnterFrom(batch, received);
    }

    /// <inheritdoc/>
    public void Complete(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        for (int i = 0; i < batch.Count; i++)
        {
            _tunnel.Egress.Leave(batch, i);
        }
    }

    private void DecidePackets(PacketBatch batch, int received, long now)
    {
        for (int i = 0; i < received; i++)
        {
            // What is not pending the port has dropped already: it belongs in the books, nowhere else.
            if (batch.Meta(i).State == PacketState.Pending)
            {
                Settle(batch, i, DecidePacket(batch, i, now));
            }
        }
    }

    private static void Settle(PacketBatch batch, int index, DropReason reason)
    {
        if (reason != DropReason.None)
        {
            batch.Drop(index, reason);
        }
    }

    /// <summary>Every frame, step by step.</summary>
    internal DropReason DecideFrame(PacketBatch batch, int index, long now)
    {
        if (!EthernetFrame.TryParse(batch.Data(index), out EthernetFrame frame))
        {
            return DropReason.Truncated;
        }

        if (frame.VlanCount > 0 && _options.Policy.InnerVlan != InnerVlanPolicy.Keep)
        {
            if (_options.Policy.InnerVlan == InnerVlanPolicy.Refuse)
            {
                return DropReason.InnerVlan;
            }

            VlanTags.Strip(batch, index, frame.HeaderLength);
            _ = EthernetFrame.TryParse(batch.Data(index), out frame);
        }

        if (frame.Destination.IsMulticast && _neighbors is not null)
        {
            switch (_neighbors.Take(batch, frame, batch.Meta(index).Checksum, now))
            {
                case NeighborVerdict.Answered:
                    batch.Meta(index).State = PacketState.Consumed;
                    return DropReason.None;
                case NeighborVerdict.Repeated:
                    return DropReason.RepeatedAnnouncement;
            }
        }

        InnerIP inner = default;
        if (frame.EtherType is EtherType.IPv4 or EtherType.IPv6)
        {
            // What is announced as IP and is none goes on as any other frame does.
            _ = InnerIP.TryRead(frame.Payload, out inner, out _);
        }

        ref PacketMeta meta = ref batch.Meta(index);
        meta.FlowHash = FlowHash.Compute(frame, _flowHashSeed);
        if (!frame.Destination.IsMulticast && _forwarding.TryLookup(_vni, frame.Destination, out FdbEntry entry))
        {
            meta.DestinationPort = entry.Port;
            return Send(ref meta, entry.Remote, entry.Vni ?? _vni, inner);
        }

        return Flood(batch, index, inner, now);
    }

    private DropReason DecidePacket(PacketBatch batch, int index, long now)
    {
        Span<byte> packet = batch.Data(index);
        if (!InnerIP.TryRead(packet, out InnerIP inner, out WireError error))
        {
            return error == WireError.Version ? DropReason.NotIP : InnerIP.ToDropReason(error);
        }

        if (inner.HasMappedAddress)
        {
            return DropReason.MappedAddress;
        }

        if (inner.Ttl == 0)
        {
            return DropReason.TtlExpired;
        }

        // Before the look-up: where there are several remotes, it decides which.
        uint hash = FlowHash.ComputeIP(packet, _flowHashSeed);
        if (!_tables.Routes.TryLookup(inner.Destination, hash, out RouteEntry route))
        {
            // The way into the tunnel may be a route of the kernel's that this table does not know: then no route means our own outer packet, too.
            return inner.Source == _options.Local && _tables.IsKnownRemote(inner.Destination) ? DropReason.Loop : DropReason.NoRoute;
        }

        if (_options.Kind == TunnelKind.IPInIP && inner.Source == route.Remote)
        {
            // RFC 2003 §3.2: what comes from the tunnel's other end "MUST NOT" be sent back to it through the tunnel.
            return DropReason.Loop;
        }

        if (_limit is not null && !_limit.TryPass(batch, index, now))
        {
            return DropReason.EncapsulationLimit;
        }

        ref PacketMeta meta = ref batch.Meta(index);
        meta.FlowHash = hash;
        if (_wrapsInEthernet)
        {
            // The remote's VTEP routes on; its MAC is the inner next hop's (layer-3 VXLAN as flannel and Calico run it).
            EthernetHeader header = new(route.Mac, _options.DeviceMac, inner.Destination.IsIPv4 ? EtherType.IPv4 : EtherType.IPv6);
            _ = header.TryWrite(batch.Prepend(index, EthernetFrame.MinimumHeaderLength), out _);
        }

        return Send(ref meta, route.Remote, _vni, inner);
    }

    private DropReason Flood(PacketBatch batch, int index, in InnerIP inner, long now)
    {
        ReadOnlySpan<ValueIPAddress> remotes = _tables.Flood[_vni];
        if (remotes.IsEmpty)
        {
            return DropReason.NoRemote;
        }

        if (_tunnel.FloodGate?.Judge(batch, index, now) is DropReason limit and not DropReason.None)
        {
            return limit;
        }

        ref PacketMeta meta = ref batch.Meta(index);
        if (remotes.Length > 1 && meta.Checksum == ChecksumState.Partial && meta.Segmentation == SegmentationKind.None)
        {
            // Copies share their bytes: the checksum must be written once, before there are several.
            if (!Segmentation.CompleteChecksum(batch.Data(index), meta))
            {
                return DropReason.BadLength;
            }

            meta.Checksum = ChecksumState.Verified;
        }

        for (int i = 1; i < remotes.Length; i++)
        {
            int copy = batch.Share(index);
            if (copy < 0)
            {
                _tunnel.Egress.RefuseReplicas((remotes.Length - i) * batch.SegmentCount(index), DropReason.QueueFull);
                break;
            }

            ref PacketMeta copied = ref batch.Meta(copy);
            copied.Origin = PacketOrigin.Replicated;
            DropReason reason = Send(ref copied, remotes[i], _vni, inner);
            if (reason != DropReason.None)
            {
                batch.Drop(copy, reason);
            }
        }

        return Send(ref meta, remotes[0], _vni, inner);
    }

    private DropReason Send(ref PacketMeta meta, ValueIPAddress remote, Vni vni, in InnerIP inner)
    {
        if (inner.IsPresent && inner.Source == _local && inner.Destination == remote)
        {
            // Our own outer packet has come back: a route leads the endpoint into its tunnel.
            return DropReason.Loop;
        }

        _outer.Apply(ref meta, inner);
        Address(ref meta, remote, vni);
        return DropReason.None;
    }

    private void Address(ref PacketMeta meta, ValueIPAddress remote, Vni vni)
    {
        meta.Vni = vni;
        meta.Header = _header;
        meta.Remote = remote;
        meta.Output = _endpoint;
    }
}
