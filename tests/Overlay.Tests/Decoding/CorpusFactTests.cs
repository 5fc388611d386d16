using Overlay.Capture;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Decoding;

/// <summary>What the first table of the corpus's INDEX.md says of each capture, read by the views of this library.</summary>
public sealed class CorpusFactTests
{
    private const int Good = 1;
    private const int NotPresent = 3;

    [Theory]
    [InlineData("tcpdump/vxlan.pcap")]
    [InlineData("tcpdump/vxlan_port_8472.pcap")]
    [InlineData("libpcap/vxlan.pcap")]
    public void Ten_packets_of_VNI_100_without_a_checksum(string file)
    {
        IReadOnlyList<DecodedLayer>[] packets = Walk(file);
        Assert.Equal(10, packets.Count(packet => Vxlan(packet) == 100));
        Assert.All(packets, packet => Assert.Equal(NotPresent, Field(packet, "udp", "udp.checksum.status")));
        Assert.Equal((8, 2), (packets.Count(packet => packet[^1].Protocol == "icmp"), packets.Count(packet => packet[^1].Protocol == "arp")));
    }

    [Fact]
    public void Packetnets_vector_has_flags_VNI_and_payload()
    {
        IReadOnlyList<DecodedLayer> packet = Assert.Single(Walk("packetnet/vxlan.pcap"));
        Assert.Equal((0x0800, 0x123456u), (Field(packet, "vxlan", "vxlan.flags"), Field(packet, "vxlan", "vxlan.vni")));
        Assert.Equal("ABCD", Payload(packet));
    }

    [Fact]
    public void Ndpis_tunnel_is_tagged_and_every_checksum_is_there_to_be_verified()
    {
        IReadOnlyList<DecodedLayer>[] packets = Walk("ndpi/vxlan.pcap");
        Assert.Equal(127, packets.Length);
        Assert.All(packets, packet => Assert.Equal((5, 1111L), (Field(packet, "vlan", "vlan.id"), Vxlan(packet))));
        Assert.All(packets, packet => Assert.NotEqual(NotPresent, Field(packet, "udp", "udp.checksum.status")));
        // The other 73 were captured where the hardware had not yet completed them; tshark calls the same ones wrong (TsharkFieldTests).
        Assert.Equal(54, packets.Count(packet => Equals(Field(packet, "udp", "udp.checksum.status"), Good)));
    }

    [Fact]
    public void Twelve_TCP_packets_of_HTTP_are_inside()
    {
        IReadOnlyList<DecodedLayer>[] packets = Walk("zeek/vxlan-encapsulated-http.pcap");
        Assert.Equal(12, packets.Count(packet => Vxlan(packet) == 1 && packet[^1].Protocol == "tcp"));
        Assert.All(packets, packet => Assert.Equal(Good, Field(packet, "tcp", "tcp.checksum.status")));
    }

    [Fact]
    public void Three_inner_packets_have_the_router_alert_option()
    {
        IReadOnlyList<DecodedLayer>[] packets = Walk("zeek/vxlan-encapsulated-igmp-v2.pcap");
        Assert.Equal(3, packets.Count(packet =>
            Vxlan(packet) == 4242 && packet[^2].Fields["ip.hdr_len"] is 24 && packet[^2].Fields[TsharkPacket.IPOptions] is byte[] and [0x94, 4, 0, 0]));
    }

    [Fact]
    public void Nineteen_Geneve_packets_have_a_critical_option_that_nobody_here_knows()
    {
        int known = 0, critical = 0;
        foreach (CapturedPacket captured in Corpus.Packets("tcpdump/geneve.pcap"))
        {
            Assert.True(EthernetFrame.TryParse(captured.Data.Span, out EthernetFrame frame));
            Assert.True(IPv4Packet.TryParse(frame.Payload, out IPv4Packet ip));
            Assert.True(UdpPacket.TryParse(ip.Payload, out UdpPacket udp));
            Assert.True(GenevePacket.TryParse(udp.Payload, out GenevePacket geneve));
            if (geneve.Vni.Value == 10)
            {
                Assert.True(geneve.HasCriticalOption && geneve.AnnouncesCriticalOption);
                Assert.True(geneve.TryGetOption(0, 0x80, out GeneveOption option));
                Assert.Equal((true, 4), (option.IsCritical, option.Data.Length));
                critical++;
            }
            else
            {
                Assert.Equal(11u, geneve.Vni.Value);
                Assert.False(geneve.HasCriticalOption);
                Assert.True(geneve.OptionBytes.IsEmpty);
                known++;
            }
        }

        Assert.Equal((19, 20), (critical, known));
    }

    [Fact]
    public void Googles_Geneve_carries_IPv4_and_three_options()
    {
        IReadOnlyList<DecodedLayer> packet = Assert.Single(Walk("tcpdump/geneve-gcp.pcap"));
        Assert.Equal((2, 0x0800), (Field(packet, "ip", "ip.ttl"), Field(packet, "geneve", "geneve.proto_type")));
        Assert.Equal(new[] { 0x0132, 0x0132, 0x0132 }, Field(packet, "geneve", "geneve.option.class"));
        Assert.Equal("ip", packet[packet.ToList().FindIndex(layer => layer.Protocol == "geneve") + 1].Protocol);
    }

