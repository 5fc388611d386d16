using Overlay.Tables;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>What of an ARP packet or a neighbour discovery message counts for suppression, whatever the family.</summary>
internal readonly ref struct NeighborMessage
{
    private static ReadOnlySpan<byte> SolicitedNodePrefix => [0xFF, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF];

    /// <summary>What it is for.</summary>
    public NeighborMessageKind Kind { get; private init; }

    /// <summary>The address that is asked for or tested, or that the sender says is its own.</summary>
    public ValueIPAddress Address { get; private init; }

    /// <summary>Who asks; the unspecified address in a probe.</summary>
    public ValueIPAddress Asker { get; private init; }

    /// <summary>The MAC address that the sender gives as its own; in a solicitation, the frame's source.</summary>
    public MacAddress Mac { get; private init; }

    /// <summary>Of an advertisement; ARP always overrides.</summary>
    public NeighborFlags Flags { get; private init; }

    /// <summary>Reads a frame.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="checksum">What is known of the checksums in it.</param>
    /// <param name="message">The message.</param>
    /// <returns>false if it is none, one that a receiver must ignore (RFC 4861 §7.1), or in a VLAN, of which the tables know nothing.</returns>
    public static bool TryRead(in EthernetFrame frame, ChecksumState checksum, out NeighborMessage message)
    {
        message = default;
        return frame.VlanCount == 0 && frame.EtherType switch
        {
            EtherType.Arp => TryReadArp(frame, out message),
            EtherType.IPv6 => TryReadDiscovery(frame, checksum, out message),
            _ => false,
        };
    }

    private static bool TryReadArp(in EthernetFrame frame, out NeighborMessage message)
    {
        message = default;
        if (!ArpPacket.TryParse(frame.Payload, out ArpPacket arp) || arp.Operation is not (ArpOperation.Request or ArpOperation.Reply))
        {
            return false;
        }

        bool isProbe = arp.SenderAddress.IsUnspecified;
        bool isStatement = arp.Operation == ArpOperation.Reply || arp.IsGratuitous;
        ValueIPAddress address = isStatement ? arp.SenderAddress : arp.TargetAddress;
        if ((isProbe && isStatement) || !NeighborTable.IsHost(address))
        {
            return false;
        }

        message = new NeighborMessage
        {
            Kind = isStatement ? NeighborMessageKind.Statement : isProbe ? NeighborMessageKind.Probe : NeighborMessageKind.Question,
            Address = address,
            Asker = arp.SenderAddress,
            Mac = arp.SenderMac,
            Flags = NeighborFlags.Override,
        };
        return true;
    }

    private static bool TryReadDiscovery(in EthernetFrame frame, ChecksumState checksum, out NeighborMessage message)
    {
        message = default;
        // Hop limit 255: no router has passed it on. A message behind extension headers, or in fragments (RFC 6980), is left to the hosts.
        if (!IPv6Packet.TryParse(frame.Payload, out IPv6Packet packet) || packet.NextHeader != IPProtocol.IcmpV6 ||
            packet.HopLimit != NeighborDiscoveryPacket.RequiredHopLimit || packet.Payload.Length != packet.PayloadLength ||
            !NeighborDiscoveryPacket.TryParse(packet.Payload, out NeighborDiscoveryPacket discovery))
        {
            return false;
        }

        ValueIPAddress source = packet.Source;
        ValueIPAddress target = discovery.Target;
        // An IPv4-mapped address would be taken for the IPv4 address that it is not.
        if (source.IsIPv4 || target.IsIPv4 || packet.Destination.IsIPv4 || source.IsMulticast || !NeighborTable.IsHost(target) ||
            (checksum != ChecksumState.Partial && !HasValidChecksum(packet)))
        {
            return false;
        }

        if (discovery.Type == IcmpV6Type.NeighborAdvertisement)
        {
            // Without the option nothing is said of the MAC address. A solicited one is no multicast (§7.1.2).
            bool isSolicited = (discovery.Flags & NeighborDiscoveryFlags.Solicited) != 0;
            if (source.IsUnspecified || (isSolicited && packet.Destination.IsMulticast) || !discovery.TryGetTargetLinkLayerAddress(out MacAddress mac))
            {
                return false;
            }

            message = new NeighborMessage
            {
                Kind = NeighborMessageKind.Statement,
                Address = target,
                Asker = source,
                Mac = mac,
                Flags = ((discovery.Flags & NeighborDiscoveryFlags.Router) != 0 ? NeighborFlags.Router : NeighborFlags.None) |
                    ((discovery.Flags & NeighborDiscoveryFlags.Override) != 0 ? NeighborFlags.Override : NeighborFlags.None),
            };
            return true;
        }

        // A probe goes to the solicited-node address and has no source link-layer address (§7.1.1).
        if (source.IsUnspecified && (!packet.Bytes.Slice(IPv6Packet.DestinationOffset).StartsWith(SolicitedNodePrefix) ||
            discovery.TryGetOption(NeighborDiscoveryOptionType.SourceLinkLayerAddress, out _)))
        {
            return false;
        }

        message = new NeighborMessage
        {
            Kind = source.IsUnspecified ? NeighborMessageKind.Probe : NeighborMessageKind.Question,
            Address = target,
            Asker = source,
            Mac = frame.Source,
        };
        return true;
    }

    private static bool HasValidChecksum(in IPv6Packet packet) =>
        IcmpV6Packet.TryParse(packet.Payload, out IcmpV6Packet icmp) && icmp.IsChecksumValid(packet.Source, packet.Destination);
}
