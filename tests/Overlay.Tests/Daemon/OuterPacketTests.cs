using Overlay.Capture;
using Overlay.Daemon.Configuration;
using Overlay.Daemon.Diagnosis;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>Whole outer packets taken apart as the kernel does: what the endpoint gets, and why it gets the others not.</summary>
public sealed class OuterPacketTests
{
    private static readonly ValueIPAddress Local = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.2");
    private static readonly ValueIPAddress Local6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress Remote6 = ValueIPAddress.Parse("2001:db8::2");
    private static readonly byte[] Payload = [8, 0, 0, 0, 0, 0, 42, 0, 1, 2, 3];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_datagram_for_the_endpoint_keeps_what_its_outer_headers_say(bool ipv6)
    {
        (ValueIPAddress local, ValueIPAddress remote) = ipv6 ? (Local6, Remote6) : (Local, Remote);
        byte[] packet = PacketBuilder.Udp(remote, local, 50_000, 4789, Payload, trafficClass: 0xBB, ttl: 61, dontFragment: true);
        OuterPacket outer = OuterPacket.Read(packet, Endpoint(local), out Explanation? refusal)!;
        Assert.Null(refusal);
        Assert.Equal(Payload, outer.Payload);
        Assert.Equal(
            (remote, local, (ushort)50_000, (ushort)4789, (byte)0xBB, (byte)61, IPProtocol.Udp),
            (outer.Meta.Remote, outer.Meta.Local, outer.Meta.SourcePort, outer.Meta.DestinationPort, outer.Meta.TrafficClass, outer.Meta.Ttl, outer.Meta.Protocol));
        Assert.Equal(!ipv6, outer.Meta.DontFragment);
    }

    [Theory]
    [InlineData(TunnelKind.Gre, IPProtocol.Gre)]
    [InlineData(TunnelKind.IPInIP, IPProtocol.IPv4)]
    [InlineData(TunnelKind.IPInIP, IPProtocol.IPv6)]
    public void Without_UDP_it_is_what_stands_behind_IP(TunnelKind kind, IPProtocol protocol)
    {
        byte[] packet = PacketBuilder.IP(Remote, Local, protocol, Payload);
        OuterPacket outer = OuterPacket.Read(packet, Endpoint(Local, kind), out _)!;
        Assert.Equal((protocol, Remote), (outer.Meta.Protocol, outer.Meta.Remote));
        Assert.Equal(Payload, outer.Payload);
        Assert.Null(OuterPacket.Read(PacketBuilder.IP(Remote, Local, IPProtocol.Tcp, Payload), Endpoint(Local, kind), out Explanation? refusal));
        Assert.Equal(DropReason.NotTunnel, refusal!.Reason);
    }

