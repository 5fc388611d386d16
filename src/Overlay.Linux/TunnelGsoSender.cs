using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Linux.Interop;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>
/// Writes VXLAN packets with their outer headers to an <see cref="UnderlayTap"/>, each superpacket and each train with one call. What the TAP
/// refuses goes by the sockets.
/// </summary>
internal sealed unsafe class TunnelGsoSender : UdpTrainOutput, ISuperpacketOutput
{
    // One refusal may be this packet's; so many without a success between them are not.
    private const int MaxRefusalsInRow = 8;
    private const int FrontLength = 128;
    private const ushort UdpChecksumOffset = 6;

    private readonly UnderlayTap _tap;
    private readonly UnderlayRoutes _routes;
    private readonly UdpTunnelSocket _fallback;
    private readonly FrameWriter _writer;
    private readonly bool _checksum;
    private readonly ushort _sourcePortMinimum;
    private readonly ushort _sourcePortMaximum;

    // The vnet header and all outer headers: the kernel takes them from here and the rest from where it lies, so that bytes that flood copies
    // share are never written to.
    private readonly byte[] _front = GC.AllocateArray<byte>(FrontLength, pinned: true);
    private readonly byte* _frontAddress;
    private int _refusalsInRow;

    public TunnelGsoSender(UnderlayTap tap, UnderlayRoutes routes, UdpTunnelSocket fallback, FrameWriter writer)
    {
        _tap = tap;
        _routes = routes;
        _fallback = fallback;
        _writer = writer;
        _frontAddress = MessageSlots.Address(_front);
        _checksum = fallback.Options.OuterChecksum;
        _sourcePortMinimum = fallback.Options.SourcePortMinimum;
        _sourcePortMaximum = fallback.Options.SourcePortMaximum;
        // The kernel gives each datagram of a train a checksum.
        MaxSegments = fallback.Options is { Gso: true, OuterChecksum: true } ? UdpTrainGroup.MaxTrainSegments : 1;
    }

    /// <summary>Why the TAP is not used any more; null while it is.</summary>
    public string? Failure { get; private set; }

    /// <summary>How many frames the TAP refused, so that their packets went by the sockets.</summary>
    public long Fallbacks { get; private set; }

    /// <summary>Superpackets that the kernel took whole.</summary>
    public long Superpackets { get; private set; }

    /// <summary>Frames that the kernel took: superpackets, trains and single datagrams.</summary>
    public long Frames { get; private set; }

    /// <inheritdoc/>
    public override ushort SelectSource(ref PacketMeta meta) =>
        meta.SourcePort = FlowHash.ToSourcePort(meta.FlowHash, _sourcePortMinimum, _sourcePortMaximum);

