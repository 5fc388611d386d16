using System.Net;
using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

public sealed class TunnelIngressTests
{
    [Fact]
    public void A_frame_of_a_known_remote_goes_to_the_device()
    {
        TunnelRig rig = WithRemote();
        byte[] frame = TunnelRig.FrameFrom(TunnelRig.MacB);
        ref PacketMeta meta = ref rig.Receive(TunnelRig.Vxlan(frame));
        Assert.Equal((PacketState.Pending, TunnelRig.Device, TunnelRig.Vni), (meta.State, meta.Output, meta.Vni));
        Assert.Equal(frame, rig.Batch.Data(0).ToArray());
        rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
        Assert.Equal((1, 1), (rig.Tunnel.Ingress.RxPackets, rig.Tunnel.Ingress.TxPackets));
    }

    public static TheoryData<string, DropReason> BadDatagrams()
    {
        byte[] good = TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB));
        byte[] noFlag = [.. good];
        noFlag[0] = 0;
        byte[] cutIP = good[..(8 + 14 + 10)];
        return new TheoryData<string, DropReason>
        {
            { "", DropReason.Truncated },
            { Convert.ToHexString(good[..7]), DropReason.Truncated },
            { Convert.ToHexString(noFlag), DropReason.BadFlags },
            { Convert.ToHexString(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB), vni: 43)), DropReason.UnknownVni },
            { Convert.ToHexString(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB), extraBits: 0x0000_0001_0000_0000)), DropReason.ReservedBits },
            { Convert.ToHexString(good[..8]), DropReason.InnerTruncated },
            { Convert.ToHexString(good[..21]), DropReason.InnerTruncated },
            { Convert.ToHexString(good[..22]), DropReason.InnerTruncated },
            { Convert.ToHexString(cutIP), DropReason.InnerTruncated },
            { Convert.ToHexString(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.Mac))), DropReason.LocalMac },
            { Convert.ToHexString(TunnelRig.Vxlan(TunnelRig.FrameFrom(MacAddress.Broadcast))), DropReason.InvalidSourceMac },
            { Convert.ToHexString(TunnelRig.Vxlan(TunnelRig.FrameFrom(MacAddress.Parse("01:00:00:00:00:02")))), DropReason.InvalidSourceMac },
            { Convert.ToHexString(TunnelRig.Vxlan(TunnelRig.FrameFrom(default))), DropReason.InvalidSourceMac },
        };
    }

    [Theory]
    [MemberData(nameof(BadDatagrams))]
    public void A_bad_datagram_is_one_drop_with_its_own_reason(string hex, DropReason reason)
    {
        TunnelRig rig = WithRemote();
        Assert.Equal(reason, rig.Receive(Convert.FromHexString(hex)).Drop);
        bool unowned = reason is DropReason.Truncated or DropReason.BadFlags or DropReason.UnknownVni;
        DirectionCounters counters = unowned ? rig.Ingress.Unowned : rig.Tunnel.Ingress;
        rig.Complete(rig.Ingress, counters);
        Assert.Equal((1, 1), (counters.RxPackets, counters.Drops(reason)));
        Assert.Equal(1, rig.Ingress.Unowned.TotalDrops + rig.Tunnel.Ingress.TotalDrops);
    }

    [Fact]
    public void Every_reserved_bit_is_rejected_ignored_or_masked_by_policy()
    {
        TunnelRig reject = WithRemote();
        TunnelRig ignore = WithRemote(new TunnelPolicy { ReservedBits = ReservedBitsPolicy.Ignore });
        int reserved = 0;
        for (int bit = 0; bit < 64; bit++)
        {
            ulong mask = 1UL << bit;
            if ((mask & ReservedBitsPolicy.ReservedMask) == 0)
            {
                continue;
            }

            reserved++;
            byte[] datagram = TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB), extraBits: mask);
            Assert.Equal(DropReason.ReservedBits, reject.Receive(datagram).Drop);
            Assert.Equal(PacketState.Pending, ignore.Receive(datagram).State);
            TunnelRig masked = WithRemote(new TunnelPolicy { ReservedBits = new ReservedBitsPolicy(mask) });
            Assert.Equal(PacketState.Pending, masked.Receive(datagram).State);
            Assert.Equal(DropReason.ReservedBits, masked.Receive(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB), extraBits: mask ^ ReservedBitsPolicy.ReservedMask)).Drop);
        }

        // RFC 7348 §5: 7 + 24 + 8 reserved bits.
        Assert.Equal(39, reserved);
    }

    [Fact]
    public void Reserved_bits_are_counted_each_by_itself_passed_or_dropped_and_in_every_frame_of_a_train()
    {
        foreach (ReservedBitsPolicy policy in new[] { ReservedBitsPolicy.Ignore, ReservedBitsPolicy.Reject })
        {
            TunnelRig rig = WithRemote(new TunnelPolicy { ReservedBits = policy });
            // Policy id 0x8001 of a GBP header, its G bit, and the bit behind the VNI.
            byte[] datagram = TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB), extraBits: 0x8000_8001_0000_0001);
            for (int i = 0; i < 5; i++)
            {
                rig.Batch.TryAppend(datagram, out int index);
                rig.Batch.Meta(index).Remote = TunnelRig.Remote;
            }

            rig.Ingress.Process(rig.Batch, 0);
            Assert.Equal(policy == ReservedBitsPolicy.Ignore ? DropReason.None : DropReason.ReservedBits, rig.Batch.Meta(4).Drop);
            Assert.Equal([0, 32, 47, 63], Enumerable.Range(0, 64).Where(bit => rig.Tunnel.ReservedBits[bit] != 0));
            Assert.All((int[])[0, 32, 47, 63], bit => Assert.Equal(5, rig.Tunnel.ReservedBits[bit]));
        }

        Assert.Throws<IndexOutOfRangeException>(() => WithRemote().Tunnel.ReservedBits[64]);
    }

    [Fact]
    public void Counting_reserved_bits_allocates_nothing()
    {
        TunnelRig rig = WithRemote(new TunnelPolicy { ReservedBits = ReservedBitsPolicy.Ignore });
        byte[] datagram = TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB), extraBits: ReservedBitsPolicy.ReservedMask);
        Allocations.Zero(() => rig.Receive(datagram));
    }

    /// <summary>RFC 2983 §3: the pipe model leaves the inner DSCP, the uniform model replaces it; ECN is combined in either.</summary>
    [Theory]
    [InlineData(DscpModel.Pipe)]
    [InlineData(DscpModel.Uniform)]
    public void The_outer_dscp_stays_outside_or_comes_in(DscpModel model)
    {
        TunnelRig rig = WithRemote(new TunnelPolicy { DscpModel = model });
        TunnelRig ipip = Conformance.IPInIPRig.Create(new TunnelPolicy { DscpModel = model });
        for (int outer = 0; outer < 64; outer++)
        {
            foreach (bool inner6 in (bool[])[false, true])
            {
                // ECT(0) inside and CE outside become CE.
                byte[] packet = Conformance.IPInIPRig.Incoming(inner6, trafficClass: (11 << 2) | 2);
                byte[] expected = Conformance.IPInIPRig.Incoming(inner6, trafficClass: (byte)(((model == DscpModel.Pipe ? 11 : outer) << 2) | 3));
                byte[] datagram = TunnelRig.Vxlan(PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, inner6 ? EtherType.IPv6 : EtherType.IPv4, packet));
                Assert.Equal(PacketState.Pending, rig.Receive(datagram, trafficClass: (byte)((outer << 2) | 3)).State);
                Assert.Equal(expected, rig.Batch.Data(0)[14..].ToArray());
                Assert.Equal(PacketState.Pending, ipip.Receive(packet, trafficClass: (byte)((outer << 2) | 3), protocol: Conformance.IPInIPRig.Protocol(inner6)).State);
                Assert.Equal(expected, ipip.Batch.Data(0).ToArray());
            }
        }
    }

    [Fact]
    public void The_outer_dscp_comes_into_every_frame_of_a_train()
    {
        TunnelRig rig = WithRemote(new TunnelPolicy { DscpModel = DscpModel.Uniform });
        byte[] frame = TunnelRig.FrameFrom(TunnelRig.MacB, trafficClass: 11 << 2);
        // Three of one class, then a frame that has the class already, and one outside of which it changes.
        foreach (int outer in (int[])[46, 46, 46, 46, 0])
        {
            rig.Batch.TryAppend(TunnelRig.Vxlan(rig.Batch.Count == 3 ? TunnelRig.FrameFrom(TunnelRig.MacB, trafficClass: 46 << 2) : frame), out int index);
            ref PacketMeta meta = ref rig.Batch.Meta(index);
            (meta.Remote, meta.TrafficClass) = (TunnelRig.Remote, (byte)(outer << 2));
        }

        rig.Ingress.Process(rig.Batch, 0);
        Assert.Equal([46, 46, 46, 46, 0], Enumerable.Range(0, 5).Select(i => rig.Batch.Data(i)[15] >> 2));
        Assert.All(Enumerable.Range(0, 5), i => Assert.Equal(0, PacketBuilder.Checksum(rig.Batch.Data(i)[14..34], 0)));
    }

    [Fact]
    public void Only_permitted_remotes_pass()
    {
        byte[] datagram = TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB));
        ValueIPAddress stranger = ValueIPAddress.Parse("198.51.100.7");
        Assert.Equal(DropReason.UnknownRemote, WithRemote().Receive(datagram, stranger).Drop);
        Assert.Equal(PacketState.Pending, WithRemote(new TunnelPolicy { Remotes = RemotePolicy.Any }).Receive(datagram, stranger).State);
        TunnelPolicy within = new() { Remotes = RemotePolicy.Within([IPNetwork.Parse("198.51.100.0/24")]) };
        Assert.Equal(PacketState.Pending, WithRemote(within).Receive(datagram, stranger).State);
        Assert.Equal(DropReason.UnknownRemote, WithRemote(within).Receive(datagram, ValueIPAddress.Parse("198.51.101.7")).Drop);
        // An IPv6 prefix ::/0 does not let IPv4 in.
        Assert.Equal(DropReason.UnknownRemote, WithRemote(new TunnelPolicy { Remotes = RemotePolicy.Within([IPNetwork.Parse("::/0")]) }).Receive(datagram, stranger).Drop);
    }

    [Fact]
    public void A_remote_stops_being_permitted_when_the_tables_forget_it()
    {
        TunnelRig rig = WithRemote();
        byte[] datagram = TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB));
        Assert.Equal(PacketState.Pending, rig.Receive(datagram).State);
        rig.Tables.Apply(OverlayUpdate.RemoveFlood(TunnelRig.Vni, TunnelRig.Remote));
        Assert.Equal(DropReason.UnknownRemote, rig.Receive(datagram).Drop);
    }

    /// <summary>RFC 6040 Figure 4, both inner families.</summary>
    [Theory]
    [InlineData(0, new[] { 0, 0, 0, -1 })]
    [InlineData(1, new[] { 1, 1, 1, 3 })]
    [InlineData(2, new[] { 2, 1, 2, 3 })]
    [InlineData(3, new[] { 3, 3, 3, 3 })]
    public void Ecn_is_combined(int inner, int[] results)
    {
        TunnelRig rig = WithRemote();
        for (int outer = 0; outer < 4; outer++)
        {
            byte dscp = 0x28;
            byte[] packet4 = PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.InnerA, 1, 2, "x"u8, (byte)(dscp | inner));
            ref PacketMeta meta = ref rig.Receive(TunnelRig.Vxlan(PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, EtherType.IPv4, packet4)), trafficClass: (byte)(0x8C | outer));
            if (results[outer] < 0)
            {
                Assert.Equal(DropReason.EcnInvalid, meta.Drop);
            }
            else
            {
                byte[] expected = PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.InnerA, 1, 2, "x"u8, (byte)(dscp | results[outer]));
                Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(rig.Batch.Data(0)[14..]));
            }

            byte[] packet6 = PacketBuilder.Udp(TunnelRig.InnerB6, TunnelRig.InnerA6, 1, 2, "x"u8, (byte)(dscp | inner));
            meta = ref rig.Receive(TunnelRig.Vxlan(PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, EtherType.IPv6, packet6)), trafficClass: (byte)(0x8C | outer));
            if (results[outer] < 0)
            {
                Assert.Equal(DropReason.EcnInvalid, meta.Drop);
            }
            else
            {
                byte[] expected = PacketBuilder.Udp(TunnelRig.InnerB6, TunnelRig.InnerA6, 1, 2, "x"u8, (byte)(dscp | results[outer]));
                Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(rig.Batch.Data(0)[14..]));
            }
        }
    }

    [Fact]
    public void A_learned_source_goes_through_the_queue_once()
    {
        TunnelRig rig = new(learning: true);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        byte[] datagram = TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB));
        rig.Receive(datagram, now: 1000);
        Assert.True(rig.Tunnel.Learned.TryDequeue(out LearnedAddress learned));
        Assert.Equal(new LearnedAddress(TunnelRig.Vni, TunnelRig.MacB, TunnelRig.Remote), learned);
        Assert.True(rig.Tables.Learn(learned, knownOnly: true, now: 1000));

        rig.Receive(datagram, now: 1001);
        Assert.False(rig.Tunnel.Learned.TryDequeue(out _));
        // And egress now goes there, not to everybody.
        Assert.Equal(TunnelRig.Remote, rig.Send(TunnelRig.FrameTo(TunnelRig.MacB)).Remote);
        Assert.Equal(1, rig.Batch.Count);
    }

    [Fact]
    public void Nothing_is_learned_from_strangers_or_bad_frames_or_without_the_option()
    {
        TunnelRig rig = new(learning: true);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        rig.Receive(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB)), ValueIPAddress.Parse("198.51.100.7"));
        rig.Receive(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.Mac)));
        rig.Receive(TunnelRig.Vxlan(TunnelRig.FrameFrom(MacAddress.Broadcast)));
        rig.Receive(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB), vni: 43));
        Assert.False(rig.Tunnel.Learned.TryDequeue(out _));

        TunnelRig off = WithRemote();
        off.Receive(TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB)));
        Assert.False(off.Tunnel.Learned.TryDequeue(out _));
    }

    [Fact]
    public void Two_tunnels_share_an_endpoint_and_never_mix()
    {
        TunnelRig rig = WithRemote();
        OverlayTables tables = new();
        tables.Apply(OverlayUpdate.AddFlood(new Vni(43), TunnelRig.Remote));
        Tunnel second = new(rig.Tunnel.Options with { Name = "second", Vni = new Vni(43) }, tables);
        rig.Ingress.Attach(second, device: 7);
        byte[] frame = TunnelRig.FrameFrom(TunnelRig.MacB);
        Assert.Equal(TunnelRig.Device, rig.Receive(TunnelRig.Vxlan(frame, 42)).Output);
        Assert.Equal(7, rig.Receive(TunnelRig.Vxlan(frame, 43)).Output);
        Assert.Equal(DropReason.UnknownVni, rig.Receive(TunnelRig.Vxlan(frame, 0)).Drop);
        ArgumentException duplicate = Assert.Throws<ArgumentException>(() => rig.Ingress.Attach(second, 8));
        Assert.Contains("second", duplicate.Message, StringComparison.Ordinal);
        Tunnel third = new(rig.Tunnel.Options with { Name = "third" }, tables);
        Assert.Contains("VNI 42 of 'third' is that of 'rig'", Assert.Throws<ArgumentException>(() => rig.Ingress.Attach(third, 8)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new TunnelIngress(TunnelKind.IPInIP).Attach(second, 8));
        Assert.Equal([new VniRow<Tunnel>(new Vni(42), "rig", rig.Tunnel), new VniRow<Tunnel>(new Vni(43), "second", second)], rig.Ingress.Vnis);
    }

    /// <summary>The same station in two networks: each is learned, sent to and counted in its own, even with tables in common.</summary>
    [Fact]
    public void The_same_mac_in_two_networks_is_two_stations()
    {
        OverlayTables tables = new();
        Tunnel[] tunnels = [.. new uint[] { 42, 43 }.Select(vni => new Tunnel(
            new TunnelOptions { Name = $"vx{vni}", Kind = TunnelKind.Vxlan, Layer = DeviceLayer.Ethernet, Vni = new Vni(vni), Local = TunnelRig.Local, DeviceMac = TunnelRig.Mac, Learning = true },
            tables))];
        tables.Apply(OverlayUpdate.AddFlood(new Vni(42), TunnelRig.Remote));
        tables.Apply(OverlayUpdate.AddFlood(new Vni(43), TunnelRig.Remote2));
        TunnelRig rig = new(tunnels[0]);
        rig.Ingress.Attach(tunnels[1], device: 7);
        byte[] frame = TunnelRig.FrameFrom(TunnelRig.MacB);
        Assert.Equal(TunnelRig.Device, rig.Receive(TunnelRig.Vxlan(frame, 42), TunnelRig.Remote).Output);
        rig.Ingress.Complete(rig.Closed());
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(7, rig.Receive(TunnelRig.Vxlan(frame, 43), TunnelRig.Remote2).Output);
            rig.Ingress.Complete(rig.Closed());
        }

        foreach (Tunnel tunnel in tunnels)
        {
            Assert.True(tunnel.Learned.TryDequeue(out LearnedAddress learned));
            Assert.Equal((tunnel.Options.Vni, TunnelRig.MacB), (learned.Vni, learned.Mac));
            Assert.True(tables.Learn(learned, knownOnly: true, now: 0));
        }

        Assert.Equal(TunnelRig.Remote, rig.Send(TunnelRig.FrameTo(TunnelRig.MacB)).Remote);
        Assert.Equal(TunnelRig.Remote2, new TunnelRig(tunnels[1]).Send(TunnelRig.FrameTo(TunnelRig.MacB)).Remote);
        Assert.Equal((1, 2), (tunnels[0].Ingress.TxPackets, tunnels[1].Ingress.TxPackets));
        Assert.Equal((0, 0), (tables.Forwarding.Moves, rig.Ingress.Unowned.RxPackets));
    }

    [Fact]
    public void Vlan_tags_are_kept_stripped_or_refused()
    {
        byte[] plain = TunnelRig.FrameFrom(TunnelRig.MacB);
        byte[] tagged = [.. plain[..12], 0x88, 0xA8, 0x00, 0x0B, 0x81, 0x00, 0x00, 0x0A, .. plain[12..]];
        TunnelRig keep = WithRemote();
        keep.Receive(TunnelRig.Vxlan(tagged));
        Assert.Equal(tagged, keep.Batch.Data(0).ToArray());
        TunnelRig strip = WithRemote(new TunnelPolicy { InnerVlan = InnerVlanPolicy.Strip });
        strip.Receive(TunnelRig.Vxlan(tagged));
        Assert.Equal(plain, strip.Batch.Data(0).ToArray());
        Assert.Equal(DropReason.InnerVlan, WithRemote(new TunnelPolicy { InnerVlan = InnerVlanPolicy.Refuse }).Receive(TunnelRig.Vxlan(tagged)).Drop);
    }

    [Fact]
    public void A_layer_3_vxlan_tunnel_takes_ip_for_its_own_mac_only()
    {
        TunnelRig rig = new(TunnelKind.Vxlan, DeviceLayer.IP);
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("10.244.0.0"), 16, new RouteEntry(TunnelRig.Remote, TunnelRig.MacB)));
        byte[] packet = PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.InnerA, 1, 2, "hello"u8);
        Assert.Equal(TunnelRig.Device, rig.Receive(TunnelRig.Vxlan(PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, EtherType.IPv4, [.. packet, 0, 0, 0]))).Output);
        Assert.Equal(packet, rig.Batch.Data(0).ToArray());
        Assert.Equal(DropReason.ForeignMac, rig.Receive(TunnelRig.Vxlan(PacketBuilder.Ethernet(TunnelRig.MacB, TunnelRig.MacB, EtherType.IPv4, packet))).Drop);
        Assert.Equal(DropReason.ForeignMac, rig.Receive(TunnelRig.Vxlan(PacketBuilder.ArpRequest(TunnelRig.MacB, TunnelRig.InnerB, TunnelRig.InnerA))).Drop);
        Assert.Equal(DropReason.NotIP, rig.Receive(TunnelRig.Vxlan(PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, EtherType.Arp, new byte[28]))).Drop);
        Assert.Equal(DropReason.BadVersion, rig.Receive(TunnelRig.Vxlan(PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, EtherType.IPv6, packet))).Drop);
        Assert.Equal(DropReason.InnerTruncated, rig.Receive(TunnelRig.Vxlan(PacketBuilder.Ethernet(TunnelRig.Mac, TunnelRig.MacB, EtherType.IPv4, packet[..25]))).Drop);
    }

    [Fact]
    public void IP_in_IP_checks_remote_version_ttl_and_addresses()
    {
        TunnelRig rig = new(TunnelKind.IPInIP, DeviceLayer.IP);
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("10.244.0.0"), 16, new RouteEntry(TunnelRig.Remote)));
        byte[] packet4 = PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.InnerA, 1, 2, "hello"u8);
        byte[] packet6 = PacketBuilder.Udp(TunnelRig.InnerB6, TunnelRig.InnerA6, 1, 2, "hello"u8);
        Assert.Equal(TunnelRig.Device, rig.Receive(packet4, protocol: IPProtocol.IPv4).Output);
        Assert.Equal(TunnelRig.Device, rig.Receive(packet6, protocol: IPProtocol.IPv6).Output);
        Assert.Equal(DropReason.BadVersion, rig.Receive(packet4, protocol: IPProtocol.IPv6).Drop);
        Assert.Equal(DropReason.BadVersion, rig.Receive(packet6, protocol: IPProtocol.IPv4).Drop);
        Assert.Equal(DropReason.UnknownRemote, rig.Receive(packet4, TunnelRig.Remote2, protocol: IPProtocol.IPv4).Drop);
        Assert.Equal(DropReason.TtlExpired, rig.Receive(PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.InnerA, 1, 2, "x"u8, ttl: 0), protocol: IPProtocol.IPv4).Drop);
        Assert.Equal(DropReason.EcnInvalid, rig.Receive(packet4, trafficClass: 3, protocol: IPProtocol.IPv4).Drop);
        IPAddress.Parse("::ffff:10.244.0.2").GetAddressBytes().CopyTo(packet6, 8);
        Assert.Equal(DropReason.MappedAddress, rig.Receive(packet6, protocol: IPProtocol.IPv6).Drop);
    }

    [Fact]
    public void Deciding_allocates_nothing()
    {
        TunnelRig rig = new(learning: true);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        rig.Tables.Learn(new LearnedAddress(TunnelRig.Vni, TunnelRig.MacB, TunnelRig.Remote), true, 0);
        byte[] datagram = TunnelRig.Vxlan(TunnelRig.FrameFrom(TunnelRig.MacB));
        Allocations.Zero(() =>
        {
            rig.Batch.Clear();
            for (int i = 0; i < 32; i++)
            {
                rig.Batch.TryAppend(datagram, out int index);
                rig.Batch.Meta(index).Remote = TunnelRig.Remote;
            }

            rig.Ingress.Process(rig.Batch, 10);
            for (int i = 0; i < rig.Batch.Count; i++)
            {
                rig.Batch.Meta(i).State = PacketState.Sent;
            }

            rig.Ingress.Complete(rig.Batch);
        });
    }

    private static TunnelRig WithRemote(TunnelPolicy? policy = null)
    {
        TunnelRig rig = new(policy: policy);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        return rig;
    }
}
