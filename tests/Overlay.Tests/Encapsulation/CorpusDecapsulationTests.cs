using System.Buffers.Binary;
using Overlay.Capture;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Encapsulation;

/// <summary>Captures that nobody here made; what a right decoder says about them stands in the corpus's INDEX.md.</summary>
public sealed class CorpusDecapsulationTests
{
    // Checksums: how many packets tshark finds right or without one. In the others the sender left the checksum to its hardware.
    [Theory]
    [InlineData("tcpdump/vxlan.pcap", 10, 10, 4789, 100)]
    [InlineData("tcpdump/vxlan_port_8472.pcap", 10, 10, 8472, 100)]
    [InlineData("libpcap/vxlan.pcap", 10, 10, 4789, 100)]
    [InlineData("ndpi/vxlan.pcap", 127, 54, 4789, 1111)]
    [InlineData("zeek/vxlan-encapsulated-http.pcap", 12, 12, 4789, 1)]
    [InlineData("zeek/vxlan-encapsulated-igmp-v2.pcap", 3, 0, 4789, 4242)]
    public void Vxlan_is_decapsulated(string file, int packets, int checksums, int port, int vni)
    {
        List<byte[]> outer = OuterPackets(file);
        Assert.Equal(packets, outer.Count);
        int right = 0;
        foreach (byte[] packet in outer)
        {
            right += Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, (ushort)port, out _, out DropReason reason) ? 1 : 0;
            Assert.True(reason is DropReason.None or DropReason.BadChecksum, reason.ToString());
            Assert.True(
                Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, (ushort)port, DecapsulationOptions.SkipUdpChecksum, out Decapsulated inner, out reason),
                reason.ToString());
            Assert.Equal((uint)vni, inner.Vni.Value);
            Assert.True(ReservedBitsPolicy.Reject.Accepts(inner.Header));
            Assert.True(EthernetFrame.TryParse(inner.Payload, out EthernetFrame frame));
            Assert.True(frame.EtherType switch
            {
                EtherType.IPv4 => IPv4Packet.TryParse(frame.Payload, out IPv4Packet ip) && ip.IsChecksumValid,
                EtherType.Arp => ArpPacket.TryParse(frame.Payload, out _),
                _ => false,
            });
        }

        Assert.Equal(checksums, right);
    }

    [Theory]
    [InlineData("tcpdump/vxlan.pcap", EtherType.Arp, 2)]
    [InlineData("tcpdump/vxlan.pcap", EtherType.IPv4, 8)]
    [InlineData("ndpi/vxlan.pcap", EtherType.IPv4, 127)]
    public void Inner_frames_are_what_they_are(string file, EtherType type, int expected) =>
        Assert.Equal(expected, OuterPackets(file).Count(packet =>
            Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, 4789, DecapsulationOptions.SkipUdpChecksum, out Decapsulated inner, out _) &&
            EthernetFrame.TryParse(inner.Payload, out EthernetFrame frame) && frame.EtherType == type));

    [Theory]
    [InlineData("tcpdump/vxlan_port_8472.pcap")]
    [InlineData("tcpdump/nsh-over-vxlan-gpe.pcap")]
    [InlineData("tcpdump/geneve.pcap")]
    public void Other_ports_are_not_decapsulated(string file)
    {
        foreach (byte[] packet in OuterPackets(file))
        {
            Assert.False(Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, 4789, out _, out DropReason reason));
            Assert.Equal(DropReason.NotTunnel, reason);
        }
    }

    [Theory]
    [InlineData("packetnet/vxlan.pcap", true)]
    [InlineData("packetnet/vxlan_custom_port.pcap", false)]
    public void A_custom_port_is_decapsulated_where_it_is_configured(string file, bool isDefaultPort)
    {
        byte[] packet = Assert.Single(OuterPackets(file));
        // These captures have a wrong outer IPv4 checksum, as tshark says too; with the right one they are what they are meant to be.
        Assert.False(Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, 4789, out _, out DropReason reason));
        Assert.Equal(DropReason.BadChecksum, reason);
        packet[10] = packet[11] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), PacketBuilder.Checksum(packet.AsSpan(0, 20), 0));

        Assert.True(IPv4Packet.TryParse(packet, out IPv4Packet outerIP));
        Assert.True(UdpPacket.TryParse(outerIP.Payload, out UdpPacket udp));
        Assert.Equal(isDefaultPort, udp.DestinationPort == 4789);
        Assert.Equal(isDefaultPort, Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, 4789, out _, out reason));
        Assert.Equal(isDefaultPort ? DropReason.None : DropReason.NotTunnel, reason);
        Assert.True(Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, udp.DestinationPort, out Decapsulated inner, out _));
        Assert.Equal(0x123456u, inner.Vni.Value);
        Assert.True(EthernetFrame.TryParse(inner.Payload, out EthernetFrame frame));
        Assert.True(IPv4Packet.TryParse(frame.Payload, out IPv4Packet ip));
        Assert.True(TcpPacket.TryParse(ip.Payload, out TcpPacket tcp));
        Assert.Equal("ABCD", Convert.ToHexString(tcp.Payload));
    }

    [Fact]
    public void Generic_protocol_extension_has_reserved_bits_that_the_policy_sees()
    {
        byte[] packet = Assert.Single(OuterPackets("tcpdump/nsh-over-vxlan-gpe.pcap"));
        Assert.True(Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, 4790, DecapsulationOptions.SkipUdpChecksum, out Decapsulated inner, out _));
        Assert.Equal(0xFFFFFFu, inner.Vni.Value);
        Assert.Equal(0x0C00_0004UL, inner.Header >> 32);
        Assert.False(ReservedBitsPolicy.Reject.Accepts(inner.Header));
        Assert.True(ReservedBitsPolicy.Ignore.Accepts(inner.Header));
    }

    [Theory]
    [InlineData("tcpdump/gso-ipv4-vxlan-ipv4.pcap", true, EtherType.IPv4)]
    [InlineData("tcpdump/gso-ipv4-vxlan-ipv6.pcap", true, EtherType.IPv6)]
    [InlineData("tcpdump/gso-ipv6-vxlan-ipv4.pcap", false, EtherType.IPv4)]
    [InlineData("tcpdump/gso-ipv6-vxlan-ipv6.pcap", false, EtherType.IPv6)]
    public void Superpackets_are_decapsulated_whole(string file, bool outerIPv4, EtherType type)
    {
        byte[] packet = Assert.Single(OuterPackets(file));
        // Captured before segmentation: the checksum in the header is for the hardware to complete.
        Assert.True(Decapsulator.TryDecapsulate(
            packet, TunnelKind.Vxlan, 4789, DecapsulationOptions.SkipUdpChecksum, out Decapsulated inner, out DropReason reason), reason.ToString());
        Assert.Equal((5001u, outerIPv4), (inner.Vni.Value, inner.IsOuterIPv4));
        Assert.True(inner.Payload.Length > 1514);
        Assert.True(EthernetFrame.TryParse(inner.Payload, out EthernetFrame frame));
        Assert.Equal(type, frame.EtherType);
    }

    [Theory]
    [InlineData("zeek/4in4.pcap", 1, true, true, IPProtocol.Udp)]
    [InlineData("zeek/4in6.pcap", 1, false, true, IPProtocol.Tcp)]
    [InlineData("zeek/6in4.pcap", 1, true, false, IPProtocol.Udp)]
    [InlineData("zeek/6in6.pcap", 1, false, false, IPProtocol.Udp)]
    [InlineData("zeek/ping6-in-ipv4.pcap", 10, true, false, IPProtocol.IcmpV6)]
    [InlineData("arkime/ipv6-in-ipv4.pcap", 10, true, false, IPProtocol.IcmpV6)]
    [InlineData("ndpi/4in4tunnel.pcap", 5, true, true, IPProtocol.Udp)]
    [InlineData("ndpi/4in6tunnel.pcap", 4, false, true, IPProtocol.Tcp)]
    [InlineData("ndpi/6in4tunnel.pcap", 127, true, false, null)]
    public void IP_in_IP_is_decapsulated(string file, int packets, bool outerIPv4, bool innerIPv4, IPProtocol? transport)
    {
        List<byte[]> outer = OuterPackets(file);
        Assert.Equal(packets, outer.Count);
        foreach (byte[] packet in outer)
        {
            Assert.True(Decapsulator.TryDecapsulate(packet, TunnelKind.IPInIP, 0, out Decapsulated inner, out DropReason reason), reason.ToString());
            Assert.Equal((outerIPv4, innerIPv4 ? IPProtocol.IPv4 : IPProtocol.IPv6), (inner.IsOuterIPv4, inner.Protocol));
            IPProtocol found;
            if (innerIPv4)
            {
                Assert.True(IPv4Packet.TryParse(inner.Payload, out IPv4Packet ip));
                found = ip.Protocol;
            }
            else
            {
                Assert.True(IPv6Packet.TryParse(inner.Payload, out IPv6Packet ip));
                Assert.True(ip.TryGetTransport(out found, out _));
            }

            Assert.True(transport is null ? found is IPProtocol.Tcp or IPProtocol.IcmpV6 or IPProtocol.Udp : found == transport, found.ToString());
            Assert.False(Decapsulator.TryDecapsulate(packet, TunnelKind.Vxlan, 4789, out _, out reason));
            Assert.Equal(DropReason.NotTunnel, reason);
        }
    }

    [Fact]
    public void No_capture_makes_it_throw_and_both_ways_agree()
    {
        if (Corpus.Files.Count == 0)
        {
            Corpus.PathOf("");
        }

        int taken = 0;
        foreach (string file in Corpus.Files)
        {
            foreach (byte[] packet in OuterPackets(file))
            {
                foreach (TunnelKind kind in Enum.GetValues<TunnelKind>())
                {
                    bool success = Decapsulator.TryDecapsulate(packet, kind, 4789, DecapsulationOptions.SkipUdpChecksum, out Decapsulated inner, out DropReason reason);
                    Assert.Equal(Decapsulator.Examine(packet, kind, 4789, DecapsulationOptions.SkipUdpChecksum, out _), reason);
                    taken += success && inner.Payload.Length > 0 ? 1 : 0;
                }
            }
        }

        Assert.True(taken > 300, $"{taken} were decapsulated");
    }

    /// <summary>The IP packets of a capture behind Ethernet, VLAN tags or nothing.</summary>
    private static List<byte[]> OuterPackets(string file)
    {
        List<byte[]> packets = [];
        foreach (CapturedPacket captured in Corpus.Packets(file))
        {
            if (captured.LinkType is LinkType.Raw or LinkType.IPv4 or LinkType.IPv6)
            {
                packets.Add(captured.Data.ToArray());
            }
            else if (captured.LinkType == LinkType.Ethernet && EthernetFrame.TryParse(captured.Data.Span, out EthernetFrame frame) &&
                frame.EtherType is EtherType.IPv4 or EtherType.IPv6)
            {
                packets.Add(frame.Payload.ToArray());
            }
        }

        return packets;
    }
}
