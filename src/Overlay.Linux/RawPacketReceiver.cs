using Overlay.DataPath;
using Overlay.Linux.Interop;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>
/// Receives the packets of one raw IP protocol: several with one call while they are as long as the link takes, one with each call while the
/// kernel merges them (it hands over up to 64 KB at once, and says so nowhere in advance).
/// </summary>
/// <remarks>
/// Each message has room for the largest packet, but in two pieces: a head as long as the link's MTU, with the heads close together at the front of
/// the reservation, and a tail far behind that is touched by merged packets only. So plain packets take as much of the batch as they need, and their
/// addresses do not compete for the same few sets of the cache, as slots of 64 KB would.
/// </remarks>
internal sealed unsafe class RawPacketReceiver
{
    private const int MaxMessage = 65_535;

    // With so many a system call costs each packet less than its twentieth part; the rooms for tails bound it sooner in a slab of usual size.
    private const int MaxMessages = 16;

    // After a merged packet there are likely more: so many plain ones must follow until several are asked for at once again.
    private const int PlainBeforeSeveral = 8;

    // Traffic class, hop limit and SO_RXQ_OVFL.
    private const int ControlLength = 96;

    private readonly int _socket;
    private readonly IPProtocol _protocol;
    private readonly ValueIPAddress _local;
    private readonly ReceiveSlots _slots;
    private ReceivedMessage _message;
    private int _alone;

    /// <summary>Prepares the slots.</summary>
    /// <param name="socket">The socket, bound to <paramref name="local"/>.</param>
    /// <param name="protocol">What it receives.</param>
    /// <param name="local">The address that all its packets went to.</param>
    public RawPacketReceiver(NativeSocket socket, IPProtocol protocol, ValueIPAddress local)
    {
        _socket = socket.Handle;
        _protocol = protocol;
        _local = local;
        _slots = new ReceiveSlots(MaxMessages, names: !local.IsIPv4, ControlLength);
    }

    /// <summary>Packets that the kernel dropped because the receive buffer was full (SO_RXQ_OVFL).</summary>
    public long KernelDrops => _message.KernelDrops;

    /// <summary>Receive calls that failed for another reason than that there is nothing.</summary>
    public long Errors { get; private set; }

    /// <summary>Receive calls that brought something.</summary>
    public long Calls { get; private set; }

    /// <summary>Receives until there is no more, the batch is full, or <paramref name="most"/> packets are there.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="most">How many packets at most.</param>
    /// <param name="linkMtu">What the link carries in one piece, in bytes of outer packet.</param>
    /// <param name="innerMtu">The MTU of the tunnel, in bytes of inner packet.</param>
    public void Receive(PacketBatch batch, int most, int linkMtu, int innerMtu)
    {
        int taken = 0;
        while (taken < most && batch.Room >= MaxMessage)
        {
            Layout layout = _alone > 0 ? Layout.Alone : Layout.For(batch, Math.Min(MaxMessages, most - taken), linkMtu);
            int received = Receive(batch, layout, linkMtu, innerMtu);
            taken += received;
            if (received < layout.Count)
            {
                break;
            }
        }
    }

    private int Receive(PacketBatch batch, in Layout layout, int linkMtu, int innerMtu)
    {
        // The layout was made for the room there is.
        _ = batch.TryReserve(layout.Length, out Span<byte> buffer);
        int received;
        // The slab is pinned for its lifetime; fixed only takes the address.
        fixed (byte* start = buffer)
        {
            for (int i = 0; i < layout.Count; i++)
            {
                _slots.Set(i, start + layout.Head(i), layout.HeadLength, start + layout.Tail(i) + layout.HeadLength, MaxMessage - layout.HeadLength);
            }

            do
            {
                received = SocketCalls.recvmmsg(_socket, _slots.Headers, (uint)layout.Count, SocketConstants.MSG_DONTWAIT, null);
            }
            while (received < 0 && Libc.LastError == Errno.EINTR);
        }

        if (received < 0)
        {
            if (Libc.LastError != Errno.EAGAIN)
            {
                Errors++;
            }

            return 0;
        }

        Calls++;
        for (int i = 0; i < received; i++)
        {
            int length = Take(batch, buffer, layout, i, innerMtu);
            _alone = length > linkMtu ? PlainBeforeSeveral : Math.Max(0, _alone - 1);
        }

        return received;
    }