    /// <inheritdoc/>
    public override bool Send(PacketBatch batch, ReadOnlySpan<UdpTrainGroup> groups)
    {
        foreach (UdpTrainGroup group in groups)
        {
            for (int i = 0; i < group.TrainCount; i++)
            {
                if (!group[i].Done && !Send(batch, group, ref group[i]))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public bool Send(PacketBatch batch, int index, in TrainKey key)
    {
        ReadOnlySpan<byte> frame = batch.Data(index);
        UnderlayPath path = _routes.Get(key.Remote, key.Port);
        Errno errno = Errno.EINVAL;
        if (Failure is null && VnetOffload.TryEncode(frame, batch.Meta(index), out VnetHeader inner))
        {
            ref VnetTunnelHeader header = ref Begin();
            VxlanEncapsulator encapsulator = path.Encapsulator!;
            ref readonly PacketMeta meta = ref batch.Meta(index);
            int udp = WriteHeaders(path, key, meta.Vni, frame.Length, batch.SegmentCount(index));
            int overhead = encapsulator.Overhead;
            header.Basic = inner;
            header.Basic.GsoType |= key.Remote.IsIPv4 ? VnetTunnelHeader.GsoUdpTunnelIPv4 : VnetTunnelHeader.GsoUdpTunnelIPv6;
            header.Basic.HeaderLength += (ushort)overhead;
            header.Basic.ChecksumStart += (ushort)overhead;
            header.OuterTransportStart = (ushort)udp;
            header.InnerNetworkStart = (ushort)(overhead + meta.NetworkStart);
            if (_checksum)
            {
                header.Basic.Flags |= VnetTunnelHeader.UdpTunnelChecksum;
            }

            fixed (byte* payload = frame)
            {
                errno = Write(overhead, payload, frame.Length);
            }
        }

        switch (errno)
        {
            case Errno.None:
                Superpackets++;
                batch.Meta(index).State = PacketState.Sent;
                return true;
            case Errno.EAGAIN:
                return false;
            case Errno.ENOBUFS or Errno.ENOMEM:
                batch.Drop(index, DropReason.QueueFull);
                return true;
            default:
                return _fallback.Send(batch, new ReadOnlySpan<int>(in index)) == PortResult.Ok;
        }
    }

    private bool Send(PacketBatch batch, UdpTrainGroup group, ref UdpTrainGroup.Train train)
    {
        Errno errno = Failure is null ? Write(group, train) : Errno.EINVAL;
        switch (errno)
        {
            case Errno.None:
                MarkSent(batch, group, ref train);
                return true;
            case Errno.EAGAIN:
                return false;
            case Errno.ENOBUFS or Errno.ENOMEM:
                foreach (int index in group.Descriptors(train))
                {
                    batch.Drop(index, DropReason.QueueFull);
                }

                train.Done = true;
                return true;
            default:
                // Each datagram is one descriptor here: superpackets are in no train. What the sockets leave is pending, and nothing of it was sent.
                train.Done = true;
                return _fallback.Send(batch, group.Descriptors(train)) == PortResult.Ok;
        }
    }

    private Errno Write(UdpTrainGroup group, in UdpTrainGroup.Train train)
    {
        UnderlayPath path = _routes.Get(group.Key.Remote, group.Key.Port);
        ref VnetTunnelHeader header = ref Begin();
        // The datagrams lie with their VXLAN headers already: of the outer headers only what stands before those is sent.
        int udp = WriteHeaders(path, group.Key, default, train.Length - VxlanPacket.HeaderLength, train.SegmentCount);
        if (_checksum)
        {
            header.Basic.Flags = VnetHeader.NeedsChecksum;
            header.Basic.ChecksumStart = (ushort)udp;
            header.Basic.ChecksumOffset = UdpChecksumOffset;
        }

        if (train.SegmentCount > 1)
        {
            header.Basic.GsoType = VnetHeader.GsoUdp;
            header.Basic.GsoSize = (ushort)train.SegmentSize;
            header.Basic.HeaderLength = (ushort)(udp + UdpPacket.HeaderLength);
        }

        return Write(udp + UdpPacket.HeaderLength, group.Address(train.Offset), train.Length);
    }

    private ref VnetTunnelHeader Begin()
    {
        ref VnetTunnelHeader header = ref Unsafe.As<byte, VnetTunnelHeader>(ref _front[0]);
        header = default;
        return ref header;
    }

    // Returns where the UDP header begins, counted from the MAC header.
    private int WriteHeaders(UnderlayPath path, in TrainKey key, Vni vni, int payloadLength, int segments)
    {
        VxlanEncapsulator encapsulator = path.Encapsulator!;
        Span<byte> frame = _front.AsSpan(VnetTunnelHeader.Length);
        encapsulator.WriteOuter(frame, payloadLength, new OuterHeaderFields
        {
            Vni = vni,
            SourcePort = key.Source,
            FlowLabel = key.FlowLabel,
            Identification = path.TakeIdentifications(segments),
            TrafficClass = key.TrafficClass,
            Ttl = key.Ttl,
            DontFragment = key.DontFragment,
        });
        int udp = encapsulator.Overhead - VxlanPacket.HeaderLength - UdpPacket.HeaderLength;
        if (_checksum)
        {
            // Uninverted: the kernel goes on summing from here.
            ulong sum = path.PseudoHeader + InternetChecksum.Word((ushort)(payloadLength + VxlanPacket.HeaderLength + UdpPacket.HeaderLength));
            BinaryPrimitives.WriteUInt16BigEndian(frame[(udp + UdpChecksumOffset)..], InternetChecksum.Fold(sum));
        }

        return udp;
    }

    private Errno Write(int headersLength, byte* payload, int payloadLength)
    {
        IoVector* vectors = stackalloc IoVector[2];
        vectors[0] = new IoVector { Base = _frontAddress, Length = (nuint)(VnetTunnelHeader.Length + headersLength) };
        vectors[1] = new IoVector { Base = payload, Length = (nuint)payloadLength };
        Errno errno = _writer.Write(_tap.Handle, vectors, 2);
        switch (errno)
        {
            case Errno.None:
                Frames++;
                _refusalsInRow = 0;
                break;
            case Errno.EAGAIN or Errno.ENOBUFS or Errno.ENOMEM:
                break;
            default:
                Fallbacks++;
                if (errno == Errno.EBADFD || ++_refusalsInRow == MaxRefusalsInRow)
                {
                    string what = errno switch
                    {
                        Errno.EBADFD => "was deleted",
                        Errno.EIO => "is down",
                        _ => $"refused {MaxRefusalsInRow} frames in a row",
                    };
                    Failure = $"the interface {_tap.Name} {what} ({errno})";
                }

                break;
        }

        return errno;
    }
}
