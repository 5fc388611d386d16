using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>
/// Turns the packets of a batch into VXLAN datagrams and groups them into trains. A few groups are open at a time, so that interleaved flows
/// still give long trains; within a flow the order is kept.
/// </summary>
internal sealed class UdpTrainBuilder
{
    // As many as there are source ports by default: with fewer, flows that take turns cut each other's trains short.
    private const int MaxGroups = 16;

    private readonly UdpTrainOutput _output;
    private readonly ISuperpacketOutput? _superpackets;
    private readonly ushort _port;
    private readonly bool _ipv4;
    private readonly UdpTrainGroup?[] _groups = new UdpTrainGroup?[MaxGroups];
    private int _open;

    /// <summary>Makes a builder.</summary>
    /// <param name="output">Takes the trains.</param>
    /// <param name="superpackets">Takes superpackets whole; null if they are to be cut.</param>
    /// <param name="port">The destination port of packets that name none.</param>
    /// <param name="ipv4">The family of the outer addresses.</param>
    public UdpTrainBuilder(UdpTrainOutput output, ISuperpacketOutput? superpackets, ushort port, bool ipv4)
    {
        _output = output;
        _superpackets = superpackets;
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

            return !Fits(batch, index, plan.MaximumLength) || AddSegments(batch, index, ref meta, plan);
        }

        if (!Fits(batch, index, frame.Length))
        {
            return true;
        }

        if (!TryFindGroup(batch, ref meta, out UdpTrainGroup group) || !TryMakeRoom(batch, group, frame.Length))
        {
            return false;
        }

        Span<byte> datagram = Begin(group, meta.Vni, frame.Length);
        frame.CopyTo(datagram);
        if (meta.Checksum == ChecksumState.Partial && !Segmentation.CompleteChecksum(datagram, meta))
        {
            batch.Drop(index, DropReason.BadLength);
            return true;
        }

        group.Commit(VxlanPacket.HeaderLength + frame.Length, index, _output.MaxSegments);
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

    private bool AddSegments(PacketBatch batch, int index, ref PacketMeta meta, scoped in SegmentPlan plan)
    {
        if (!TryFindGroup(batch, ref meta, out UdpTrainGroup group))
        {
            return false;
        }

        for (int i = 0; i < plan.Count; i++)
        {
            if (!TryMakeRoom(batch, group, plan.MaximumLength))
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

            int length = plan.WriteSegment(i, Begin(group, meta.Vni, plan.MaximumLength));
            group.Commit(VxlanPacket.HeaderLength + length, index, _output.MaxSegments);
        }

        return true;
    }

    private static bool Fits(PacketBatch batch, int index, int frameLength)
    {
        if (frameLength + VxlanPacket.HeaderLength <= UdpTrainGroup.MaxTrainLength)
        {
            return true;
        }

        batch.Drop(index, DropReason.TooBig);
        return false;
    }

    private static Span<byte> Begin(UdpTrainGroup group, Vni vni, int frameLength)
    {
        Span<byte> datagram = group.Tail;
        BinaryPrimitives.WriteUInt64BigEndian(datagram, ((ulong)VxlanFlags.ValidVni << 56) | ((ulong)vni.Value << 8));
        return datagram.Slice(VxlanPacket.HeaderLength, frameLength);
    }

    private bool TryMakeRoom(PacketBatch batch, UdpTrainGroup group, int frameLength)
    {
        if (group.HasRoom(VxlanPacket.HeaderLength + frameLength))
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
