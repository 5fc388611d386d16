using Overlay.DataPath;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>Hands groups of trains to the kernel and judges what it answers: each descriptor ends as sent, dropped, or still pending.</summary>
/// <remarks>
/// Measured answers of Linux 6.18 stand behind the rules here. EMSGSIZE: a datagram exceeds the link's MTU. EIO: this path cannot do GSO. EINVAL:
/// more than 128 segments, no outer checksum, or a blackhole route, so it never turns anything off by itself. ENETUNREACH, EHOSTUNREACH,
/// EACCES: the route says no. ECONNREFUSED and others: an ICMP error about an earlier packet, to whomever that went.
/// </remarks>
internal sealed unsafe class UdpTrainSender : UdpTrainOutput
{
    private const int MaxMessages = 64;

    // One more than a call takes: repeats go one by one, while the others still lie in their slots.
    private const int RepeatSlot = MaxMessages;
    private const int ControlLength = 3 * ControlMessageWriter.IntegerSpace;

    // As many segments as kernels before 5.19 took.
    private const int SmallTrain = 64;

    // The first failure may be anybody's ICMP error. Further ones count as such only while the queue proves it, and only so often.
    private const int MaxRepeats = 4;

    private readonly SourcePortSockets _sockets;
    private readonly ErrorQueue _errors;
    private readonly DatagramSender _sender;
    private readonly LinkMtu _mtu;
    private readonly uint _scope;
    private readonly bool _ipv4;
    private readonly MessageSlots _messages = new(MaxMessages + 1, ControlLength);
    private readonly UdpTrainGroup[] _slotGroups = new UdpTrainGroup[MaxMessages];
    private readonly int[] _slotTrains = new int[MaxMessages];
    private int _slots;

    public UdpTrainSender(SourcePortSockets sockets, ErrorQueue errors, DatagramSender sender, LinkMtu mtu, uint scope, bool ipv4, bool gso)
    {
        _sockets = sockets;
        _errors = errors;
        _sender = sender;
        _mtu = mtu;
        _scope = scope;
        _ipv4 = ipv4;
        MaxSegments = gso ? UdpTrainGroup.MaxTrainSegments : 1;
    }

    /// <summary>How often a train was refused as such and its datagrams went one by one.</summary>
    public long Fallbacks { get; private set; }

    /// <summary>How often a message was sent again because an ICMP error about another had failed it.</summary>
    public long Repeats { get; private set; }

    /// <summary>Messages that the kernel took: trains and single datagrams.</summary>
    public long Messages { get; private set; }

    /// <inheritdoc/>
    public override ushort SelectSource(ref PacketMeta meta)
    {
        int socket = _sockets.Select(meta.FlowHash);
        meta.SourcePort = _sockets.Port(socket);
        return (ushort)socket;
    }

    /// <summary>Sends all trains of the groups that are not done yet, those of one socket with one call.</summary>
    /// <returns>false if a socket takes no more now; what was not sent is not done.</returns>
    public override bool Send(PacketBatch batch, ReadOnlySpan<UdpTrainGroup> groups)
    {
        uint sent = 0;
        for (int i = 0; i < groups.Length; i++)
        {
            if ((sent & (1u << i)) != 0)
            {
                continue;
            }

            int socket = groups[i].Key.Source;
            bool dontFragment = groups[i].Key.DontFragment;
            _sockets.SetDontFragment(socket, dontFragment);
            for (int j = i; j < groups.Length; j++)
            {
                if (groups[j].Key.Source == socket && groups[j].Key.DontFragment == dontFragment)
                {
                    sent |= 1u << j;
                    if (!Send(batch, groups[j]))
                    {
                        _slots = 0;
                        return false;
                    }
                }
            }

            if (!SendSlots(batch))
            {
                return false;
            }
        }

        return true;
    }

    private bool Send(PacketBatch batch, UdpTrainGroup group)
    {
        for (int i = 0; i < group.TrainCount; i++)
        {
            if (group[i].Done)
            {
                continue;
            }

            if (_slots == MaxMessages && !SendSlots(batch))
            {
                return false;
            }

            ref readonly UdpTrainGroup.Train train = ref group[i];
            Fill(_slots, group, train.Offset, train.Length, train.SegmentCount > 1 ? train.SegmentSize : 0);
            _slotGroups[_slots] = group;
            _slotTrains[_slots++] = i;
        }

        return true;
    }

