using System.Buffers.Binary;
using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// Says what a message from a tunnel socket is: one packet, a train of packets, or a superpacket; and whether an inner checksum is unfinished.
/// </summary>
/// <remarks>
/// <para>
/// A Linux peer on the same host (a veth, a bridge) hands over packets as its own stack holds them: with a checksum field that carries the
/// pseudo-header sum only, and TCP or UDP packets of up to 64 KB that nobody has cut yet. To a socket they look like any other message. And the
/// segment size that UDP_GRO tells is that of a train of datagrams or that of the one inner packet, whichever it was.
/// </para>
/// <para>
/// With n the length of the message, g the told segment size (0 for none) and L the end of the first packet by its inner IP length:
/// </para>
/// <list type="number">
/// <item>g = 0 and the link can carry n: one packet.</item>
/// <item>n &gt; g &gt; 0, L = n and an unfinished checksum: a superpacket with segments of g bytes. A kernel never leaves one finished.</item>
/// <item>g &gt; 0 else: a train of packets at a stride of g, which may belong to different networks. What its first packet says of its length
/// makes it no superpacket: that would give a packet of anybody's making a right checksum.</item>
/// <item>g = 0 and n exceeds the link: with an unfinished checksum a superpacket of unknown segment size, to be cut by the inner MTU; else one
/// packet that the kernel put together from fragments.</item>
/// </list>
/// </remarks>
public static class ReceiveClassifier
{
    private const int TcpChecksumOffset = 16;
    private const int UdpChecksumOffset = 6;

    /// <summary>Classifies a UDP message of a tunnel, and makes one descriptor for each datagram of a train, over the same bytes.</summary>
    /// <param name="kind">The encapsulation, one that UDP carries.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="index">The descriptor over the whole message; the first datagram of a train keeps it.</param>
    /// <param name="groSegmentSize">What UDP_GRO told; 0 for nothing.</param>
    /// <param name="maxDatagramLength">The longest UDP payload that the link carries in one piece.</param>
    /// <param name="innerMtu">The MTU of the inner network in bytes of IP packet.</param>
    /// <returns>The number of datagrams of a train for which the batch had no descriptor; they are lost.</returns>
    public static int Split(TunnelKind kind, PacketBatch batch, int index, int groSegmentSize, int maxDatagramLength, int innerMtu)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentOutOfRangeException.ThrowIfNegative(groSegmentSize);
        int length = batch.Length(index);
        bool known = TryLocate(kind, batch.Data(index), out int network, out InnerTransport inner);
        if (groSegmentSize == 0 || groSegmentSize >= length)
        {
            bool exceeds = groSegmentSize == 0 && length > maxDatagramLength;
            if (known)
            {
                Mark(batch, index, inner, exceeds ? innerMtu - inner.HeaderLength + network : 0, verify: exceeds);
            }

            return 0;
        }

        if (known && inner.End == length && inner.HasTransport && inner.IsPartial(batch.Data(index)))
        {
            Mark(batch, index, inner, groSegmentSize, verify: false);
            return 0;
        }

