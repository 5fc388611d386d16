using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>Cutting of superpackets, and completion of partial checksums, for ports that take neither.</summary>
public static class Segmentation
{
    private const int TcpHeaderLength = 20;
    private const int UdpHeaderLength = 8;

    /// <summary>Prepares the cutting of a superpacket.</summary>
    /// <param name="packet">The superpacket: an Ethernet frame or IP packet.</param>
    /// <param name="meta">Its meta; the offsets in it are checked here, so that no bytes and no meta lead outside the packet.</param>
    /// <param name="plan">The plan; it borrows <paramref name="packet"/>, which must stay unchanged while it is used.</param>
    /// <returns>false if meta and bytes do not fit each other.</returns>
    public static bool TryPlan(ReadOnlySpan<byte> packet, in PacketMeta meta, out SegmentPlan plan)
    {
        plan = default;
        int network = meta.NetworkStart;
        int transport = meta.ChecksumStart;
        int payload = meta.HeaderLength;
        bool tcp = meta.Segmentation is SegmentationKind.TcpIPv4 or SegmentationKind.TcpIPv6;
        int transportHeader = tcp ? TcpHeaderLength : UdpHeaderLength;
        if (meta.Segmentation == SegmentationKind.None || meta.SegmentSize == 0 || payload >= packet.Length || transport + transportHeader > payload || network >= transport)
        {
            return false;
        }

        ReadOnlySpan<byte> ip = packet[network..];
        bool version4 = (ip[0] >> 4) == 4;
        if ((!version4 && (ip[0] >> 4) != 6) || network + (version4 ? IPv4Packet.MinimumHeaderLength : IPv6Packet.HeaderLength) > transport ||
            (meta.Segmentation == SegmentationKind.TcpIPv4 && !version4) || (meta.Segmentation == SegmentationKind.TcpIPv6 && version4) ||
            (version4 && network + ((ip[0] & 0xF) * 4) != transport) ||
            (tcp && transport + ((packet[transport + 12] >> 4) * 4) != payload) || (!tcp && transport + UdpHeaderLength != payload))
        {
            return false;
        }

        plan = new SegmentPlan(packet, meta, version4, tcp);
        return true;
    }

    /// <summary>Writes the transport checksum of a plain packet whose checksum is partial.</summary>
    /// <returns>false, with nothing written, if the meta points outside the packet.</returns>
    public static bool CompleteChecksum(Span<byte> packet, in PacketMeta meta)
    {
        int start = meta.ChecksumStart;
        int field = start + meta.ChecksumOffset;
        if (start >= packet.Length || field + 2 > packet.Length)
        {
            return false;
        }

        // The field holds the pseudo-header sum already, so the sum over everything from the start is the whole sum (virtio, CHECKSUM_PARTIAL).
        ushort checksum = InternetChecksum.Compute(packet[start..]);
        // A UDP checksum of zero would mean "none"; the other zero of ones' complement says the same number (RFC 768).
        BinaryPrimitives.WriteUInt16BigEndian(packet[field..], checksum == 0 && meta.ChecksumOffset == 6 ? (ushort)0xFFFF : checksum);
        return true;
    }
}
