using System.Diagnostics.CodeAnalysis;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Linux.Interop;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>
/// Sends packets of raw IP protocols: copies each behind its outer headers into one flat buffer, cuts superpackets (a raw socket has no GSO), and hands as many
/// as lie there to the kernel with one call.
/// </summary>
internal sealed unsafe class RawPacketSender
{
    private const int MaxMessages = 64;
    private const int BufferLength = 128 * 1024;
    private const int MaxOuterPacket = 65_535;

    // Remotes are configured, not learned, so there are not many; the bound only keeps a mistake from eating the memory.
    private const int MaxRemotes = 4096;

    private readonly NativeSocket _socket;
    private readonly DatagramSender _sender;
    private readonly LinkMtu _mtu;
    private readonly ValueIPAddress _local;
    private readonly uint _scope;
    private readonly TunnelFacts _facts;
    private readonly MessageSlots _messages = new(MaxMessages, 0);
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(BufferLength, pinned: true);
    private readonly int[] _descriptors = new int[MaxMessages];
    private readonly Dictionary<RawRemoteKey, RawRemote> _remotes = [];
    private RawRemote? _last;
    private int _count;
    private int _length;

    /// <summary>Prepares the buffer.</summary>
    /// <param name="socket">The socket, which takes outer IP headers.</param>
    /// <param name="sender">Hands messages to the kernel.</param>
    /// <param name="mtu">The MTU of the link.</param>
    /// <param name="local">The source of all packets.</param>
    /// <param name="scope">The interface of link-local destinations; 0 for none.</param>
    /// <param name="facts">The encapsulation.</param>
    public RawPacketSender(NativeSocket socket, DatagramSender sender, LinkMtu mtu, ValueIPAddress local, uint scope, TunnelFacts facts)
    {
        _facts = facts;
        _socket = socket;
        _sender = sender;
        _mtu = mtu;
        _local = local;
        _scope = scope;
    }

    /// <summary>Whether a packet is to be sent from another address than the endpoint's own, which spreads flows (<see cref="TunnelPolicy.SourceSpray"/>).</summary>
    /// <param name="source">What the meta says; unspecified if nobody decided.</param>
    /// <param name="local">The endpoint's own address.</param>
    public static bool IsOtherSource(ValueIPAddress source, ValueIPAddress local) =>
        source != local && source.IsIPv4 == local.IsIPv4 && !source.IsUnspecified;

    /// <summary>Sends the descriptors named.</summary>
    public PortResult Send(PacketBatch batch, ReadOnlySpan<int> descriptors)
    {
        _count = 0;
        _length = 0;
        PortResult result = PortResult.Ok;
        foreach (int index in descriptors)
        {
            if (batch.Meta(index).State == PacketState.Pending && !Add(batch, index))
            {
                result = PortResult.WouldBlock;
                break;
            }
        }

        if (result == PortResult.Ok && !Flush(batch))
        {
            result = PortResult.WouldBlock;
        }

        Refusals.Close(batch, descriptors);

        return result;
    }

    // False if the socket takes no more now.
    private bool Add(PacketBatch batch, int index)
    {
        ref PacketMeta meta = ref batch.Meta(index);
        ReadOnlySpan<byte> packet = batch.Data(index);
        if (!TryGetRemote(new RawRemoteKey(meta.Remote, meta.GreFields, meta.GreKey, meta.Protocol), out RawRemote? remote))
        {
            batch.Drop(index, DropReason.SendFailed);
            return true;
        }

        OuterHeaderFields fields = new()
        {
            TrafficClass = meta.TrafficClass,
            Ttl = meta.Ttl,
            DontFragment = meta.DontFragment,
            FlowLabel = meta.FlowLabel,
            // The kernel counts identifications of raw packets that have none.
        };
        if (meta.Segmentation != SegmentationKind.None)
        {
            if (!Segmentation.TryPlan(packet, meta, out SegmentPlan plan))
            {
                batch.Drop(index, DropReason.BadLength);
                return true;
            }

            return AddSegments(batch, index, ref meta, plan, remote, fields);
        }

        int overhead = remote.Overhead(meta);
        int length = overhead + packet.Length;
        if (length > MaxOuterPacket)
        {
            batch.Drop(index, DropReason.TooBig);
            return true;
        }

        DropReason reason = remote.Check(packet);
        if (reason != DropReason.None)
        {
            batch.Drop(index, reason);
            return true;
        }

        if (!TryMakeRoom(batch, length))
        {
            return false;
        }

        Span<byte> outer = _buffer.AsSpan(_length, length);
        packet.CopyTo(outer[overhead..]);
        if (meta.Checksum == ChecksumState.Partial && !Segmentation.CompleteChecksum(outer[overhead..], meta))
        {
            batch.Drop(index, DropReason.BadLength);
            return true;
        }

        WriteOuter(outer, packet.Length, remote, fields, meta);
        Commit(index, remote, length);
        return true;
    }

