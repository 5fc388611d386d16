using Overlay.DataPath;
using Overlay.Encapsulation;

namespace Overlay.Linux;

/// <summary>
/// Turns the packets of a batch into datagrams of their tunnels and groups them into trains. A few groups are open at a time, so that interleaved flows
/// still give long trains; within a flow the order is kept.
/// </summary>
internal sealed class UdpTrainBuilder
{
    // As many as there are source ports by default: with fewer, flows that take turns cut each other's trains short.
    private const int MaxGroups = 16;

    private readonly UdpTrainOutput _output;
    private readonly ISuperpacketOutput? _superpackets;
    private readonly TunnelHeader[] _headers;
    private readonly ushort _port;
    private readonly bool _ipv4;
    private readonly UdpTrainGroup?[] _groups = new UdpTrainGroup?[MaxGroups];
    private int _open;

    /// <summary>Makes a builder.</summary>
    /// <param name="output">Takes the trains.</param>
    /// <param name="superpackets">Takes superpackets whole; null if they are to be cut.</param>
    /// <param name="headers">The tunnel headers among which <see cref="PacketMeta.Header"/> chooses.</param>
    /// <param name="port">The destination port of packets that name none.</param>
    /// <param name="ipv4">The family of the outer addresses.</param>
    public UdpTrainBuilder(UdpTrainOutput output, ISuperpacketOutput? superpackets, IReadOnlyList<TunnelHeader> headers, ushort port, bool ipv4)
    {
        _output = output;
        _superpackets = superpackets;
        _headers = [.. headers];
        _port = port;
        _ipv4 = ipv4;
    }

    private ReadOnlySpan<UdpTrainGroup> Open => _groups.AsSpan(0, _open)!;

    /// <summary>Sends the descriptors named.</summary>
    public PortResult Send(PacketBatch batch, ReadOnlySpan<int> descriptors)
    {
        _open = 0;
        foreach (int index in descriptors)
        {
            if (batch.Meta(index).State == PacketState.Pending && !Add(batch, index))
            {
                return Abandon(batch, descriptors);
            }
        }

        return _output.Send(batch, Open) ? Finish(batch, descriptors, PortResult.Ok) : Abandon(batch, descriptors);
    }

    private PortResult Abandon(PacketBatch batch, ReadOnlySpan<int> descriptors)
    {
        foreach (UdpTrainGroup group in Open)
        {
            UdpTrainOutput.Abandon(batch, group);
        }

        return Finish(batch, descriptors, PortResult.WouldBlock);
    }

    private static PortResult Finish(PacketBatch batch, ReadOnlySpan<int> descriptors, PortResult result)
    {
        Refusals.Close(batch, descriptors);

        return result;
    }

    // False if a socket takes no more now.
    private bool Add(PacketBatch batch, int index)
    {
        ref PacketMeta meta = ref batch.Meta(index);
        ReadOnlySpan<byte> frame = batch.Data(index);
        if (meta.Remote.IsIPv4 != _ipv4)
        {
            // A socket of one family cannot reach the other: as if there were no route.
            batch.Drop(index, DropReason.SendFailed);
            return true;
        }

        if (meta.Segmentation != SegmentationKind.None)
        {
            if (_superpackets is not null)
            {
                return SendWhole(batch, index, ref meta);
            }

            if (!Segmentation.TryPlan(frame, meta, out SegmentPlan plan))
            {
                batch.Drop(index, DropReason.BadLength);
                return true;
            }

            TunnelHeader common = _headers[meta.Header];
            return !Fits(batch, index, common.Length + plan.MaximumLength) || AddSegments(batch, index, ref meta, common, frame, plan);
        }

        TunnelHeader header = _headers[meta.Header];
        int length = header.Length + frame.Length;
        if (!Fits(batch, index, length))
        {
            return true;
        }

        if (!TryFindGroup(batch, ref meta, out UdpTrainGroup group) || !TryMakeRoom(batch, group, length))
        {
            return false;
        }

        Span<byte> datagram = group.Tail;
        header.Write(datagram, meta.Vni, frame);
        datagram = datagram.Slice(header.Length, frame.Length);
        frame.CopyTo(datagram);
        if (meta.Checksum == ChecksumState.Partial && !Segmentation.CompleteChecksum(datagram, meta))
        {
            batch.Drop(index, DropReason.BadLength);
            return true;
        }

        group.Commit(length, index, _output.MaxSegments);
        return true;
    }