    // Returns the bytes that the socket handed over.
    private int Take(PacketBatch batch, Span<byte> buffer, in Layout layout, int slot, int innerMtu)
    {
        int length = (int)_slots.Headers[slot].Length;
        int start = layout.Head(slot);
        if (length > layout.HeadLength)
        {
            // The two pieces become one: in front of each tail there is room for the head.
            buffer.Slice(start, layout.HeadLength).CopyTo(buffer[layout.Tail(slot)..]);
            start = layout.Tail(slot);
        }

        int index = batch.Commit(start, length);
        ref PacketMeta meta = ref batch.Meta(index);
        _message.Read(_slots.Name(slot), _slots.Control(slot), ref meta);
        meta.Protocol = _protocol;
        meta.Local = _local;
        if (_local.IsIPv4)
        {
            TakeOuter(batch, index, ref meta);
        }
        else
        {
            // A raw IPv6 socket's "port" is no port.
            meta.SourcePort = 0;
        }

        if (_protocol == IPProtocol.Gre)
        {
            ReceiveClassifier.ClassifyGre(batch, index, innerMtu);
        }
        else
        {
            ReceiveClassifier.ClassifyIP(batch, index, innerMtu);
        }

        return length;
    }

    // Raw IPv4 sockets hand over the outer header, raw IPv6 sockets do not.
    private static void TakeOuter(PacketBatch batch, int index, ref PacketMeta meta)
    {
        if (!IPv4Packet.TryParse(batch.Data(index), out IPv4Packet outer))
        {
            // The kernel has checked the header, so this does not happen; an empty packet is dropped by whoever looks into it.
            batch.Truncate(index, 0);
            return;
        }

        meta.Remote = outer.Source;
        meta.TrafficClass = outer.TrafficClass;
        meta.Ttl = outer.TimeToLive;
        meta.DontFragment = outer.DontFragment;
        batch.TrimStart(index, outer.HeaderLength);
    }

    /// <summary>Where the messages of one call go, counted from the first byte of the reservation: all heads, then all tails.</summary>
    private readonly struct Layout
    {
        private readonly int _headStride;
        private readonly int _tailStride;

        private Layout(int count, int headLength, int headStride, int tailStride)
        {
            Count = count;
            HeadLength = headLength;
            _headStride = headStride;
            _tailStride = tailStride;
        }

        /// <summary>One message in one piece.</summary>
        public static Layout Alone => new(1, MaxMessage, 0, 0);

        public int Count { get; }

        public int HeadLength { get; }

        public int Length => HeadLength == MaxMessage ? MaxMessage : Tail(Count - 1) + MaxMessage;

        /// <summary>The layout for as many as the batch has room and descriptors for.</summary>
        public static Layout For(PacketBatch batch, int most, int linkMtu)
        {
            int headLength = (linkMtu + 63) & ~63;
            int headStride = (batch.Headroom + headLength + 63) & ~63;
            int tailStride = (batch.Headroom + MaxMessage + 63) & ~63;
            int count = Math.Min(Math.Min(most, batch.Capacity - batch.Count), batch.Room / (headStride + tailStride));
            // A link such as the loopback device carries the largest packet in one piece.
            return count > 1 && headLength < MaxMessage ? new Layout(count, headLength, headStride, tailStride) : Alone;
        }

        public int Head(int slot) => slot * _headStride;

        /// <summary>Where the whole message lies if it exceeds its head.</summary>
        public int Tail(int slot) => (Count * _headStride) + (slot * _tailStride);
    }
}
