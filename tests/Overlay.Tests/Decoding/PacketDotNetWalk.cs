using PacketDotNet;

namespace Overlay.Tests.Decoding;

/// <summary>The layers of a packet as PacketDotNet decodes them, with the names that <see cref="PacketWalk"/> gives.</summary>
internal static class PacketDotNetWalk
{
    private const int Good = 1;
    private const int Bad = 0;
    private const int NotPresent = 3;

    /// <summary>The layers from the outside, to the first that PacketDotNet does not know.</summary>
    public static IReadOnlyList<DecodedLayer> Walk(Packet? packet)
    {
        List<DecodedLayer> layers = [];
        for (; packet is not null; packet = packet.PayloadPacket)
        {
            (string protocol, (string, object?)[]? fields) = packet switch
            {
                EthernetPacket ethernet => ("eth", Ethernet(ethernet)),
                Ieee8021QPacket tag => ("vlan", Vlan(tag)),
                ArpPacket arp => ("arp", Arp(arp)),
                IPv4Packet ip => ("ip", IPv4(ip)),
                IPv6Packet ip => ("ipv6", IPv6(ip)),
                UdpPacket udp => ("udp", Udp(udp)),
                TcpPacket tcp => ("tcp", Tcp(tcp)),
                IcmpV4Packet icmp => ("icmp", Icmp(icmp)),
                IcmpV6Packet icmp => ("icmpv6", IcmpV6(icmp)),
                GrePacket gre => ("gre", Gre(gre)),
                VxlanPacket vxlan => ("vxlan", Vxlan(vxlan)),
                _ => ("", null),
            };
            if (fields is null)
            {
                break;
            }

            layers.Add(new DecodedLayer(protocol, protocol, fields.ToDictionary(field => field.Item1, field => field.Item2)));
        }

        return layers;
    }

    private static (string, object?)[] Ethernet(EthernetPacket frame) =>
    [
        ("eth.dst", (MacAddress)frame.DestinationHardwareAddress), ("eth.src", (MacAddress)frame.SourceHardwareAddress), ("eth.type", (int)frame.Type),
    ];

    private static (string, object?)[] Vlan(Ieee8021QPacket tag) =>
    [
        ("vlan.priority", (int)tag.PriorityControlPoint), ("vlan.dei", tag.CanonicalFormatIndicator), ("vlan.id", (int)tag.VlanIdentifier),
        ("vlan.etype", (int)tag.Type),
    ];

    private static (string, object?)[] Arp(ArpPacket arp) =>
    [
        ("arp.hw.type", (int)arp.HardwareAddressType), ("arp.proto.type", (int)arp.ProtocolAddressType), ("arp.hw.size", arp.HardwareAddressLength),
        ("arp.proto.size", arp.ProtocolAddressLength), ("arp.opcode", (int)arp.Operation), ("arp.src.hw_mac", (MacAddress)arp.SenderHardwareAddress),
        ("arp.src.proto_ipv4", (ValueIPAddress)arp.SenderProtocolAddress), ("arp.dst.hw_mac", (MacAddress)arp.TargetHardwareAddress),
        ("arp.dst.proto_ipv4", (ValueIPAddress)arp.TargetProtocolAddress),
    ];

    private static (string, object?)[] IPv4(IPv4Packet ip) =>
    [
        ("ip.version", (int)ip.Version), ("ip.hdr_len", ip.HeaderLength * 4), ("ip.dsfield", ip.TypeOfService), ("ip.len", ip.TotalLength), ("ip.id", (int)ip.Id),
        ("ip.flags", ip.FragmentFlags), ("ip.frag_offset", ip.FragmentOffset * 8), ("ip.ttl", ip.TimeToLive), ("ip.proto", (int)ip.Protocol),
        ("ip.checksum", (int)ip.Checksum), ("ip.checksum.status", ip.ValidIPChecksum ? Good : Bad), ("ip.src", (ValueIPAddress)ip.SourceAddress),
        ("ip.dst", (ValueIPAddress)ip.DestinationAddress),
    ];

