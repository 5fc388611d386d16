using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Tests.Encapsulation;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>Every kind over UDP on its way to the device: whose packet it is, what is left of it, and why it is dropped.</summary>
public sealed class TunnelKindsIngressTests
{
    private static readonly byte[] IP4 = PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.InnerA, 1000, 2000, "hello"u8);
    private static readonly byte[] IP6 = PacketBuilder.Udp(TunnelRig.InnerB6, TunnelRig.InnerA6, 1000, 2000, "hello"u8);
    private static readonly byte[] Frame = TunnelRig.FrameFrom(TunnelRig.MacB);
    private static readonly byte[] Known = TunnelHeaderTests.Option(0x0102, 0x81, [1, 2, 3, 4]);

    public static TheoryData<TunnelKind, DeviceLayer, string, string> Good => new()
    {
        { TunnelKind.VxlanGpe, DeviceLayer.Ethernet, "0C00000300002A00", "frame" },
        { TunnelKind.VxlanGpe, DeviceLayer.IP, "0C00000100002A00", "ip4" },
        { TunnelKind.VxlanGpe, DeviceLayer.IP, "0C00000200002A00", "ip6" },
        { TunnelKind.Geneve, DeviceLayer.Ethernet, "0000655800002A00", "frame" },
        { TunnelKind.Geneve, DeviceLayer.Ethernet, "0200655800002A000103010100000000", "frame" },
        { TunnelKind.Geneve, DeviceLayer.Ethernet, "0240655800002A00010281010A0B0C0D", "frame" },
        { TunnelKind.Geneve, DeviceLayer.IP, "0000080000002A00", "ip4" },
        { TunnelKind.Geneve, DeviceLayer.IP, "000086DD00002A00", "ip6" },
        { TunnelKind.Gue, DeviceLayer.IP, "00040000", "ip4" },
        { TunnelKind.Gue, DeviceLayer.IP, "00290000", "ip6" },
        { TunnelKind.Gue, DeviceLayer.IP, "", "ip6" },
        { TunnelKind.Fou, DeviceLayer.IP, "", "ip4" },
        { TunnelKind.Fou, DeviceLayer.IP, "", "ip6" },
        { TunnelKind.IPInUdp, DeviceLayer.IP, "", "ip4" },
    };

    public static TheoryData<TunnelKind, DeviceLayer, string, string, DropReason, bool> Bad => new()
    {
        { TunnelKind.VxlanGpe, DeviceLayer.Ethernet, "1C00000300002A00", "frame", DropReason.HeaderVersion, false },
        { TunnelKind.VxlanGpe, DeviceLayer.Ethernet, "0D00000300002A00", "frame", DropReason.ControlPacket, true },
        { TunnelKind.VxlanGpe, DeviceLayer.Ethernet, "0C00000400002A00", "frame", DropReason.UnknownProtocol, true },
        { TunnelKind.VxlanGpe, DeviceLayer.Ethernet, "0C00000100002A00", "ip4", DropReason.NotEthernet, true },
        { TunnelKind.VxlanGpe, DeviceLayer.IP, "0C00000300002A00", "frame", DropReason.NotIP, true },
        { TunnelKind.VxlanGpe, DeviceLayer.Ethernet, "0C00000300002B00", "frame", DropReason.UnknownVni, false },
        { TunnelKind.Geneve, DeviceLayer.Ethernet, "4000655800002A00", "frame", DropReason.HeaderVersion, false },
        { TunnelKind.Geneve, DeviceLayer.Ethernet, "0080655800002A00", "frame", DropReason.ControlPacket, true },
        { TunnelKind.Geneve, DeviceLayer.Ethernet, "0140655800002A0001028200", "frame", DropReason.UnknownOption, true },
        { TunnelKind.Geneve, DeviceLayer.Ethernet, "0140655800002A0001038100", "frame", DropReason.UnknownOption, true },
        { TunnelKind.Geneve, DeviceLayer.Ethernet, "0100655800002A0001028101", "frame", DropReason.BadLength, false },
        { TunnelKind.Geneve, DeviceLayer.IP, "0000655800002A00", "frame", DropReason.NotIP, true },
        { TunnelKind.Geneve, DeviceLayer.IP, "0000894700002A00", "ip4", DropReason.UnknownProtocol, true },
        { TunnelKind.Geneve, DeviceLayer.IP, "000086DD00002A00", "ip4", DropReason.BadVersion, true },
        { TunnelKind.Gue, DeviceLayer.IP, "20040000", "ip4", DropReason.ControlPacket, true },
        { TunnelKind.Gue, DeviceLayer.IP, "00040001", "ip4", DropReason.BadFlags, true },
        { TunnelKind.Gue, DeviceLayer.IP, "80040000", "ip4", DropReason.HeaderVersion, true },
        { TunnelKind.Gue, DeviceLayer.IP, "00110000", "ip4", DropReason.UnknownProtocol, true },
        { TunnelKind.Fou, DeviceLayer.IP, "00", "ip4", DropReason.NotIP, true },
        { TunnelKind.Fou, DeviceLayer.IP, "", "", DropReason.Truncated, true },
        { TunnelKind.IPInUdp, DeviceLayer.IP, "45", "", DropReason.InnerTruncated, true },
    };

    [Theory]
    [MemberData(nameof(Good))]
    public void The_inner_packet_is_all_that_is_left(TunnelKind kind, DeviceLayer layer, string header, string inner)
    {
        TunnelRig rig = Rig(kind, layer);
        ref PacketMeta meta = ref rig.Receive(Datagram(header, inner));
        Assert.Equal((DropReason.None, PacketState.Pending, TunnelRig.Device), (meta.Drop, meta.State, meta.Output));
        Assert.Equal(Inner(inner), rig.Batch.Data(0).ToArray());
        Assert.Equal(TunnelFacts.Of(kind).HasVni ? TunnelRig.Vni : default, meta.Vni);
        rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public void What_must_not_pass_is_one_drop_with_its_reason(
        TunnelKind kind, DeviceLayer layer, string header, string inner, DropReason reason, bool owned)
    {
        TunnelRig rig = Rig(kind, layer);
        Assert.Equal(reason, rig.Receive(Datagram(header, inner)).Drop);
        DirectionCounters counters = owned ? rig.Tunnel.Ingress : rig.Ingress.Unowned;
        rig.Complete(rig.Ingress, counters);
        Assert.Equal((1, 1), (counters.RxPackets, counters.Drops(reason)));
        Assert.Equal(1, rig.Ingress.Unowned.TotalDrops + rig.Tunnel.Ingress.TotalDrops);
    }

    [Theory]
    [MemberData(nameof(Good))]
    public void Who_is_no_remote_is_kept_out(TunnelKind kind, DeviceLayer layer, string header, string inner)
    {
        TunnelRig rig = Rig(kind, layer);
        Assert.Equal(DropReason.UnknownRemote, rig.Receive(Datagram(header, inner), TunnelRig.Remote2).Drop);
    }

    [Fact]
    public void Datagrams_that_are_alike_but_for_their_tunnel_header_are_not_taken_for_each_other()
    {
        TunnelRig rig = Rig(TunnelKind.Geneve, DeviceLayer.Ethernet);
        string[] headers = ["0000655800002A00", "0080655800002A00", "0000655800002A00", "0200655800002A000103010100000000", "0000655800002A00", "0000655800002B00"];
        foreach (string header in headers)
        {
            Assert.True(rig.Batch.TryAppend(Datagram(header, "frame"), out int index));
            rig.Batch.Meta(index).Remote = TunnelRig.Remote;
        }

        rig.Ingress.Process(rig.Batch, 0);
        Assert.Equal(
            [DropReason.None, DropReason.ControlPacket, DropReason.None, DropReason.None, DropReason.None, DropReason.UnknownVni],
            Enumerable.Range(0, headers.Length).Select(i => rig.Batch.Meta(i).Drop));
        Assert.All(new[] { 0, 2, 3, 4 }, i => Assert.Equal(Frame, rig.Batch.Data(i).ToArray()));
    }

    [Fact]
    public void A_group_is_no_reserved_bit_where_one_is_configured()
    {
        ulong marked = 0x8000_1234_0000_0000;
        TunnelRig with = Rig(TunnelKind.Vxlan, DeviceLayer.Ethernet, group: 7);
        TunnelRig without = Rig(TunnelKind.Vxlan, DeviceLayer.Ethernet);
        Assert.Equal(DropReason.None, with.Receive(TunnelRig.Vxlan(Frame, extraBits: marked)).Drop);
        Assert.Equal(DropReason.None, with.Receive(TunnelRig.Vxlan(Frame, extraBits: marked | 0x0048_0000_0000_0000)).Drop);
        Assert.Equal(DropReason.None, with.Receive(TunnelRig.Vxlan(Frame)).Drop);
        Assert.Equal(DropReason.ReservedBits, without.Receive(TunnelRig.Vxlan(Frame, extraBits: marked)).Drop);
        // Without the G flag the other bits mean nothing, and the remaining ones are reserved in any case.
        Assert.Equal(DropReason.ReservedBits, with.Receive(TunnelRig.Vxlan(Frame, extraBits: marked & ~(1ul << 63))).Drop);
        Assert.Equal(DropReason.ReservedBits, with.Receive(TunnelRig.Vxlan(Frame, extraBits: 0x0048_0000_0000_0000)).Drop);
        for (int bit = 0; bit < 64; bit++)
        {
            ulong mask = 1ul << bit;
            if ((mask & ReservedBitsPolicy.ReservedMask & ~0x8048_FFFF_0000_0000) != 0)
            {
                Assert.Equal(DropReason.ReservedBits, with.Receive(TunnelRig.Vxlan(Frame, extraBits: marked | mask)).Drop);
            }
        }
    }

    [Fact]
    public void The_D_flag_of_a_group_keeps_its_source_from_being_learned()
    {
        TunnelRig rig = Rig(TunnelKind.Vxlan, DeviceLayer.Ethernet, group: 7, learning: true);
        Assert.Equal(DropReason.None, rig.Receive(TunnelRig.Vxlan(Frame, extraBits: 0x8040_1234_0000_0000)).Drop);
        Assert.False(rig.Tunnel.Learned.TryDequeue(out _));
        Assert.Equal(DropReason.None, rig.Receive(TunnelRig.Vxlan(Frame, extraBits: 0x8000_1234_0000_0000)).Drop);
        Assert.True(rig.Tunnel.Learned.TryDequeue(out LearnedAddress learned));
        Assert.Equal(TunnelRig.MacB, learned.Mac);
    }

    [Fact]
    public void Tunnels_of_one_endpoint_are_told_apart_by_VNI_and_layer()
    {
        TunnelIngress ingress = new(TunnelKind.Geneve);
        Tunnel tap = Make(TunnelKind.Geneve, DeviceLayer.Ethernet, new Vni(1));
        Tunnel tun = Make(TunnelKind.Geneve, DeviceLayer.IP, new Vni(2));
        ingress.Attach(tap, 3);
        ingress.Attach(tun, 4);
        Assert.Throws<ArgumentException>(() => ingress.Attach(Make(TunnelKind.Geneve, DeviceLayer.IP, new Vni(2)), 5));
        Assert.Throws<ArgumentException>(() => ingress.Attach(Make(TunnelKind.Vxlan, DeviceLayer.IP, new Vni(3)), 5));
        PacketBatch batch = new(8);
        foreach (byte[] datagram in new[] { Datagram("0000655800000100", "frame"), Datagram("0000080000000200", "ip4"), Datagram("0000080000000100", "ip4") })
        {
            Assert.True(batch.TryAppend(datagram, out int index));
            batch.Meta(index).Remote = TunnelRig.Remote;
        }

        ingress.Process(batch, 0);
        Assert.Equal((3, DropReason.None), (batch.Meta(0).Output, batch.Meta(0).Drop));
        Assert.Equal((4, DropReason.None), (batch.Meta(1).Output, batch.Meta(1).Drop));
        Assert.Equal(DropReason.NotEthernet, batch.Meta(2).Drop);
    }

    [Fact]
    public void Egress_names_the_tunnels_header_and_writes_none()
    {
        Tunnel tunnel = Make(TunnelKind.Geneve, DeviceLayer.IP, new Vni(2));
        TunnelEgress egress = new(tunnel, 0, 1, header: 5);
        PacketBatch batch = new(8);
        byte[] packet = PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1, 2, "x"u8);
        Assert.True(batch.TryAppend(packet, out _));
        egress.Process(batch, 0);
        Assert.Equal((5, new Vni(2), TunnelRig.Remote, false), (batch.Meta(0).Header, batch.Meta(0).Vni, batch.Meta(0).Remote, batch.Meta(0).DontFragment));
        Assert.Equal(packet, batch.Data(0).ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => new TunnelEgress(tunnel, 0, 1, header: -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TunnelEgress(tunnel, 0, 1, header: 65_536));
    }

    [Fact]
    public void A_device_of_the_wrong_layer_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Make(TunnelKind.Gue, DeviceLayer.Ethernet, default));
        Assert.Throws<ArgumentException>(() => Make(TunnelKind.IPInUdp, DeviceLayer.Ethernet, default));
        Assert.Throws<ArgumentException>(() => Make(TunnelKind.Gretap, DeviceLayer.IP, default));
    }

    private static TunnelRig Rig(TunnelKind kind, DeviceLayer layer, ushort? group = null, bool learning = false) =>
        new(Make(kind, layer, TunnelFacts.Of(kind).HasVni ? TunnelRig.Vni : default, group, learning));

    private static Tunnel Make(TunnelKind kind, DeviceLayer layer, Vni vni, ushort? group = null, bool learning = false)
    {
        OverlayTables tables = new();
        tables.Apply(OverlayUpdate.AddFlood(vni, TunnelRig.Remote));
        tables.Apply(OverlayUpdate.SetRoute(System.Net.IPNetwork.Parse("10.244.0.0/24"), new RouteEntry(TunnelRig.Remote)));
        return new Tunnel(
            new TunnelOptions
            {
                Name = "rig",
                Kind = kind,
                Layer = layer,
                Vni = vni,
                Local = TunnelRig.Local,
                DeviceMac = TunnelRig.Mac,
                Learning = learning,
                GroupPolicyId = group,
                GeneveOptions = kind == TunnelKind.Geneve ? Known : default,
            },
            tables);
    }

    private static byte[] Datagram(string header, string inner) => [.. Convert.FromHexString(header), .. Inner(inner)];

    private static byte[] Inner(string name) => name switch { "frame" => Frame, "ip4" => IP4, "ip6" => IP6, _ => [] };
}