    public static TheoryData<string, string, DropReason> Refused()
    {
        byte[] good = PacketBuilder.Udp(Remote, Local, 50_000, 4789, Payload);
        byte[] header = [.. good];
        header[8]--;
        byte[] sum = [.. good];
        sum[^1] ^= 1;
        byte[] fragment = PacketBuilder.Udp(Remote, Local, 50_000, 4789, Payload);
        fragment[6] = 0x20;
        (fragment[10], fragment[11]) = (0, 0);
        ushort checksum = PacketBuilder.Checksum(fragment.AsSpan(0, 20), 0);
        (fragment[10], fragment[11]) = ((byte)(checksum >> 8), (byte)checksum);
        byte[] version = [.. good];
        version[0] = 0x75;
        return new TheoryData<string, string, DropReason>
        {
            { "nothing", "", DropReason.Truncated },
            { "cut header", Convert.ToHexString(good[..19]), DropReason.Truncated },
            { "cut payload", Convert.ToHexString(good[..^1]), DropReason.Truncated },
            { "version", Convert.ToHexString(version), DropReason.BadVersion },
            { "header checksum", Convert.ToHexString(header), DropReason.BadChecksum },
            { "UDP checksum", Convert.ToHexString(sum), DropReason.BadChecksum },
            { "fragment", Convert.ToHexString(fragment), DropReason.NotTunnel },
            { "port", Convert.ToHexString(PacketBuilder.Udp(Remote, Local, 50_000, 8472, Payload)), DropReason.NotTunnel },
            { "address", Convert.ToHexString(PacketBuilder.Udp(Remote, Remote, 50_000, 4789, Payload)), DropReason.NotTunnel },
            { "protocol", Convert.ToHexString(PacketBuilder.IP(Remote, Local, IPProtocol.Tcp, Payload)), DropReason.NotTunnel },
            { "no UDP header", Convert.ToHexString(PacketBuilder.IP(Remote, Local, IPProtocol.Udp, [1, 2, 3])), DropReason.Truncated },
        };
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_the_socket_would_not_get_is_refused_with_its_reason(string what, string hex, DropReason reason)
    {
        Assert.Null(OuterPacket.Read(Convert.FromHexString(hex), Endpoint(Local), out Explanation? refusal));
        Assert.True(reason == refusal!.Reason, $"{what}: {refusal.Reason}, {refusal.Decision.Text}");
        Assert.Equal((ExplanationVerdict.Dropped, ExplanationSource.Port, null), (refusal.Verdict, refusal.Decision.Source, refusal.Tunnel));
        Assert.EndsWith("no counter here has it.", refusal.Decision.Text, StringComparison.Ordinal);
        Assert.Equal(DropRemedies.Of(reason), refusal.Remedy);
    }

    [Fact]
    public void No_UDP_checksum_is_the_endpoints_to_allow_over_IPv6_and_always_right_over_IPv4()
    {
        byte[] packet = PacketBuilder.Udp(Remote6, Local6, 50_000, 4789, Payload);
        (packet[46], packet[47]) = (0, 0);
        Assert.Null(OuterPacket.Read(packet, Endpoint(Local6), out Explanation? refusal));
        Assert.Equal(DropReason.BadChecksum, refusal!.Reason);
        Assert.NotNull(OuterPacket.Read(packet, Endpoint(Local6) with { ZeroChecksumIPv6 = true }, out _));
        packet = PacketBuilder.Udp(Remote, Local, 50_000, 4789, Payload);
        (packet[26], packet[27]) = (0, 0);
        Assert.NotNull(OuterPacket.Read(packet, Endpoint(Local), out _));
    }

    [Fact]
    public void The_packet_is_found_behind_every_link_header_that_captures_have()
    {
        byte[] packet = PacketBuilder.Udp(Remote, Local, 50_000, 4789, Payload);
        byte[] frame = PacketBuilder.Ethernet(MacAddress.Broadcast, MacAddress.Parse("02:00:00:00:00:01"), EtherType.IPv4, packet, (0x8100, 7));
        byte[] cooked = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0, .. packet];
        byte[] cooked2 = [8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, .. packet];
        foreach ((byte[] bytes, LinkType? type) in new (byte[], LinkType?)[]
        {
            (packet, null), (frame, null), (packet, LinkType.Raw), (packet, LinkType.IPv4), (frame, LinkType.Ethernet), (cooked, LinkType.LinuxCooked), (cooked2, LinkType.LinuxCooked2),
        })
        {
            Assert.True(OuterPacket.TryFindIP(bytes, type, out ReadOnlySpan<byte> found, out string took), took);
            Assert.Equal(packet, found.ToArray());
        }

        Assert.False(OuterPacket.TryFindIP(frame, LinkType.Null, out _, out string refused));
        Assert.Contains("link type 0", refused, StringComparison.Ordinal);
        Assert.False(OuterPacket.TryFindIP(cooked.AsSpan(0, 15), LinkType.LinuxCooked, out _, out _));
        Assert.False(OuterPacket.TryFindIP(new byte[13], null, out _, out _));
        Assert.False(OuterPacket.TryFindIP(PacketBuilder.ArpRequest(MacAddress.Parse("02:00:00:00:00:01"), Local, Remote), LinkType.Ethernet, out _, out refused));
        Assert.Contains("ARP", refused, StringComparison.Ordinal);
    }

    /// <summary>
    /// Strangers' captures: what their index says is a tunnel's packet is one here. Of the 127 packets of ndpi/vxlan.pcap 73 have a wrong outer checksum, as
    /// tshark finds, too.
    /// </summary>
    [Theory]
    [InlineData("tcpdump/vxlan.pcap", TunnelKind.Vxlan, 4789, 10)]
    [InlineData("ndpi/vxlan.pcap", TunnelKind.Vxlan, 4789, 54, 73)]
    [InlineData("tcpdump/geneve.pcap", TunnelKind.Geneve, 6081, 39)]
    [InlineData("zeek/gre-sample.pcap", TunnelKind.Gre, 0, 40)]
    [InlineData("ndpi/6in4tunnel.pcap", TunnelKind.IPInIP, 0, 127)]
    public void Captured_tunnels_come_apart(string file, TunnelKind kind, int port, int packets, int wrongChecksums = 0)
    {
        int found = 0;
        int wrong = 0;
        foreach (CapturedPacket captured in Corpus.Packets(file))
        {
            Assert.True(OuterPacket.TryFindIP(captured.Data.Span, captured.LinkType, out ReadOnlySpan<byte> ip, out string took), took);
            // The endpoint is whoever it was for.
            ValueIPAddress local = ValueIPAddress.ReadIPv4(ip[16..]);
            OuterPacket? outer = OuterPacket.Read(ip, new EndpointConfig { Kind = kind, Local = local, Port = (ushort)port }, out Explanation? refusal);
            Assert.True(outer is not null || refusal!.Reason == DropReason.BadChecksum, refusal?.Decision.Text);
            found += outer is null ? 0 : 1;
            wrong += outer is null ? 1 : 0;
        }

        Assert.Equal((packets, wrongChecksums), (found, wrong));
    }

    private static EndpointConfig Endpoint(ValueIPAddress local, TunnelKind kind = TunnelKind.Vxlan) =>
        new() { Kind = kind, Local = local, Port = TunnelFacts.Of(kind).DefaultPort };
}