    private bool SendSlots(PacketBatch batch)
    {
        int count = _slots;
        _slots = 0;
        for (int first = 0; first < count;)
        {
            int handle = _sockets.Handle(_slotGroups[first].Key.Source);
            int sent = _sender.Send(handle, _messages.Header(first), count - first, out Errno errno);
            Messages += sent;
            for (int i = first; i < first + sent; i++)
            {
                MarkSent(batch, _slotGroups[i], ref _slotGroups[i][_slotTrains[i]]);
            }

            first += sent;
            if (sent > 0 && first < count)
            {
                // The kernel stopped at an error and does not say at which. If it was somebody's ICMP error, it is gone now, but for the queue, and
                // the message goes out with the next call.
                if (_errors.Drain(handle) != 0)
                {
                    Repeats++;
                }
            }
            else if (sent == 0 && errno != Errno.EINTR)
            {
                if (!Resolve(batch, _slotGroups[first], ref _slotGroups[first][_slotTrains[first]], errno))
                {
                    return false;
                }

                first++;
            }
        }

        return true;
    }

    // A train that was refused. False if the socket takes no more now.
    private bool Resolve(PacketBatch batch, UdpTrainGroup group, ref UdpTrainGroup.Train train, Errno errno)
    {
        errno = Repeat(group, train.Offset, train.Length, train.SegmentCount > 1 ? train.SegmentSize : 0, errno);
        if (errno == Errno.None)
        {
            MarkSent(batch, group, ref train);
            return true;
        }

        if (errno == Errno.EAGAIN)
        {
            return false;
        }

        if (train.SegmentCount > 1 && errno is (Errno.EMSGSIZE or Errno.EIO or Errno.EINVAL))
        {
            Fallbacks++;
            if (errno == Errno.EIO)
            {
                MaxSegments = 1;
            }

            return errno == Errno.EINVAL && train.SegmentCount > SmallTrain
                ? SendSmallTrains(batch, group, ref train)
                : SendSingles(batch, group, ref train, 0, train.SegmentCount);
        }

        for (int i = 0; i < train.SegmentCount; i++)
        {
            Refuse(batch, group.Descriptor(train.FirstSegment + i), errno);
        }

        train.Done = true;
        return true;
    }

    // Older kernels refuse more than 64 segments. If smaller trains pass where the large one did not, that is it.
    private bool SendSmallTrains(PacketBatch batch, UdpTrainGroup group, ref UdpTrainGroup.Train train)
    {
        for (int first = 0; first < train.SegmentCount; first += SmallTrain)
        {
            int count = Math.Min(SmallTrain, train.SegmentCount - first);
            int offset = first * train.SegmentSize;
            int length = Math.Min(count * train.SegmentSize, train.Length - offset);
            Errno errno = SendOne(group, train.Offset + offset, length, count > 1 ? train.SegmentSize : 0);
            if (errno == Errno.None)
            {
                MaxSegments = Math.Min(MaxSegments, SmallTrain);
                MarkSent(batch, group, train.FirstSegment + first, count);
            }
            else if (!SendSingles(batch, group, ref train, first, count))
            {
                return false;
            }
        }

        train.Done = true;
        return true;
    }