    [Fact]
    public void Nsh_is_recognised_behind_VXLAN_GPE()
    {
        IReadOnlyList<DecodedLayer> packet = Assert.Single(Walk("tcpdump/nsh-over-vxlan-gpe.pcap"));
        Assert.Equal((4790, 0xFFFFFFu, 4), (Field(packet, "udp", "udp.dstport"), Field(packet, "vxlan", "vxlan.vni"), Field(packet, "vxlan", "vxlan.next_proto")));
        Assert.Contains(packet, layer => layer.Protocol == "nsh");
    }

    [Fact]
    public void Gre_with_everything_has_right_checksums_and_ascending_numbers()
    {
        IReadOnlyList<DecodedLayer>[] packets = Walk("packetnet/gre_all_options.pcap");
        Assert.Equal(10, packets.Length);
        Assert.All(packets, packet => Assert.Equal(Good, Field(packet, "gre", "gre.checksum.status")));
        Assert.All(packets, packet => Assert.NotNull(Field(packet, "gre", "gre.key")));
        foreach (IGrouping<object?, IReadOnlyList<DecodedLayer>> direction in packets.GroupBy(packet => Field(packet, "ip", "ip.src")))
        {
            uint[] numbers = [.. direction.Select(packet => (uint)Field(packet, "gre", "gre.sequence_number")!)];
            Assert.Equal(numbers.Order().Distinct(), numbers);
        }
    }

    [Fact]
    public void Nvgre_has_a_key_and_nothing_else()
    {
        byte[] captured = Assert.Single(Corpus.Packets("packetnet/gre_nvgre.pcap")).Data.ToArray();
        Assert.True(EthernetFrame.TryParse(captured, out EthernetFrame frame));
        Assert.True(IPv4Packet.TryParse(frame.Payload, out IPv4Packet ip));
        Assert.True(GrePacket.TryParse(ip.Payload, out GrePacket gre));
        Assert.Equal((GreFlags.Key, EtherType.TransparentEthernetBridging, 0x12345602u), (gre.Flags, gre.ProtocolType, gre.Key));
        Assert.True(NvgrePacket.TryParse(ip.Payload, out NvgrePacket nvgre));
        Assert.Equal((0x123456u, (byte)2), (nvgre.VirtualSubnetId.Value, nvgre.FlowId));
        Assert.Equal("ABCD", Payload(Assert.Single(Walk("packetnet/gre_nvgre.pcap"))));
    }

    [Fact]
    public void Gre_without_a_key_carries_forty_packets()
    {
        IReadOnlyList<DecodedLayer>[] packets = Walk("zeek/gre-sample.pcap");
        Assert.Equal(40, packets.Count(packet => Field(packet, "gre", "gre.key") is null && Field(packet, "gre", "gre.flags_and_version") is 0));
    }

    [Theory]
    [InlineData("tcpdump/gso-ipv4-vxlan-ipv4.pcap", true)]
    [InlineData("tcpdump/gso-ipv4-vxlan-ipv6.pcap", true)]
    [InlineData("tcpdump/gso-ipv6-vxlan-ipv4.pcap", true)]
    [InlineData("tcpdump/gso-ipv6-vxlan-ipv6.pcap", true)]
    [InlineData("tcpdump/gso-ipv4-geneve-ipv4.pcap", false)]
    [InlineData("tcpdump/gso-ipv4-geneve-ipv6.pcap", false)]
    [InlineData("tcpdump/gso-ipv6-geneve-ipv4.pcap", false)]
    [InlineData("tcpdump/gso-ipv6-geneve-ipv6.pcap", false)]
    public void Superpackets_are_one_packet_of_VNI_5001(string file, bool vxlan)
    {
        IReadOnlyList<DecodedLayer> packet = Assert.Single(Walk(file));
        Assert.Equal(5001u, vxlan ? Field(packet, "vxlan", "vxlan.vni") : Field(packet, "geneve", "geneve.vni"));
        Assert.True(Field(packet, "tcp", "tcp.len") is > 1460);
    }

    private static IReadOnlyList<DecodedLayer>[] Walk(string file) => [.. Corpus.Packets(file).Select(packet => PacketWalk.Walk(packet))];

    // Of the first layer of that name.
    private static object? Field(IReadOnlyList<DecodedLayer> packet, string protocol, string name) =>
        packet.First(layer => layer.Protocol == protocol).Fields[name];

    private static long Vxlan(IReadOnlyList<DecodedLayer> packet) => (uint)Field(packet, "vxlan", "vxlan.vni")!;

    private static string Payload(IReadOnlyList<DecodedLayer> packet) => Convert.ToHexString((byte[])Field(packet, "tcp", "tcp.payload")!);
}
