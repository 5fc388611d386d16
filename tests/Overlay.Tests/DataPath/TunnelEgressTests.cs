using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

public sealed class TunnelEgressTests
{
    [Fact]
    public void A_known_unicast_frame_goes_to_its_remote_only()
    {
        TunnelRig rig = new();
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote, 8472)));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote2));
        ref PacketMeta meta = ref rig.Send(TunnelRig.FrameTo(TunnelRig.MacB));

        Assert.Equal(1, rig.Batch.Count);
        Assert.Equal((PacketState.Pending, TunnelRig.Endpoint), (meta.State, meta.Output));
        Assert.Equal((TunnelRig.Remote, TunnelRig.Local, TunnelRig.Vni, (ushort)8472), (meta.Remote, meta.Local, meta.Vni, meta.DestinationPort));
        Assert.InRange(meta.SourcePort, 49_152, 65_535);
        Assert.Equal((64, 0, false), (meta.Ttl, meta.TrafficClass, meta.DontFragment));
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Assert.Equal((1, 1), (rig.Tunnel.Egress.RxPackets, rig.Tunnel.Egress.TxPackets));
    }

    [Theory]
    [InlineData("02:00:00:00:00:77")]
    [InlineData("ff:ff:ff:ff:ff:ff")]
    [InlineData("33:33:00:00:00:01")]
    public void Unknown_and_group_destinations_are_flooded_once_to_each_remote(string destination)
    {
        TunnelRig rig = new();
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote2));
        byte[] frame = TunnelRig.FrameTo(MacAddress.Parse(destination));
        rig.Send(frame);

        Assert.Equal(2, rig.Batch.Count);
        Assert.Equal(
            [TunnelRig.Remote, TunnelRig.Remote2],
            new[] { rig.Batch.Meta(0).Remote, rig.Batch.Meta(1).Remote }.Order());
        Assert.Equal(frame, rig.Batch.Data(0).ToArray());
        Assert.Equal(frame, rig.Batch.Data(1).ToArray());
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Assert.Equal((1, 1, 2), (rig.Tunnel.Egress.RxPackets, rig.Tunnel.Egress.Replicated, rig.Tunnel.Egress.TxPackets));
    }

    [Fact]
    public void A_partial_checksum_is_completed_before_copies_share_it()
    {
        TunnelRig rig = new();
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote2));
        byte[] packet = PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, "hello"u8, partialChecksum: true);
        Assert.True(rig.Batch.TryAppend(PacketBuilder.Ethernet(MacAddress.Broadcast, TunnelRig.Mac, EtherType.IPv4, packet), out int index));
        rig.Batch.Meta(index) = new PacketMeta { Checksum = ChecksumState.Partial, NetworkStart = 14, ChecksumStart = 34, ChecksumOffset = 6, Output = -1, Tunnel = -1 };
        rig.Egress.Process(rig.Batch, 0);

        Assert.Equal(2, rig.Batch.Count);
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(ChecksumState.Verified, rig.Batch.Meta(i).Checksum);
            Assert.True(PacketBuilder.IsTransportChecksumValid(rig.Batch.Data(i)[14..]));
        }
    }

    [Fact]
    public void Copies_without_room_are_counted()
    {
        TunnelRig rig = new(capacity: 3);
        for (int i = 2; i < 12; i++)
        {
            rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, ValueIPAddress.Parse($"192.0.2.{i}")));
        }

        rig.Send(TunnelRig.FrameTo(MacAddress.Broadcast));
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Assert.Equal((9, 3, 7), (rig.Tunnel.Egress.Replicated, rig.Tunnel.Egress.TxPackets, rig.Tunnel.Egress.Drops(DropReason.QueueFull)));
    }

    [Fact]
    public void Nobody_to_flood_to_is_a_drop()
    {
        TunnelRig rig = new();
        Assert.Equal(DropReason.NoRemote, rig.Send(TunnelRig.FrameTo(TunnelRig.MacB)).Drop);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Assert.Equal(1, rig.Tunnel.Egress.Drops(DropReason.NoRemote));
    }

    [Fact]
    public void A_frame_without_a_whole_header_is_truncated()
    {
        TunnelRig rig = new();
        Assert.Equal(DropReason.Truncated, rig.Send(new byte[13]).Drop);
    }

    [Fact]
    public void The_policy_decides_ttl_dscp_and_df()
    {
        TunnelPolicy inherit = new() { Ttl = null, Dscp = null, DontFragment = DontFragmentPolicy.Inherit };
        TunnelRig rig = WithRemote(inherit);
        ref PacketMeta meta = ref rig.Send(TunnelRig.FrameTo(TunnelRig.MacB, trafficClass: 0xB8, ttl: 17, dontFragment: true));
        Assert.Equal((17, 0xB8, true), (meta.Ttl, meta.TrafficClass, meta.DontFragment));
        meta = ref rig.Send(TunnelRig.FrameTo(TunnelRig.MacB, trafficClass: 0x01, ttl: 255));
        Assert.Equal((255, 0x01, false), (meta.Ttl, meta.TrafficClass, meta.DontFragment));

        rig = WithRemote(new TunnelPolicy { Ttl = 3, Dscp = 10, DontFragment = DontFragmentPolicy.Set });
        meta = ref rig.Send(TunnelRig.FrameTo(TunnelRig.MacB, trafficClass: 0xB9));
        Assert.Equal((3, (10 << 2) | 1, true), (meta.Ttl, meta.TrafficClass, meta.DontFragment));

        // Linux, tos and ttl inherit: an ARP frame goes out with TOS 0 and TTL 64.
        rig = WithRemote(inherit);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        meta = ref rig.Send(PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB));
        Assert.Equal((64, 0, false), (meta.Ttl, meta.TrafficClass, meta.DontFragment));
    }

    [Theory]
    [InlineData(EcnProfile.Rfc6040, new[] { 0, 1, 2, 3 })]
    [InlineData(EcnProfile.Rfc6040Compatibility, new[] { 0, 0, 0, 0 })]
    [InlineData(EcnProfile.Rfc3168, new[] { 0, 1, 2, 2 })]
    [InlineData(EcnProfile.Copy, new[] { 0, 1, 2, 3 })]
    public void The_profile_decides_the_outer_ecn(EcnProfile profile, int[] outer)
    {
        TunnelRig rig = WithRemote(new TunnelPolicy { Ecn = profile });
        for (int inner = 0; inner < 4; inner++)
        {
            Assert.Equal(outer[inner], rig.Send(TunnelRig.FrameTo(TunnelRig.MacB, trafficClass: (byte)inner)).TrafficClass);
        }
    }

    [Fact]
    public void The_source_port_is_a_function_of_the_inner_flow_and_stays_in_its_range()
    {
        TunnelRig rig = WithRemote(new TunnelPolicy { SourcePortMinimum = 50_000, SourcePortMaximum = 50_009 });
        HashSet<ushort> ports = [];
        for (ushort flow = 1; flow < 500; flow++)
        {
            byte[] frame = PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.Mac, EtherType.IPv4, PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, flow, 53, "x"u8));
            ushort port = rig.Send(frame).SourcePort;
            Assert.Equal(port, rig.Send(frame).SourcePort);
            ports.Add(port);
        }

        Assert.Equal(10, ports.Count);
        Assert.All(ports, port => Assert.InRange(port, 50_000, 50_009));
    }

    [Fact]
    public void Vlan_tags_are_kept_stripped_or_refused()
    {
        byte[] plain = TunnelRig.FrameTo(TunnelRig.MacB);
        byte[] tagged = [.. plain[..12], 0x81, 0x00, 0x00, 0x0A, .. plain[12..]];
        Assert.Equal(tagged, SendBytes(InnerVlanPolicy.Keep));
        Assert.Equal(plain, SendBytes(InnerVlanPolicy.Strip));
        Assert.Null(SendBytes(InnerVlanPolicy.Refuse));

        byte[]? SendBytes(InnerVlanPolicy policy)
        {
            TunnelRig rig = WithRemote(new TunnelPolicy { InnerVlan = policy });
            ref PacketMeta meta = ref rig.Send(tagged);
            Assert.True(meta.State == PacketState.Pending || meta.Drop == DropReason.InnerVlan);
            return meta.State == PacketState.Pending ? rig.Batch.Data(0).ToArray() : null;
        }
    }

    [Fact]
    public void Our_own_outer_packet_coming_back_is_a_loop()
    {
        TunnelRig rig = WithRemote(TunnelPolicy.Default);
        byte[] outer = PacketBuilder.Udp(TunnelRig.Local, TunnelRig.Remote, 50_000, 4789, TunnelRig.Vxlan(TunnelRig.FrameTo(TunnelRig.MacB)));
        Assert.Equal(DropReason.Loop, rig.Send(PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.Mac, EtherType.IPv4, outer)).Drop);

        TunnelRig routed = new(TunnelKind.IPInIP, DeviceLayer.IP);
        routed.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("0.0.0.0"), 0, new RouteEntry(TunnelRig.Remote)));
        Assert.Equal(DropReason.Loop, routed.Send(PacketBuilder.IP(TunnelRig.Local, TunnelRig.Remote, IPProtocol.IPv4, PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, "x"u8))).Drop);

        // The kernel's route into the device need not be one of the tunnel's: then the table has none for it, and it is a loop all the same.
        TunnelRig unrouted = new(TunnelKind.IPInIP, DeviceLayer.IP);
        unrouted.Tables.Apply(OverlayUpdate.SetRoute(TunnelRig.InnerB, 32, new RouteEntry(TunnelRig.Remote)));
        Assert.Equal(DropReason.Loop, unrouted.Send(PacketBuilder.IP(TunnelRig.Local, TunnelRig.Remote, IPProtocol.IPv4, "x"u8)).Drop);
        Assert.Equal(DropReason.NoRoute, unrouted.Send(PacketBuilder.IP(TunnelRig.InnerA, TunnelRig.Remote, IPProtocol.IPv4, "x"u8)).Drop);
        Assert.Equal(DropReason.NoRoute, unrouted.Send(PacketBuilder.IP(TunnelRig.Local, TunnelRig.InnerA, IPProtocol.IPv4, "x"u8)).Drop);
    }

    [Fact]
    public void A_routed_packet_takes_the_longest_prefix()
    {
        TunnelRig rig = new(TunnelKind.IPInIP, DeviceLayer.IP);
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("10.244.0.0"), 16, new RouteEntry(TunnelRig.Remote)));
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("10.244.0.0"), 24, new RouteEntry(TunnelRig.Remote2)));
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("fd00:244::"), 64, new RouteEntry(TunnelRig.Remote)));
        Assert.Equal(TunnelRig.Remote2, rig.Send(PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, "x"u8)).Remote);
        Assert.Equal(TunnelRig.Remote, rig.Send(PacketBuilder.Udp(TunnelRig.InnerA, ValueIPAddress.Parse("10.244.9.1"), 1, 2, "x"u8)).Remote);
        Assert.Equal(TunnelRig.Remote, rig.Send(PacketBuilder.Udp(TunnelRig.InnerA6, TunnelRig.InnerB6, 1, 2, "x"u8)).Remote);
        Assert.Equal(DropReason.NoRoute, rig.Send(PacketBuilder.Udp(TunnelRig.InnerA, ValueIPAddress.Parse("10.245.0.1"), 1, 2, "x"u8)).Drop);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void The_default_df_of_4in4_is_the_inner_one(bool inner, bool outer)
    {
        TunnelRig rig = new(TunnelKind.IPInIP, DeviceLayer.IP);
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("10.244.0.0"), 16, new RouteEntry(TunnelRig.Remote)));
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("fd00:244::"), 64, new RouteEntry(TunnelRig.Remote)));
        Assert.Equal(outer, rig.Send(PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, "x"u8, dontFragment: inner)).DontFragment);
        // RFC 4213 §3.2: with a static MTU, DF is not set.
        Assert.False(rig.Send(PacketBuilder.Udp(TunnelRig.InnerA6, TunnelRig.InnerB6, 1, 2, "x"u8)).DontFragment);
    }

    [Fact]
    public void A_layer_3_vxlan_tunnel_writes_the_inner_ethernet_header()
    {
        TunnelRig rig = new(TunnelKind.Vxlan, DeviceLayer.IP);
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("10.244.0.0"), 16, new RouteEntry(TunnelRig.Remote, TunnelRig.MacB)));
        byte[] packet = PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, "x"u8);
        Assert.Equal(TunnelRig.Remote, rig.Send(packet).Remote);
        Assert.Equal(PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.Mac, EtherType.IPv4, packet), rig.Batch.Data(0).ToArray());
    }

    [Fact]
    public void Of_several_remotes_a_flow_gets_always_the_same_and_its_mac_address()
    {
        TunnelRig rig = new(TunnelKind.Vxlan, DeviceLayer.IP);
        RouteEntry[] ends = [new(TunnelRig.Remote, TunnelRig.MacB), new(TunnelRig.Remote2, MacAddress.Parse("02:00:00:00:00:99"))];
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("10.244.0.0"), 16, [.. ends.Select(end => new RouteMember(end))]));
        Dictionary<ValueIPAddress, int> flows = [];
        for (ushort port = 1; port <= 200; port++)
        {
            byte[] packet = PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, port, 2, "x"u8);
            ValueIPAddress remote = rig.Send(packet).Remote;
            MacAddress mac = ends.Single(end => end.Remote == remote).Mac;
            Assert.Equal(PacketBuilder.Ethernet(mac, TunnelRig.Mac, EtherType.IPv4, packet), rig.Batch.Data(0).ToArray());
            Assert.Equal(remote, rig.Send(packet).Remote);
            flows[remote] = flows.GetValueOrDefault(remote) + 1;
        }

        // Of 200 flows each end has 100 on average, with a deviation of 7.
        Assert.All(ends, end => Assert.InRange(flows[end.Remote], 65, 135));
    }

    [Fact]
    public void What_a_routed_tunnel_cannot_carry_has_a_reason()
    {
        TunnelRig rig = new(TunnelKind.IPInIP, DeviceLayer.IP);
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("0.0.0.0"), 0, new RouteEntry(TunnelRig.Remote)));
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("::"), 0, new RouteEntry(TunnelRig.Remote)));
        Assert.Equal(DropReason.InnerTruncated, rig.Send([]).Drop);
        Assert.Equal(DropReason.NotIP, rig.Send(new byte[64]).Drop);
        Assert.Equal(DropReason.InnerTruncated, rig.Send(PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, "x"u8)[..19]).Drop);
        Assert.Equal(DropReason.TtlExpired, rig.Send(PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, "x"u8, ttl: 0)).Drop);
        byte[] mapped = PacketBuilder.Udp(TunnelRig.InnerA6, TunnelRig.InnerB6, 1, 2, "x"u8);
        System.Net.IPAddress.Parse("::ffff:10.244.0.2").GetAddressBytes().CopyTo(mapped, 24);
        Assert.Equal(DropReason.MappedAddress, rig.Send(mapped).Drop);
    }

    [Fact]
    public void Deciding_allocates_nothing()
    {
        TunnelRig rig = WithRemote(TunnelPolicy.Default);
        byte[] frame = TunnelRig.FrameTo(TunnelRig.MacB);
        Allocations.Zero(() =>
        {
            rig.Batch.Clear();
            for (int i = 0; i < 32; i++)
            {
                rig.Batch.TryAppend(frame, out _);
            }

            rig.Egress.Process(rig.Batch, 0);
            for (int i = 0; i < rig.Batch.Count; i++)
            {
                rig.Batch.Meta(i).State = PacketState.Sent;
            }

            rig.Egress.Complete(rig.Batch);
        });
    }

    private static TunnelRig WithRemote(TunnelPolicy policy)
    {
        TunnelRig rig = new(policy: policy);
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote)));
        return rig;
    }
}
