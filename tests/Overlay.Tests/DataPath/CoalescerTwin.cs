using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Testing;

namespace Overlay.Tests.DataPath;

/// <summary>
/// The slow twin of <see cref="Coalescer"/>: the same rules, written down once more from what they say, with copies of headers in which everything that
/// cutting restores is zero, with the plain checksum loop, and with lists. It shares no code with what it is compared to.
/// </summary>
internal sealed class CoalescerTwin(bool tcp, bool udp)
{
    private const int OpenFlows = 32;
    private const int MostTcp = 512;
    private const int MostUdp = 128;

    private readonly List<List<Packet>> _open = [];
    private readonly List<Result> _results = [];

    /// <summary>What a coalescer has to write, in its order.</summary>
    public static List<Result> Send(IReadOnlyList<(byte[] Bytes, PacketMeta Meta)> packets, bool ethernet, bool tcp = true, bool udp = true)
    {
        CoalescerTwin twin = new(tcp, udp);
        for (int i = 0; i < packets.Count; i++)
        {
            twin.Add(Packet.Read(i, packets[i].Bytes, packets[i].Meta, ethernet));
        }

        twin.CloseAll();
        return twin._results;
    }

    private void Add(Packet packet)
    {
        if (packet.Flow is null)
        {
            // Of no known flow: it may belong to any, and must overtake none.
            CloseAll();
            _results.Add(Alone(packet));
            return;
        }

        bool mergeable = packet.Mergeable && (packet.IsTcp ? tcp : udp);
        List<Packet>? train = _open.Find(open => open[0].Flow == packet.Flow);
        if (train is not null)
        {
            bool continues = mergeable && MayFollow(train, packet);
            if (continues && packet.IsIntact)
            {
                train.Add(packet);
                if (packet.Psh || packet.Payload.Length < train[0].Payload.Length || train.Count == (packet.IsTcp ? MostTcp : MostUdp))
                {
                    Close(train);
                }

                return;
            }

            Close(train);
            // What would continue but for its checksum merges with nothing, not even as the first.
            mergeable &= !continues;
        }

        if (!mergeable || packet.Psh)
        {
            _results.Add(Alone(packet));
            return;
        }

        if (_open.Count == OpenFlows)
        {
            Close(_open[0]);
        }

        _open.Add([packet]);
    }

    /// <summary>May this packet, if it is intact, become part of what there is?</summary>
    private static bool MayFollow(List<Packet> train, Packet next)
    {
        Packet first = train[0];
        int payload = train.Sum(packet => packet.Payload.Length);
        return first.Fingerprint.AsSpan().SequenceEqual(next.Fingerprint)
            && next.Payload.Length <= first.Payload.Length
            && first.TransportHeaderEnd - first.Network + payload + next.Payload.Length <= 65_535
            && (!first.IsTcp || next.Sequence == unchecked(first.Sequence + (uint)payload))
            && (!first.IsIPv4 || first.DontFragment || next.Identification == unchecked((ushort)(first.Identification + train.Count)))
            && (train.Count > 1 || first.IsIntact);
    }

    private void CloseAll()
    {
        while (_open.Count > 0)
        {
            Close(_open[0]);
        }
    }

    private void Close(List<Packet> train)
    {
        _open.Remove(train);
        _results.Add(train.Count == 1 ? Alone(train[0]) : Merge(train));
    }

    private static Result Alone(Packet packet) => new([packet.Index], packet.Bytes, packet.Meta);

