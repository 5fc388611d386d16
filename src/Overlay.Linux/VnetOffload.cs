using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>Between the kernel's vnet header and <see cref="PacketMeta"/>. Pure; never throws, whatever the bytes.</summary>
internal static class VnetOffload
{
    private const int EthernetLength = 14;
    private const int VlanTagLength = 4;
    private const int IPv6Length = 40;
    private const int MinimumTcpLength = 20;
    private const int UdpLength = 8;
    private const int TcpFlags = 13;
    private const byte TcpCwr = 0x80;
    private const ushort TcpChecksum = 16;
    private const ushort UdpChecksum = 6;

    /// <summary>
    /// Reads into <paramref name="meta"/> what the kernel says of a packet. Lengths of headers are taken from the headers: the kernel
    /// documents hdr_len as a hint only.
    /// </summary>
    /// <returns>None, or why the packet cannot be passed on: what the kernel says does not fit the packet.</returns>
    public static DropReason Decode(in VnetHeader header, ReadOnlySpan<byte> packet, DeviceLayer layer, ref PacketMeta meta)
    {
        bool partial = (header.Flags & VnetHeader.NeedsChecksum) != 0;
        if (!partial)
        {
            if (header.GsoType != VnetHeader.GsoNone)
            {
                // Each segment needs a checksum of its own, and the kernel always says where.
                return DropReason.BadLength;
            }

            meta.Checksum = (header.Flags & VnetHeader.DataValid) != 0 ? ChecksumState.Verified : ChecksumState.Unverified;
            return DropReason.None;
        }

        if (header.ChecksumStart + header.ChecksumOffset + sizeof(ushort) > packet.Length)
        {
            return DropReason.InnerTruncated;
        }

        int networkStart = layer == DeviceLayer.Ethernet ? NetworkStart(packet) : 0;
        if (networkStart > header.ChecksumStart)
        {
            return DropReason.BadLength;
        }

        meta.Checksum = ChecksumState.Partial;
        meta.NetworkStart = (ushort)networkStart;
        meta.ChecksumStart = header.ChecksumStart;
        meta.ChecksumOffset = header.ChecksumOffset;
        return header.GsoType == VnetHeader.GsoNone ? DropReason.None : DecodeSuperpacket(header, packet, ref meta);
    }

    /// <summary>Writes the vnet header of a packet to be sent.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="meta">What is known of it.</param>
    /// <param name="header">The header; all zero for a plain packet.</param>
    /// <returns>false if the meta contradicts the packet.</returns>
    public static bool TryEncode(ReadOnlySpan<byte> packet, in PacketMeta meta, out VnetHeader header)
    {
        header = default;
        if (meta.Checksum != ChecksumState.Partial)
        {
            // A superpacket's segments get their checksums from the kernel, which wants the pseudo-header sum to begin with.
            return meta.Segmentation == SegmentationKind.None;
        }

        if (meta.ChecksumStart + meta.ChecksumOffset + sizeof(ushort) > packet.Length)
        {
            return false;
        }

        header.Flags = VnetHeader.NeedsChecksum;
        header.ChecksumStart = meta.ChecksumStart;
        header.ChecksumOffset = meta.ChecksumOffset;
        if (meta.Segmentation == SegmentationKind.None)
        {
            return true;
        }

        if (meta.SegmentSize == 0 || meta.HeaderLength <= meta.ChecksumStart || meta.HeaderLength > packet.Length)
        {
            return false;
        }

        header.HeaderLength = meta.HeaderLength;
        header.GsoSize = meta.SegmentSize;
        switch (meta.Segmentation)
        {
            case SegmentationKind.TcpIPv4:
                header.GsoType = VnetHeader.GsoTcpIPv4;
                break;
            case SegmentationKind.TcpIPv6:
                header.GsoType = VnetHeader.GsoTcpIPv6;
                break;
            default:
                header.GsoType = VnetHeader.GsoUdp;
                return true;
        }

        if (meta.ChecksumStart + TcpFlags < packet.Length && (packet[meta.ChecksumStart + TcpFlags] & TcpCwr) != 0)
        {
            header.GsoType |= VnetHeader.GsoEcn;
        }

        return true;
    }

