using System.Buffers.Binary;
using System.Numerics;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>What a <see cref="Coalescer"/> sees of a packet at first glance: its flow, where its headers lie, and whether it may merge at all.</summary>
internal readonly struct FlowPacket
{
    // Two tags, as many as PacketBatch.MaxPacketLength has room for.
    private const int MaxLinkHeaderLength = EthernetFrame.MinimumHeaderLength + (2 * VlanTag.Length);
    private const int PortsLength = 4;
    private const ushort FragmentMask = 0x3FFF;
    private const byte PlainIPv4 = 0x45;

    // These mean more than their bits: a connection begins or ends, data are out of line; CWR belongs to one segment alone (RFC 3168 §6.1.2).
    private const TcpFlags Separating = TcpFlags.Fin | TcpFlags.Syn | TcpFlags.Rst | TcpFlags.Urg | TcpFlags.Cwr;

    /// <summary>What it is.</summary>
    public FlowPacketKind Kind { get; private init; }

    /// <summary>Whether the IP header is IPv4.</summary>
    public bool IsIPv4 { get; private init; }

    /// <summary>TCP, else UDP.</summary>
    public bool IsTcp { get; private init; }

    /// <summary>Whether nothing may follow in the same superpacket: PSH.</summary>
    public bool EndsTrain { get; private init; }

    /// <summary>The first byte of the IP header.</summary>
    public int Network { get; private init; }

    /// <summary>The first byte of the transport header.</summary>
    public int Transport { get; private init; }

    /// <summary>The first byte of the payload.</summary>
    public int HeaderLength { get; private init; }

    /// <summary>A hash of addresses, protocol and ports: equal for all packets of a flow. Others may share it, which costs a flush.</summary>
    public ulong FlowKey { get; private init; }

    /// <summary>Where the checksum field lies in the transport header.</summary>
    public int ChecksumOffset => IsTcp ? TcpPacket.ChecksumOffset : UdpPacket.ChecksumOffset;

    /// <summary>Looks at a packet; never throws, whatever the bytes.</summary>
    /// <param name="packet">An Ethernet frame or an IP packet.</param>
    /// <param name="layer">Which of both.</param>
    /// <param name="meta">What is known of it.</param>
    public static FlowPacket Read(ReadOnlySpan<byte> packet, DeviceLayer layer, in PacketMeta meta)
    {
        int network = 0;
        if (layer == DeviceLayer.Ethernet)
        {
            if (!EthernetFrame.TryParse(packet, out EthernetFrame frame) || frame.EtherType is not (EtherType.IPv4 or EtherType.IPv6))
            {
                return default;
            }

            network = frame.HeaderLength;
        }

        ReadOnlySpan<byte> ip = packet[network..];
        bool version4 = ip.Length >= IPv4Packet.MinimumHeaderLength && ip[0] >> 4 == 4;
        if (!version4 && (ip.Length < IPv6Packet.HeaderLength || ip[0] >> 4 != 6))
        {
            return default;
        }

        int transport;
        ulong addresses;
        byte protocol;
        bool hidden;
        bool exact;
        if (version4)
        {
            transport = network + IPv4Packet.MinimumHeaderLength;
            addresses = BinaryPrimitives.ReadUInt64LittleEndian(ip[IPv4Packet.SourceOffset..]);
            protocol = ip[IPv4Packet.ProtocolOffset];
            hidden = ip[0] != PlainIPv4 || (BinaryPrimitives.ReadUInt16BigEndian(ip[IPv4Packet.FragmentOffsetOffset..]) & FragmentMask) != 0;
            // Bytes behind the packet are Ethernet padding; a superpacket would have to leave them out.
            exact = BinaryPrimitives.ReadUInt16BigEndian(ip[IPv4Packet.TotalLengthOffset..]) == ip.Length;
        }
        else
        {
            transport = network + IPv6Packet.HeaderLength;
            addresses = HashIPv6Addresses(ip[IPv6Packet.SourceOffset..]);
            protocol = ip[IPv6Packet.NextHeaderOffset];
            hidden = false;
            exact = BinaryPrimitives.ReadUInt16BigEndian(ip[IPv6Packet.PayloadLengthOffset..]) == ip.Length - IPv6Packet.HeaderLength;
        }

        bool tcp = protocol == (byte)IPProtocol.Tcp;
        if (hidden || (!tcp && protocol != (byte)IPProtocol.Udp) || packet.Length < transport + PortsLength)
        {
            return default;
        }

        ReadOnlySpan<byte> segment = packet[transport..];
        uint ports = BinaryPrimitives.ReadUInt32LittleEndian(segment);
        bool mergeable = tcp ? TryReadTcp(segment, out int length, out bool ends) : TryReadUdp(segment, out length, out ends);
        return new FlowPacket
        {
            Kind = mergeable && exact && network <= MaxLinkHeaderLength && Agrees(meta, network, transport, tcp) ? FlowPacketKind.Mergeable : FlowPacketKind.Separate,
            IsIPv4 = version4,
            IsTcp = tcp,
            EndsTrain = ends,
            Network = network,
            Transport = transport,
            HeaderLength = transport + length,
            FlowKey = addresses ^ ((((ulong)ports << 8) | protocol) * 0x9E37_79B9_7F4A_7C15),
        };
    }

    private static ulong HashIPv6Addresses(ReadOnlySpan<byte> addresses)
    {
        ulong hash = BinaryPrimitives.ReadUInt64LittleEndian(addresses) ^ BitOperations.RotateLeft(BinaryPrimitives.ReadUInt64LittleEndian(addresses[8..]), 13);
        return hash ^ BitOperations.RotateLeft(BinaryPrimitives.ReadUInt64LittleEndian(addresses[16..]), 29) ^
            BitOperations.RotateLeft(BinaryPrimitives.ReadUInt64LittleEndian(addresses[24..]), 47);
    }

    private static bool TryReadTcp(ReadOnlySpan<byte> segment, out int headerLength, out bool ends)
    {
        headerLength = 0;
        ends = false;
        if (segment.Length < TcpPacket.MinimumHeaderLength)
        {
            return false;
        }

        headerLength = (segment[TcpPacket.DataOffsetOffset] >> 4) * 4;
        TcpFlags flags = (TcpFlags)segment[TcpPacket.FlagsOffset];
        ends = (flags & TcpFlags.Psh) != 0;
        return (flags & Separating) == 0 && headerLength >= TcpPacket.MinimumHeaderLength && headerLength < segment.Length;
    }

    private static bool TryReadUdp(ReadOnlySpan<byte> datagram, out int headerLength, out bool ends)
    {
        headerLength = UdpPacket.HeaderLength;
        ends = false;
        // Without a checksum nothing says that the payload is whole; and the segments of a superpacket always get one.
        return datagram.Length > UdpPacket.HeaderLength &&
            BinaryPrimitives.ReadUInt16BigEndian(datagram[UdpPacket.LengthOffset..]) == datagram.Length &&
            BinaryPrimitives.ReadUInt16BigEndian(datagram[UdpPacket.ChecksumOffset..]) != 0;
    }

    /// <summary>Whether the headers of another packet lie where those of this one do.</summary>
    public bool IsLike(in FlowPacket other) =>
        HeaderLength == other.HeaderLength && Network == other.Network && IsTcp == other.IsTcp && IsIPv4 == other.IsIPv4;

    /// <summary>Whether what is known of a packet of this shape lets it merge.</summary>
    public bool Agrees(in PacketMeta meta) => Agrees(meta, Network, Transport, IsTcp);

    // A superpacket stays what it is, and a partial checksum must be the one of this very transport header.
    private static bool Agrees(in PacketMeta meta, int network, int transport, bool tcp) =>
        meta.Segmentation == SegmentationKind.None &&
        (meta.Checksum != ChecksumState.Partial ||
            (meta.NetworkStart == network && meta.ChecksumStart == transport && meta.ChecksumOffset == (tcp ? TcpPacket.ChecksumOffset : UdpPacket.ChecksumOffset)));
}