    private static Result Merge(List<Packet> train)
    {
        Packet first = train[0];
        byte[] whole = [.. first.Bytes[..first.TransportHeaderEnd], .. train.SelectMany(packet => packet.Payload)];
        Span<byte> ip = whole.AsSpan(first.Network);
        Span<byte> transport = whole.AsSpan(first.Transport);
        if (first.IsIPv4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)ip.Length);
            ip[10] = ip[11] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(ip[10..], PacketBuilder.Checksum(ip[..20], 0));
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(ip.Length - 40));
        }

        if (!first.IsTcp)
        {
            BinaryPrimitives.WriteUInt16BigEndian(transport[4..], (ushort)transport.Length);
        }
        else if (train[^1].Psh)
        {
            transport[13] |= 8;
        }

        int field = first.IsTcp ? 16 : 6;
        BinaryPrimitives.WriteUInt16BigEndian(transport[field..], PacketBuilder.PseudoHeader(ip, first.IsTcp ? IPProtocol.Tcp : IPProtocol.Udp, transport.Length));
        PacketMeta meta = first.Meta;
        meta.Checksum = ChecksumState.Partial;
        meta.Segmentation = !first.IsTcp ? SegmentationKind.Udp : first.IsIPv4 ? SegmentationKind.TcpIPv4 : SegmentationKind.TcpIPv6;
        meta.SegmentSize = (ushort)first.Payload.Length;
        meta.HeaderLength = (ushort)first.TransportHeaderEnd;
        meta.NetworkStart = (ushort)first.Network;
        meta.ChecksumStart = (ushort)first.Transport;
        meta.ChecksumOffset = (ushort)field;
        return new Result([.. train.Select(packet => packet.Index)], whole, meta);
    }

    /// <summary>One write.</summary>
    internal sealed record Result(int[] Descriptors, byte[] Bytes, PacketMeta Meta);

    /// <summary>A packet, read.</summary>
    internal sealed class Packet
    {
        public required int Index { get; init; }

        public required byte[] Bytes { get; init; }

        public required PacketMeta Meta { get; init; }

        /// <summary>Addresses, protocol and ports; null if they cannot be told.</summary>
        public string? Flow { get; private set; }

        /// <summary>Whether nothing in the packet itself forbids to merge it.</summary>
        public bool Mergeable { get; private set; }

        public bool IsIPv4 { get; private set; }

        public bool IsTcp { get; private set; }

        public int Network { get; private set; }

        public int Transport { get; private set; }

        public int TransportHeaderEnd { get; private set; }

        public bool Psh { get; private set; }

        public bool DontFragment { get; private set; }

        public uint Sequence { get; private set; }

        public ushort Identification { get; private set; }

        /// <summary>All headers, zero where packets of one train may differ.</summary>
        public byte[] Fingerprint { get; private set; } = [];

        public byte[] Payload { get; private set; } = [];

        /// <summary>Whether the checksums are right, or the transport's is somebody else's business.</summary>
        public bool IsIntact => (!IsIPv4 || PacketBuilder.Checksum(Bytes.AsSpan(Network, 20), 0) == 0) &&
            (Meta.Checksum != ChecksumState.Unverified || HasRightTransportChecksum);

        /// <summary>Whether the transport's checksum is right.</summary>
        public bool HasRightTransportChecksum
        {
            get
            {
                ReadOnlySpan<byte> transport = Bytes.AsSpan(Transport);
                return PacketBuilder.Checksum(transport, PacketBuilder.PseudoHeader(Bytes.AsSpan(Network), IsTcp ? IPProtocol.Tcp : IPProtocol.Udp, transport.Length)) == 0;
            }
        }

        public static Packet Read(int index, byte[] bytes, PacketMeta meta, bool ethernet)
        {
            Packet packet = new() { Index = index, Bytes = bytes, Meta = meta };
            if (!ethernet)
            {
                packet.ReadIP(0);
            }
            else if (bytes.Length >= 14)
            {
                int network = 14;
                for (int tags = 0; tags < 4 && network <= bytes.Length && Type(bytes, network) is 0x8100 or 0x88A8; tags++)
                {
                    network += 4;
                }

                if (network <= bytes.Length && Type(bytes, network) is 0x0800 or 0x86DD)
                {
                    packet.ReadIP(network);
                }
            }

            return packet;
        }

        private static int Type(byte[] frame, int network) => BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(network - 2));

        private void ReadIP(int network)
        {
            ReadOnlySpan<byte> ip = Bytes.AsSpan(network);
            int version = ip.Length > 0 ? ip[0] >> 4 : 0;
            IsIPv4 = version == 4;
            int headerLength = IsIPv4 ? 20 : 40;
            // Options, extension headers and fragments hide the ports, or most of the packet.
            if (version is not (4 or 6) || ip.Length < headerLength + 4 ||
                (IsIPv4 && ((ip[0] & 0xF) != 5 || (ip[6] & 0x20) != 0 || (ip[6] & 0x1F) != 0 || ip[7] != 0)))
            {
                return;
            }

            byte protocol = ip[IsIPv4 ? 9 : 6];
            if (protocol is not (6 or 17))
            {
                return;
            }

            IsTcp = protocol == 6;
            Network = network;
            Transport = network + headerLength;
            ReadOnlySpan<byte> transport = ip[headerLength..];
            Flow = $"{version} {protocol} {Convert.ToHexString(IsIPv4 ? ip.Slice(12, 8) : ip.Slice(8, 32))} {Convert.ToHexString(transport[..4])}";
            DontFragment = IsIPv4 && (ip[6] & 0x40) != 0;
            Identification = IsIPv4 ? BinaryPrimitives.ReadUInt16BigEndian(ip[4..]) : (ushort)0;
            int announced = IsIPv4 ? BinaryPrimitives.ReadUInt16BigEndian(ip[2..]) : 40 + BinaryPrimitives.ReadUInt16BigEndian(ip[4..]);
            if (announced != ip.Length || network > 22 || !(IsTcp ? ReadTcp(transport) : ReadUdp(transport)) || Meta.Segmentation != SegmentationKind.None)
            {
                return;
            }

            bool own = Meta.NetworkStart == network && Meta.ChecksumStart == Transport && Meta.ChecksumOffset == (IsTcp ? 16 : 6);
            Mergeable = Meta.Checksum != ChecksumState.Partial || own;
            Payload = Bytes[TransportHeaderEnd..];
            Fingerprint = Bytes[..TransportHeaderEnd];
            // Length, identification and checksum of IPv4; length of IPv6.
            Clear(network + (IsIPv4 ? 2 : 4), IsIPv4 ? 4 : 2);
            if (IsIPv4)
            {
                Clear(network + 10, 2);
            }

            if (IsTcp)
            {
                // Sequence number, PSH, checksum.
                Clear(Transport + 4, 4);
                Fingerprint[Transport + 13] &= 0xF7;
                Clear(Transport + 16, 2);
            }
            else
            {
                // Length and checksum.
                Clear(Transport + 4, 4);
            }
        }

        private void Clear(int start, int length) => Fingerprint.AsSpan(start, length).Clear();

        private bool ReadTcp(ReadOnlySpan<byte> segment)
        {
            if (segment.Length < 20)
            {
                return false;
            }

            int headerLength = (segment[12] >> 4) * 4;
            TransportHeaderEnd = Transport + headerLength;
            Sequence = BinaryPrimitives.ReadUInt32BigEndian(segment[4..]);
            Psh = (segment[13] & 8) != 0;
            // FIN, SYN, RST, URG and CWR stand alone; so does a segment that carries nothing.
            return headerLength >= 20 && headerLength < segment.Length && (segment[13] & 0b1010_0111) == 0;
        }

        private bool ReadUdp(ReadOnlySpan<byte> datagram)
        {
            TransportHeaderEnd = Transport + 8;
            return datagram.Length > 8 && BinaryPrimitives.ReadUInt16BigEndian(datagram[4..]) == datagram.Length && (datagram[6] | datagram[7]) != 0;
        }
    }
}