    private static DropReason DecodeSuperpacket(in VnetHeader header, ReadOnlySpan<byte> packet, ref PacketMeta meta)
    {
        (SegmentationKind kind, int version, IPProtocol protocol) = (header.GsoType & ~VnetHeader.GsoEcn) switch
        {
            VnetHeader.GsoTcpIPv4 => (SegmentationKind.TcpIPv4, 4, IPProtocol.Tcp),
            VnetHeader.GsoTcpIPv6 => (SegmentationKind.TcpIPv6, 6, IPProtocol.Tcp),
            VnetHeader.GsoUdp => (SegmentationKind.Udp, 0, IPProtocol.Udp),
            _ => (SegmentationKind.None, 0, default),
        };
        if (kind == SegmentationKind.None || header.GsoSize == 0)
        {
            return DropReason.BadLength;
        }

        if (!TryGetTransport(packet, meta.NetworkStart, out int actualVersion, out IPProtocol actualProtocol, out int transportStart))
        {
            return DropReason.InnerTruncated;
        }

        if (actualVersion is not (4 or 6) || (version != 0 && version != actualVersion))
        {
            return DropReason.BadVersion;
        }

        if (protocol != actualProtocol || transportStart != meta.ChecksumStart ||
            meta.ChecksumOffset != (protocol == IPProtocol.Tcp ? TcpChecksum : UdpChecksum))
        {
            return DropReason.BadLength;
        }

        int transportLength = UdpLength;
        if (protocol == IPProtocol.Tcp)
        {
            if (transportStart + MinimumTcpLength > packet.Length)
            {
                return DropReason.InnerTruncated;
            }

            transportLength = (packet[transportStart + 12] >> 4) * 4;
            if (transportLength < MinimumTcpLength)
            {
                return DropReason.BadLength;
            }
        }

        int headerLength = transportStart + transportLength;
        if (headerLength > packet.Length)
        {
            return DropReason.InnerTruncated;
        }

        if (headerLength > ushort.MaxValue)
        {
            return DropReason.BadLength;
        }

        if (packet.Length - headerLength > header.GsoSize)
        {
            meta.Segmentation = kind;
            meta.SegmentSize = header.GsoSize;
            meta.HeaderLength = (ushort)headerLength;
        }

        // Otherwise one segment: a plain packet with a partial checksum.
        return DropReason.None;
    }

    /// <summary>Where the IP header of a frame begins: behind the Ethernet header and up to two VLAN tags.</summary>
    private static int NetworkStart(ReadOnlySpan<byte> frame)
    {
        int start = EthernetLength;
        for (int tags = 0; tags < 2 && start <= frame.Length; tags++)
        {
            EtherType type = (EtherType)BinaryPrimitives.ReadUInt16BigEndian(frame[(start - sizeof(ushort))..]);
            if (type is not (EtherType.Vlan or EtherType.ServiceVlan))
            {
                break;
            }

            start += VlanTagLength;
        }

        return start;
    }

    private static bool TryGetTransport(ReadOnlySpan<byte> packet, int networkStart, out int version, out IPProtocol protocol, out int start)
    {
        version = 0;
        protocol = default;
        start = 0;
        if (networkStart >= packet.Length)
        {
            return false;
        }

        ReadOnlySpan<byte> ip = packet[networkStart..];
        version = ip[0] >> 4;
        if (version == 4)
        {
            int length = (ip[0] & 0xF) * 4;
            if (length < 20 || ip.Length < length)
            {
                return false;
            }

            protocol = (IPProtocol)ip[9];
            start = networkStart + length;
            return true;
        }

        if (version != 6)
        {
            return true;
        }

        if (ip.Length < IPv6Length)
        {
            return false;
        }

        protocol = (IPProtocol)ip[6];
        int offset = IPv6Length;
        // Hop-by-hop, routing and destination options (RFC 8200 §4); a superpacket is never a fragment. Each step moves on by 8 bytes or more.
        while (protocol is IPProtocol.HopByHopOptions or IPProtocol.RoutingHeader or IPProtocol.DestinationOptions)
        {
            if (offset + 8 > ip.Length)
            {
                return false;
            }

            protocol = (IPProtocol)ip[offset];
            offset += (ip[offset + 1] + 1) * 8;
        }

        start = networkStart + offset;
        return true;
    }
}
