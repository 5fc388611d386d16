using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>
/// Answers ARP requests and neighbour solicitations for addresses that the tunnel knows, so that they need not be flooded. Probes for
/// duplicate addresses pass: only the owner may answer those.
/// </summary>
internal static class NeighborResponder
{
    private const int ArpReplyLength = EthernetFrame.MinimumHeaderLength + ArpPacket.Length;

    /// <summary>Appends the answer to the batch if there is one.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="frame">The frame that may ask.</param>
    /// <param name="vni">The network.</param>
    /// <param name="neighbors">The known addresses.</param>
    /// <param name="device">The output for the answer.</param>
    /// <returns>false if nothing was asked, nothing is known or the batch is full: then the frame goes its way.</returns>
    public static bool TryAnswer(PacketBatch batch, in EthernetFrame frame, Vni vni, NeighborTable neighbors, int device)
    {
        if (!frame.Destination.IsMulticast || neighbors.Count == 0)
        {
            return false;
        }

        return frame.EtherType switch
        {
            EtherType.Arp => TryAnswerArp(batch, frame, vni, neighbors, device),
            EtherType.IPv6 => TryAnswerSolicitation(batch, frame, vni, neighbors, device),
            _ => false,
        };
    }

    private static bool TryAnswerArp(PacketBatch batch, in EthernetFrame frame, Vni vni, NeighborTable neighbors, int device)
    {
        if (!ArpPacket.TryParse(frame.Payload, out ArpPacket request) || request.Operation != ArpOperation.Request || request.IsGratuitous ||
            request.SenderAddress.IsUnspecified || !neighbors.TryLookup(vni, request.TargetAddress, out MacAddress mac) ||
            !batch.TryReserve(ArpReplyLength, out Span<byte> reply))
        {
            return false;
        }

        ArpHeader arp = new(ArpOperation.Reply, mac, request.TargetAddress, request.SenderMac, request.SenderAddress);
        _ = new EthernetHeader(frame.Source, mac, EtherType.Arp).TryWrite(reply, out int length);
        _ = arp.TryWrite(reply[length..], out _);
        Originate(batch, ArpReplyLength, device);
        return true;
    }

    private static bool TryAnswerSolicitation(PacketBatch batch, in EthernetFrame frame, Vni vni, NeighborTable neighbors, int device)
    {
        // RFC 4861 §7.1.1: hop limit 255, so that no router has passed it on; a valid checksum; not from the unspecified address, which is
        // duplicate address detection.
        if (!IPv6Packet.TryParse(frame.Payload, out IPv6Packet packet) || packet.NextHeader != IPProtocol.IcmpV6 ||
            packet.HopLimit != NeighborDiscoveryPacket.RequiredHopLimit || packet.Source.IsUnspecified ||
            !NeighborDiscoveryPacket.TryParse(packet.Payload, out NeighborDiscoveryPacket solicitation) ||
            solicitation.Type != IcmpV6Type.NeighborSolicitation ||
            !neighbors.TryLookup(vni, solicitation.Target, out MacAddress mac))
        {
            return false;
        }

        NeighborDiscoveryHeader advertisement = new(IcmpV6Type.NeighborAdvertisement, solicitation.Target)
        {
            Flags = NeighborDiscoveryFlags.Solicited | NeighborDiscoveryFlags.Override,
            LinkLayerAddress = mac,
        };
        int total = EthernetFrame.MinimumHeaderLength + IPv6Packet.HeaderLength + advertisement.Length;
        if (!batch.TryReserve(total, out Span<byte> reply))
        {
            return false;
        }

        _ = new EthernetHeader(frame.Source, mac, EtherType.IPv6).TryWrite(reply, out int ethernet);
        IPv6Header header = new(solicitation.Target, packet.Source, IPProtocol.IcmpV6)
        {
            PayloadLength = (ushort)advertisement.Length,
            HopLimit = NeighborDiscoveryPacket.RequiredHopLimit,
        };
        _ = header.TryWrite(reply[ethernet..], out int network);
        _ = advertisement.TryWriteMessage(reply[(ethernet + network)..], solicitation.Target, packet.Source, out _);
        Originate(batch, total, device);
        return true;
    }

    private static void Originate(PacketBatch batch, int length, int device)
    {
        ref PacketMeta meta = ref batch.Meta(batch.Commit(length));
        meta.Origin = PacketOrigin.Originated;
        meta.Output = device;
    }
}