    private bool SendSingles(PacketBatch batch, UdpTrainGroup group, ref UdpTrainGroup.Train train, int first, int count)
    {
        int refusedLength = int.MaxValue;
        for (int i = first; i < first + count; i++)
        {
            int offset = i * train.SegmentSize;
            int length = Math.Min(train.SegmentSize, train.Length - offset);
            int descriptor = group.Descriptor(train.FirstSegment + i);
            // What is as long as one that the link refused needs no asking.
            Errno errno = length >= refusedLength ? Errno.EMSGSIZE : SendOne(group, train.Offset + offset, length, 0);
            if (errno != Errno.None && length < refusedLength)
            {
                errno = Repeat(group, train.Offset + offset, length, 0, errno);
            }

            switch (errno)
            {
                case Errno.None:
                    MarkSent(batch, group, train.FirstSegment + i, 1);
                    break;
                case Errno.EAGAIN:
                    // What went before is on its way; only the rest is given up.
                    train.FirstSegment += i;
                    train.SegmentCount -= i;
                    train.Offset += offset;
                    train.Length -= offset;
                    return false;
                case Errno.EMSGSIZE:
                    refusedLength = length;
                    Refuse(batch, descriptor, errno);
                    break;
                default:
                    Refuse(batch, descriptor, errno);
                    break;
            }
        }

        train.Done = first + count == train.SegmentCount;
        return true;
    }

    // The rule of the error queue: read it, attribute what it says, and send the same message once more.
    private Errno Repeat(UdpTrainGroup group, int offset, int length, int segmentSize, Errno errno)
    {
        int handle = _sockets.Handle(group.Key.Source);
        for (int i = 0; i < MaxRepeats && IsOfIcmp(errno); i++)
        {
            int found = _errors.Drain(handle);
            if (found == 0 && (i > 0 || errno == Errno.EMSGSIZE))
            {
                break;
            }

            Repeats++;
            errno = SendOne(group, offset, length, segmentSize);
        }

        return errno;
    }

    private Errno SendOne(UdpTrainGroup group, int offset, int length, int segmentSize)
    {
        Fill(RepeatSlot, group, offset, length, segmentSize);
        Errno errno;
        int sent;
        do
        {
            sent = _sender.Send(_sockets.Handle(group.Key.Source), _messages.Header(RepeatSlot), 1, out errno);
        }
        while (sent == 0 && errno == Errno.EINTR);
        Messages += sent;
        return sent == 1 ? Errno.None : errno;
    }

    private void Refuse(PacketBatch batch, int descriptor, Errno errno)
    {
        DropReason reason = errno switch
        {
            Errno.EMSGSIZE => DropReason.TooBig,
            // With IP_RECVERR the kernel tells when a device queue has dropped the packet: it was taken, so it must not be sent again.
            Errno.ENOBUFS => DropReason.QueueFull,
            _ => DropReason.SendFailed,
        };
        if (reason == DropReason.TooBig)
        {
            _mtu.Invalidate();
        }

        Refusals.Book(ref batch.Meta(descriptor), 1, reason);
    }

    // The errors that an ICMP message about another packet may cause: the kernel's tables icmp_err_convert and icmpv6_err_convert.
    private static bool IsOfIcmp(Errno errno) => errno is Errno.ECONNREFUSED or Errno.EHOSTUNREACH or Errno.ENETUNREACH or Errno.EHOSTDOWN
        or Errno.ENOPROTOOPT or Errno.EOPNOTSUPP or Errno.EMSGSIZE or Errno.EACCES or (Errno)EPROTO or (Errno)ENONET;

    private const int ENONET = 64;
    private const int EPROTO = 71;

    private void Fill(int slot, UdpTrainGroup group, int offset, int length, int segmentSize)
    {
        ref readonly TrainKey key = ref group.Key;
        int nameLength = SocketAddress.Write(_messages.Name(slot), key.Remote, key.Port, key.FlowLabel, _scope);
        int level = _ipv4 ? SocketConstants.IPPROTO_IP : SocketConstants.IPPROTO_IPV6;
        ControlMessageWriter control = new(_messages.Control(slot));
        control.Add(level, _ipv4 ? SocketConstants.IP_TOS : SocketConstants.IPV6_TCLASS, (int)key.TrafficClass);
        if (key.Ttl != 0)
        {
            control.Add(level, _ipv4 ? SocketConstants.IP_TTL : SocketConstants.IPV6_HOPLIMIT, (int)key.Ttl);
        }

        if (segmentSize != 0)
        {
            control.Add(SocketConstants.IPPROTO_UDP, SocketConstants.UDP_SEGMENT, (ushort)segmentSize);
        }

        _messages.Set(slot, group.Address(offset), length, nameLength, control.Length);
    }
}