    private bool SendWhole(PacketBatch batch, int index, ref PacketMeta meta)
    {
        if (!TryFindGroup(batch, ref meta, out UdpTrainGroup group))
        {
            return false;
        }

        if (group.SegmentCount > 0)
        {
            // Of the same flow, and before this one.
            if (!_output.Send(batch, new ReadOnlySpan<UdpTrainGroup>(in group)))
            {
                return false;
            }

            group.Clear();
        }

        return _superpackets!.Send(batch, index, group.Key);
    }

    private bool AddSegments(
        PacketBatch batch, int index, ref PacketMeta meta, TunnelHeader header, ReadOnlySpan<byte> superpacket, scoped in SegmentPlan plan)
    {
        if (!TryFindGroup(batch, ref meta, out UdpTrainGroup group))
        {
            return false;
        }

        for (int i = 0; i < plan.Count; i++)
        {
            if (!TryMakeRoom(batch, group, header.Length + plan.MaximumLength))
            {
                if (meta.State == PacketState.Sent)
                {
                    // A part of it is on its way; the whole cannot be sent a second time.
                    Refusals.Book(ref meta, plan.Count - i, DropReason.QueueFull);
                }

                return false;
            }

            if (meta is { State: PacketState.Pending, RefusedSegments: > 0, Drop: DropReason.TooBig })
            {
                // The first segments were refused by the link, and the others are no shorter.
                Refusals.Book(ref meta, plan.Count - i, DropReason.TooBig);
                break;
            }

            // A superpacket and its segments are of one family, which is all that the header asks.
            Span<byte> datagram = group.Tail;
            header.Write(datagram, meta.Vni, superpacket);
            int length = plan.WriteSegment(i, datagram.Slice(header.Length, plan.MaximumLength));
            group.Commit(header.Length + length, index, _output.MaxSegments);
        }

        return true;
    }

    private static bool Fits(PacketBatch batch, int index, int datagramLength)
    {
        if (datagramLength <= UdpTrainGroup.MaxTrainLength)
        {
            return true;
        }

        batch.Drop(index, DropReason.TooBig);
        return false;
    }

    private bool TryMakeRoom(PacketBatch batch, UdpTrainGroup group, int datagramLength)
    {
        if (group.HasRoom(datagramLength))
        {
            return true;
        }

        if (!_output.Send(batch, new ReadOnlySpan<UdpTrainGroup>(in group)))
        {
            return false;
        }

        group.Clear();
        return true;
    }

    private bool TryFindGroup(PacketBatch batch, ref PacketMeta meta, out UdpTrainGroup group)
    {
        ushort source = _output.SelectSource(ref meta);
        TrainKey key = new()
        {
            Remote = meta.Remote,
            FlowLabel = _ipv4 ? 0 : meta.FlowLabel & 0xF_FFFF,
            Port = meta.DestinationPort != 0 ? meta.DestinationPort : _port,
            Source = source,
            TrafficClass = meta.TrafficClass,
            Ttl = meta.Ttl,
            DontFragment = _ipv4 && meta.DontFragment,
        };

        for (int i = _open - 1; i >= 0; i--)
        {
            group = _groups[i]!;
            if (group.Key == key)
            {
                return true;
            }

            if (group.Key.MayShareFlow(key))
            {
                // What is open goes first, lest this packet overtakes one of its own flow; then the group is free for the new key.
                if (!_output.Send(batch, new ReadOnlySpan<UdpTrainGroup>(in group)))
                {
                    return false;
                }

                group.Open(key);
                return true;
            }
        }

        if (_open == MaxGroups)
        {
            group = _groups[0]!;
            if (!_output.Send(batch, Open))
            {
                return false;
            }

            _open = 0;
        }

        group = _groups[_open] ??= new UdpTrainGroup();
        _open++;
        group.Open(key);
        return true;
    }
}