        return SplitTrain(kind, batch, index, groSegmentSize);
    }

    /// <summary>Classifies an IP packet that came out of an IP-in-IP tunnel. It never comes as a train: IP has no boundaries to keep.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">The descriptor; the packet begins with the inner IP header.</param>
    /// <param name="innerMtu">The MTU of the tunnel: what exceeds it cannot have come over the link in one piece.</param>
    public static void ClassifyIP(PacketBatch batch, int index, int innerMtu)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (InnerTransport.TryRead(batch.Data(index), 0, out InnerTransport inner))
        {
            bool exceeds = inner.End > innerMtu;
            Mark(batch, index, inner, exceeds ? innerMtu - inner.HeaderLength : 0, verify: exceeds);
        }
    }

    /// <summary>Classifies a GRE packet. It never comes as a train: IP has no boundaries to keep.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">The descriptor; the packet begins with the GRE header.</param>
    /// <param name="innerMtu">The MTU of the tunnel: what exceeds it cannot have come over the link in one piece.</param>
    /// <remarks>
    /// The kernel merges GRE packets with and without key and checksum, not those with a sequence number. Whatever it merged, or never cut, has an
    /// unfinished inner checksum, and then no GRE checksum that could be verified: that is of the first packet, or zero.
    /// </remarks>
    public static void ClassifyGre(PacketBatch batch, int index, int innerMtu)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (TryLocateInGre(batch.Data(index), out int network) && InnerTransport.TryRead(batch.Data(index), network, out InnerTransport inner))
        {
            bool exceeds = inner.End - network > innerMtu;
            Mark(batch, index, inner, exceeds ? innerMtu - inner.HeaderLength + network : 0, verify: exceeds);
        }
    }

    private static bool TryLocateInGre(ReadOnlySpan<byte> packet, out int network)
    {
        network = 0;
        if (!GrePacket.TryParse(packet, out GrePacket gre))
        {
            return false;
        }

        EtherType type = gre.ProtocolType;
        network = gre.HeaderLength;
        if (type == EtherType.TransparentEthernetBridging && EthernetFrame.TryParse(gre.Payload, out EthernetFrame frame))
        {
            type = frame.EtherType;
            network += frame.HeaderLength;
        }

        return type is EtherType.IPv4 or EtherType.IPv6;
    }

    private static int SplitTrain(TunnelKind kind, PacketBatch batch, int index, int stride)
    {
        int length = batch.Length(index);
        int lost = 0;
        FinishedChecksum finished = default;
        for (int start = stride; start < length; start += stride)
        {
            int datagram = batch.Share(index, start, Math.Min(stride, length - start));
            if (datagram < 0)
            {
                lost = (length - start + stride - 1) / stride;
                break;
            }

            ReadOnlySpan<byte> bytes = batch.Data(datagram);
            if (!finished.Holds(bytes) && TryLocate(kind, bytes, out _, out InnerTransport other))
            {
                Mark(batch, datagram, other, 0, verify: false);
                if (kind == TunnelKind.Vxlan)
                {
                    finished.Set(bytes, other);
                }
            }
        }

        batch.Truncate(index, stride);
        if (TryLocate(kind, batch.Data(index), out _, out InnerTransport first))
        {
            Mark(batch, index, first, 0, verify: false);
        }

        return lost;
    }

    private static bool TryLocate(TunnelKind kind, ReadOnlySpan<byte> datagram, out int network, out InnerTransport inner)
    {
        network = 0;
        inner = default;
        if (ReceivedHeader.Read(kind, datagram, out ReceivedHeader header) != DropReason.None)
        {
            // The path finds out as well, and says why.
            return false;
        }

        network = header.Length;
        EtherType type = header.Inner;
        if (type == EtherType.TransparentEthernetBridging)
        {
            if (!EthernetFrame.TryParse(datagram[network..], out EthernetFrame frame))
            {
                return false;
            }

            network += frame.HeaderLength;
            type = frame.EtherType;
        }

        return type is EtherType.IPv4 or EtherType.IPv6 && InnerTransport.TryRead(datagram, network, out inner);
    }

    // segmentSize: what a superpacket is cut by; not positive if it is none.
    private static void Mark(PacketBatch batch, int index, in InnerTransport inner, int segmentSize, bool verify)
    {
        if (!inner.HasTransport)
        {
            return;
        }

        ref PacketMeta meta = ref batch.Meta(index);
        if (!inner.IsPartial(batch.Data(index)))
        {
            if (verify && inner.IsValid(batch.Data(index)))
            {
                meta.Checksum = ChecksumState.Verified;
            }

            return;
        }

        meta.Checksum = ChecksumState.Partial;
        meta.NetworkStart = (ushort)inner.Network;
        meta.ChecksumStart = (ushort)inner.Transport;
        meta.ChecksumOffset = inner.IsTcp ? (ushort)TcpChecksumOffset : (ushort)UdpChecksumOffset;
        if (segmentSize > 0 && inner.End - inner.HeaderLength > segmentSize)
        {
            meta.Segmentation = !inner.IsTcp ? SegmentationKind.Udp : inner.IsIPv4 ? SegmentationKind.TcpIPv4 : SegmentationKind.TcpIPv6;
            meta.SegmentSize = (ushort)segmentSize;
            meta.HeaderLength = (ushort)inner.HeaderLength;
            // Padding behind the packet is no payload.
            batch.Truncate(index, inner.End);
        }
    }

    /// <summary>
    /// What an unfinished checksum would be in datagrams like one that was looked at: most of a train differ from it in nothing that the pseudo header
    /// has, so that one comparison tells that their checksum is finished. Only VXLAN with IPv4 without options behind a plain Ethernet header; the others
    /// are looked at one by one.
    /// </summary>
    private struct FinishedChecksum
    {
        private const int Network = VxlanPacket.HeaderLength + EthernetFrame.MinimumHeaderLength;
        private const int Transport = Network + IPv4Packet.MinimumHeaderLength;

        // EtherType, version and header length, TOS; and where in it the TOS stands, which decides nothing here.
        private const uint TypeMask = 0xFFFF_FF00;
        private const uint PlainIPv4 = ((uint)EtherType.IPv4 << 16) | (0x45 << 8);

        private int _field;
        private ushort _unfinished;
        private ushort _length;
        private byte _protocol;
        private ulong _addresses;

        /// <summary>Remembers a datagram that has been located.</summary>
        public void Set(ReadOnlySpan<byte> datagram, in InnerTransport inner)
        {
            _field = 0;
            if (inner.HasTransport && inner.Network == Network && inner.Transport == Transport)
            {
                _field = Transport + (inner.IsTcp ? TcpChecksumOffset : UdpChecksumOffset);
                _unfinished = inner.UnfinishedChecksum(datagram);
                _length = BinaryPrimitives.ReadUInt16BigEndian(datagram[(Network + IPv4Packet.TotalLengthOffset)..]);
                _protocol = datagram[Network + IPv4Packet.ProtocolOffset];
                _addresses = BinaryPrimitives.ReadUInt64BigEndian(datagram[(Network + IPv4Packet.SourceOffset)..]);
            }
        }

        /// <summary>Whether a datagram is like the one remembered, and its checksum is finished or absent.</summary>
        public readonly bool Holds(ReadOnlySpan<byte> datagram) =>
            _field != 0 && datagram.Length >= _field + sizeof(ushort) &&
            (BinaryPrimitives.ReadUInt32BigEndian(datagram[(Network - sizeof(ushort))..]) & TypeMask) == PlainIPv4 &&
            BinaryPrimitives.ReadUInt16BigEndian(datagram[(Network + IPv4Packet.TotalLengthOffset)..]) == _length &&
            datagram[Network + IPv4Packet.ProtocolOffset] == _protocol &&
            BinaryPrimitives.ReadUInt64BigEndian(datagram[(Network + IPv4Packet.SourceOffset)..]) == _addresses &&
            BinaryPrimitives.ReadUInt16BigEndian(datagram[_field..]) != _unfinished;
    }

    /// <summary>Where an IP packet and its TCP or UDP header lie. All offsets count from the first byte of the descriptor.</summary>
    private readonly struct InnerTransport
    {
        private InnerTransport(int network, int end, bool ipv4)
        {
            Network = network;
            End = end;
            IsIPv4 = ipv4;
        }

        /// <summary>The first byte of the IP header.</summary>
        public int Network { get; }

        /// <summary>One behind the last byte, by the IP header's length.</summary>
        public int End { get; }

        public bool IsIPv4 { get; }

        /// <summary>Whether there is a whole TCP or UDP header, and the packet is no fragment.</summary>
        public bool HasTransport { get; private init; }

        public bool IsTcp { get; private init; }

        /// <summary>The first byte of the TCP or UDP header.</summary>
        public int Transport { get; private init; }

        /// <summary>The first byte behind the TCP or UDP header.</summary>
        public int HeaderLength { get; private init; }

        /// <summary>Reads the IP packet at <paramref name="network"/>.</summary>
        /// <returns>false if it is none, or does not end within <paramref name="bytes"/>.</returns>
        public static bool TryRead(ReadOnlySpan<byte> bytes, int network, out InnerTransport inner)
        {
            inner = default;
            ReadOnlySpan<byte> ip = bytes[network..];
            IPProtocol protocol;
            ReadOnlySpan<byte> transport;
            bool whole;
            if (IPv4Packet.TryParse(ip, out IPv4Packet ipv4))
            {
                inner = new InnerTransport(network, network + ipv4.Bytes.Length, ipv4: true);
                protocol = ipv4.Protocol;
                transport = ipv4.Payload;
                whole = !ipv4.IsFragment;
            }
            else if (IPv6Packet.TryParse(ip, out IPv6Packet ipv6))
            {
                inner = new InnerTransport(network, network + ipv6.Bytes.Length, ipv4: false);
                whole = ipv6.TryGetTransport(out protocol, out transport, out IPv6Fragment fragment) && (!fragment.IsPresent || fragment.IsAtomic);
            }
            else
            {
                return false;
            }

            int headerLength = 0;
            if (whole && protocol == IPProtocol.Tcp && TcpPacket.TryParse(transport, out TcpPacket tcp))
            {
                headerLength = tcp.HeaderLength;
            }
            else if (whole && protocol == IPProtocol.Udp && transport.Length >= UdpPacket.HeaderLength)
            {
                // The length field is not asked: in a superpacket it may be that of the whole or that of a segment.
                headerLength = UdpPacket.HeaderLength;
            }

            if (headerLength != 0)
            {
                int start = inner.End - transport.Length;
                inner = new InnerTransport(network, inner.End, inner.IsIPv4)
                {
                    HasTransport = true,
                    IsTcp = protocol == IPProtocol.Tcp,
                    Transport = start,
                    HeaderLength = start + headerLength,
                };
            }

            return true;
        }

        /// <summary>Whether the checksum field holds the pseudo-header sum. A finished checksum looks the same once in 65 536, which costs a check.</summary>
        public bool IsPartial(ReadOnlySpan<byte> bytes)
        {
            ushort field = BinaryPrimitives.ReadUInt16BigEndian(bytes[(Transport + (IsTcp ? TcpChecksumOffset : UdpChecksumOffset))..]);
            return field == UnfinishedChecksum(bytes) && field != 0;
        }

        /// <summary>What the checksum field holds if it is not finished.</summary>
        public ushort UnfinishedChecksum(ReadOnlySpan<byte> bytes) => InternetChecksum.Fold(PseudoHeader(bytes));

        /// <summary>Whether the checksum is finished and right.</summary>
        public bool IsValid(ReadOnlySpan<byte> bytes) => InternetChecksum.IsValid(bytes[Transport..End], PseudoHeader(bytes));

        private ulong PseudoHeader(ReadOnlySpan<byte> bytes)
        {
            // The addresses lie together, 8 bytes or 32.
            ReadOnlySpan<byte> ip = bytes[Network..];
            ReadOnlySpan<byte> addresses = IsIPv4 ? ip.Slice(IPv4Packet.SourceOffset, 8) : ip.Slice(IPv6Packet.SourceOffset, 32);
            ushort protocol = (ushort)(IsTcp ? IPProtocol.Tcp : IPProtocol.Udp);
            ushort length = (ushort)(End - Transport);
            return InternetChecksum.Partial(addresses) + InternetChecksum.Word(protocol) + InternetChecksum.Word(length);
        }
    }
}