    private static (string, object?)[] IPv6(IPv6Packet ip) =>
    [
        ("ipv6.version", (int)ip.Version), ("ipv6.tclass", ip.TrafficClass), ("ipv6.flow", ip.FlowLabel), ("ipv6.plen", (int)ip.PayloadLength),
        ("ipv6.nxt", (int)ip.NextHeader), ("ipv6.hlim", ip.HopLimit), ("ipv6.src", (ValueIPAddress)ip.SourceAddress),
        ("ipv6.dst", (ValueIPAddress)ip.DestinationAddress), (TsharkPacket.Transport, (int)ip.Protocol),
    ];

    private static (string, object?)[] Udp(UdpPacket udp) =>
    [
        ("udp.srcport", (int)udp.SourcePort), ("udp.dstport", (int)udp.DestinationPort), ("udp.length", udp.Length), ("udp.checksum", (int)udp.Checksum),
        ("udp.checksum.status", udp.Checksum == 0 ? NotPresent : udp.ValidUdpChecksum ? Good : Bad),
    ];

    private static (string, object?)[] Tcp(TcpPacket tcp) =>
    [
        ("tcp.srcport", (int)tcp.SourcePort), ("tcp.dstport", (int)tcp.DestinationPort), ("tcp.seq_raw", tcp.SequenceNumber),
        ("tcp.ack_raw", tcp.AcknowledgmentNumber), ("tcp.hdr_len", tcp.DataOffset * 4), ("tcp.flags.ae", tcp.NonceSum),
        ("tcp.flags.cwr", tcp.CongestionWindowReduced), ("tcp.flags.ece", tcp.ExplicitCongestionNotificationEcho), ("tcp.flags.urg", tcp.Urgent),
        ("tcp.flags.ack", tcp.Acknowledgment), ("tcp.flags.push", tcp.Push), ("tcp.flags.reset", tcp.Reset), ("tcp.flags.syn", tcp.Synchronize),
        ("tcp.flags.fin", tcp.Finished), ("tcp.window_size_value", (int)tcp.WindowSize), ("tcp.checksum", (int)tcp.Checksum),
        ("tcp.checksum.status", tcp.ValidTcpChecksum ? Good : Bad), ("tcp.urgent_pointer", tcp.UrgentPointer),
        ("tcp.options", tcp.Options is { Length: > 0 } options ? options : null), ("tcp.payload", tcp.PayloadData is { Length: > 0 } payload ? payload : null),
    ];

    private static (string, object?)[] Icmp(IcmpV4Packet icmp)
    {
        int type = (int)icmp.TypeCode >> 8;
        bool echo = type is 0 or 8;
        return
        [
            ("icmp.type", type), ("icmp.code", (int)icmp.TypeCode & 0xFF), ("icmp.checksum", (int)icmp.Checksum),
            ("icmp.checksum.status", icmp.ValidIcmpChecksum ? Good : Bad), ("icmp.ident", echo ? (int)icmp.Id : null),
            ("icmp.seq", echo ? (int)icmp.Sequence : null),
        ];
    }

    private static (string, object?)[] IcmpV6(IcmpV6Packet icmp) =>
    [
        ("icmpv6.type", (int)icmp.Type), ("icmpv6.code", (int)icmp.Code), ("icmpv6.checksum", (int)icmp.Checksum),
        ("icmpv6.checksum.status", icmp.ValidIcmpChecksum ? Good : Bad),
    ];

    private static (string, object?)[] Gre(GrePacket gre) =>
    [
        ("gre.flags_and_version", (int)gre.FlagsAndVersion), ("gre.flags.checksum", gre.HasCheckSum), ("gre.flags.key", gre.HasKey),
        ("gre.flags.sequence_number", gre.HasSequence), ("gre.flags.version", gre.Version), ("gre.proto", (int)gre.Protocol),
        ("gre.checksum", gre.HasCheckSum ? (int)(ushort)gre.Checksum : null),
    ];

    private static (string, object?)[] Vxlan(VxlanPacket vxlan) => [("vxlan.flags", vxlan.Flags << 8), ("vxlan.vni", vxlan.Vni)];
}