    private bool AddSegments(
        PacketBatch batch, int index, ref PacketMeta meta, scoped in SegmentPlan plan, RawRemote remote, in OuterHeaderFields fields)
    {
        int overhead = remote.Overhead(meta);
        int maximum = overhead + plan.MaximumLength;
        if (maximum > MaxOuterPacket)
        {
            batch.Drop(index, DropReason.TooBig);
            return true;
        }

        for (int i = 0; i < plan.Count; i++)
        {
            if (!TryMakeRoom(batch, maximum))
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

            Span<byte> outer = _buffer.AsSpan(_length, maximum);
            int length = plan.WriteSegment(i, outer[overhead..]);
            WriteOuter(outer, length, remote, fields, meta);
            Commit(index, remote, overhead + length);
        }

        return true;
    }

    private void WriteOuter(Span<byte> outer, int length, RawRemote remote, in OuterHeaderFields fields, in PacketMeta meta)
    {
        remote.WriteOuter(outer, length, fields, meta);
        if (!IsOtherSource(meta.Local, _local))
        {
            return;
        }

        // No checksum behind the outer header covers its addresses.
        if (_local.IsIPv4)
        {
            IPv4Editing.SetSource(outer, meta.Local);
        }
        else
        {
            IPv6Editing.SetSource(outer, meta.Local);
        }
    }

    private void Commit(int index, RawRemote remote, int length)
    {
        _messages.Set(_count, MessageSlots.Address(_buffer) + _length, length, remote.Name, remote.NameLength);
        _descriptors[_count++] = index;
        _length += length;
    }

    private bool TryMakeRoom(PacketBatch batch, int length) => (_count < MaxMessages && _length + length <= BufferLength) || Flush(batch);

    private bool Flush(PacketBatch batch)
    {
        int first = 0;
        bool open = true;
        while (first < _count && open)
        {
            int sent = _sender.Send(_socket.Handle, _messages.Header(first), _count - first, out Errno errno);
            for (int i = 0; i < sent; i++, first++)
            {
                ref PacketMeta meta = ref batch.Meta(_descriptors[first]);
                if (meta.State == PacketState.Pending)
                {
                    meta.State = PacketState.Sent;
                }
            }

            if (sent == 0 && errno == Errno.EAGAIN)
            {
                open = false;
            }
            else if (sent == 0 && errno != Errno.EINTR)
            {
                Refuse(batch, _descriptors[first++], errno);
            }
        }

        for (; first < _count; first++)
        {
            // Of these descriptors nothing is sent, and they stay pending, or a part, and the rest is lost.
            ref PacketMeta meta = ref batch.Meta(_descriptors[first]);
            if (meta.State == PacketState.Sent)
            {
                Refusals.Book(ref meta, 1, DropReason.QueueFull);
            }
        }

        _count = 0;
        _length = 0;
        return open;
    }

    private void Refuse(PacketBatch batch, int index, Errno errno)
    {
        if (errno == Errno.EMSGSIZE)
        {
            _mtu.Invalidate();
        }

        DropReason reason = errno switch
        {
            Errno.EMSGSIZE => DropReason.TooBig,
            Errno.ENOBUFS => DropReason.QueueFull,
            _ => DropReason.SendFailed,
        };
        Refusals.Book(ref batch.Meta(index), 1, reason);
    }

    private bool TryGetRemote(RawRemoteKey key, [NotNullWhen(true)] out RawRemote? remote)
    {
        remote = _last;
        if (remote is not null && remote.Key == key)
        {
            return true;
        }

        if (!_remotes.TryGetValue(key, out remote))
        {
            // What an encapsulator does not take; for a packet it is as if there were no route.
            if (key.Address.IsIPv4 != _local.IsIPv4 || key.Address.IsUnspecified || key.Address == _local)
            {
                return false;
            }

            if (_remotes.Count == MaxRemotes)
            {
                _remotes.Clear();
            }

            remote = key.Protocol != 0 ? new BareRemote(_local, key, _scope)
                : _facts.Kind == TunnelKind.IPInIP
                ? new IPInIPRemote(_local, key, _scope)
                : new GreRemote(_local, key, _scope, _facts.CarriesEthernet);
            _remotes.Add(key, remote);
        }

        _last = remote;
        return true;
    }
}
