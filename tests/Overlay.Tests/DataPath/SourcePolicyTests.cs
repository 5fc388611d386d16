using System.Net;
using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Tests.Conformance;
using Xunit;
using static Overlay.Tests.DataPath.TunnelRig;

namespace Overlay.Tests.DataPath;

/// <summary>From where packets may come: each policy off, counting and enforced, in both layers and both families.</summary>
public sealed class SourcePolicyTests
{
    private static readonly ValueIPAddress Stranger = ValueIPAddress.Parse("198.51.100.7");
    private static readonly MacAddress MacC = MacAddress.Parse("02:00:00:00:00:03");

    public static TheoryData<SourceCheck, bool, bool> Ways()
    {
        TheoryData<SourceCheck, bool, bool> ways = [];
        foreach (SourceCheck check in Enum.GetValues<SourceCheck>())
        {
            ways.Add(check, false, false);
            ways.Add(check, false, true);
            ways.Add(check, true, false);
            ways.Add(check, true, true);
        }

        return ways;
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Unknown_remotes(SourceCheck check, bool routed, bool inner6)
    {
        TunnelRig rig = Rig(new TunnelPolicy { RemoteCheck = check }, routed);
        Expect(rig, check, DropReason.UnknownRemote, Packet(routed, inner6), Stranger, inner6);
        // A prefix is asked as the tables are.
        rig = Rig(new TunnelPolicy { RemoteCheck = check, Remotes = RemotePolicy.Within([IPNetwork.Parse("192.0.2.0/24")]) }, routed);
        Expect(rig, check, DropReason.UnknownRemote, Packet(routed, inner6), Stranger, inner6);
        Pass(rig, Packet(routed, inner6), Remote2, inner6);
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.255")]
    [InlineData("224.0.0.1")]
    [InlineData("239.255.255.255")]
    [InlineData("240.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("192.0.2.1")]
    [InlineData("2001:db8::7")]
    [InlineData("::")]
    [InlineData("::1", true)]
    [InlineData("::", true)]
    [InlineData("::c000:207", true)]
    [InlineData("ff02::1", true)]
    [InlineData("ff0e::1234", true)]
    [InlineData("2001:db8::1", true)]
    [InlineData("192.0.2.7", true)]
    public void Martian_remotes(string address, bool outer6 = false)
    {
        ValueIPAddress remote = ValueIPAddress.Parse(address);
        foreach (SourceCheck check in Enum.GetValues<SourceCheck>())
        {
            TunnelRig rig = IPInIPRig.Create(new TunnelPolicy { Remotes = RemotePolicy.Any, MartianRemotes = check }, outer6);
            Expect(rig, check, DropReason.MartianRemote, IPInIPRig.Incoming(inner6: false), remote, inner6: false);
            TunnelRig ethernet = new(policy: new TunnelPolicy { Remotes = RemotePolicy.Any, MartianRemotes = check }, local: outer6 ? IPInIPRig.Local6 : Local);
            Expect(ethernet, check, DropReason.MartianRemote, Vxlan(FrameFrom(MacB)), remote, inner6: false);
        }

        // Whoever is let in by name only has no martians among them; the reason says what is wrong with this one.
        Assert.Equal(DropReason.MartianRemote, IPInIPRig.Create(outer6: outer6).Receive(IPInIPRig.Incoming(false), remote, protocol: IPProtocol.IPv4).Drop);
    }

    [Theory]
    [InlineData("1.0.0.0")]
    [InlineData("126.255.255.255")]
    [InlineData("128.0.0.1")]
    [InlineData("223.255.255.255")]
    [InlineData("10.0.0.1")]
    [InlineData("169.254.1.1")]
    [InlineData("fe80::1", true)]
    [InlineData("64:ff9b::1", true)]
    [InlineData("feff::1", true)]
    public void Other_remotes_are_no_martians(string address, bool outer6 = false)
    {
        TunnelRig rig = IPInIPRig.Create(new TunnelPolicy { Remotes = RemotePolicy.Any }, outer6);
        Pass(rig, IPInIPRig.Incoming(inner6: true), ValueIPAddress.Parse(address), inner6: true);
    }

    /// <summary>An underlay may live on loopback addresses or in class E: what the tables name is a remote.</summary>
    [Theory]
    [InlineData("127.0.0.2")]
    [InlineData("240.0.0.1")]
    public void A_remote_that_somebody_configured_is_no_martian(string address)
    {
        foreach (RemotePolicy remotes in (RemotePolicy[])[RemotePolicy.Known, RemotePolicy.Any, RemotePolicy.Within([IPNetwork.Parse("0.0.0.0/0")])])
        {
            TunnelRig rig = new(policy: new TunnelPolicy { Remotes = remotes });
            rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, ValueIPAddress.Parse(address)));
            Pass(rig, Vxlan(FrameFrom(MacB)), ValueIPAddress.Parse(address), inner6: false);
        }
    }

    [Theory]
    [InlineData("0.1.2.3", true, true)]
    [InlineData("127.0.0.1", true, true)]
    [InlineData("224.0.0.5", true, true)]
    [InlineData("240.0.0.1", true, true)]
    [InlineData("255.255.255.255", true, true)]
    [InlineData("192.0.2.1", true, true)]
    [InlineData("0.0.0.0", false, true)]
    [InlineData("::", false, true)]
    [InlineData("::1", true, false)]
    [InlineData("::a00:1", true, false)]
    [InlineData("ff02::1", true, false)]
    [InlineData("10.244.0.9", false, false)]
    [InlineData("fd00:244::9", false, false)]
    [InlineData("fe80::1", false, false)]
    public void Martian_sources(string address, bool inFrame, bool inPacket)
    {
        ValueIPAddress source = ValueIPAddress.Parse(address);
        bool inner6 = !source.IsIPv4;
        byte[] packet = PacketBuilder.Udp(source, inner6 ? InnerA6 : InnerA, 1, 2, "x"u8);
        foreach (SourceCheck check in Enum.GetValues<SourceCheck>())
        {
            TunnelPolicy policy = new() { MartianSources = check };
            TunnelRig frames = Rig(policy, routed: false);
            byte[] datagram = Vxlan(PacketBuilder.Ethernet(Mac, MacB, inner6 ? EtherType.IPv6 : EtherType.IPv4, packet));
            Expect(frames, inFrame ? check : SourceCheck.Off, DropReason.MartianSource, datagram, Remote, inner6);
            TunnelRig packets = Rig(policy, routed: true);
            if (!inPacket && inFrame)
            {
                // RFC 4213 §3.6 has these dropped whatever a policy says.
                Assert.Equal(DropReason.InvalidSource, packets.Receive(packet, protocol: IPProtocol.IPv6).Drop);
                continue;
            }

            Expect(packets, inPacket ? check : SourceCheck.Off, DropReason.MartianSource, packet, Remote, inner6);
        }
    }

    [Fact]
    public void A_mapped_source_inside_is_a_martian()
    {
        byte[] packet = PacketBuilder.Udp(InnerB6, InnerA6, 1, 2, "x"u8);
        IPAddress.Parse("::ffff:10.244.0.2").GetAddressBytes().CopyTo(packet, 8);
        TunnelRig rig = Rig(new TunnelPolicy { MartianSources = SourceCheck.Enforce }, routed: false);
        Expect(rig, SourceCheck.Enforce, DropReason.MartianSource, Vxlan(PacketBuilder.Ethernet(Mac, MacB, EtherType.IPv6, packet)), Remote, inner6: true);
        // In a routed tunnel it has a reason of its own.
        Assert.Equal(DropReason.MappedAddress, Rig(new TunnelPolicy(), routed: true).Receive(packet, protocol: IPProtocol.IPv6).Drop);
    }

    [Fact]
    public void By_default_martian_sources_are_counted_where_packets_are_routed_and_not_looked_at_in_frames()
    {
        byte[] packet = PacketBuilder.Udp(ValueIPAddress.Parse("127.0.0.1"), InnerA, 1, 2, "x"u8);
        TunnelRig routed = Rig(TunnelPolicy.Default, routed: true);
        Expect(routed, SourceCheck.Count, DropReason.MartianSource, packet, Remote, inner6: false);
        TunnelRig frames = Rig(TunnelPolicy.Default, routed: false);
        Expect(frames, SourceCheck.Off, DropReason.MartianSource, Vxlan(PacketBuilder.Ethernet(Mac, MacB, EtherType.IPv4, packet)), Remote, inner6: false);
    }

    public static TheoryData<SourceCheck, FdbOrigin> Origins()
    {
        TheoryData<SourceCheck, FdbOrigin> data = [];
        foreach (SourceCheck check in Enum.GetValues<SourceCheck>())
        {
            data.Add(check, FdbOrigin.Static);
            data.Add(check, FdbOrigin.External);
            data.Add(check, FdbOrigin.Learned);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Origins))]
    public void A_source_mac_that_lives_behind_another_remote(SourceCheck check, FdbOrigin origin)
    {
        TunnelRig rig = Rig(new TunnelPolicy { InnerSourceCheck = check }, routed: false);
        if (origin == FdbOrigin.Learned)
        {
            // What was learned is a claim, and proves nothing.
            Assert.True(rig.Tables.Learn(new LearnedAddress(TunnelRig.Vni, MacB, Remote2), knownOnly: false, now: 0));
        }
        else
        {
            rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, MacB, new FdbEntry(Remote2, Origin: origin)));
            rig.Tables.Apply(OverlayUpdate.SetForwarding(new Vni(43), MacC, new FdbEntry(Remote2, Origin: origin)));
        }

        Expect(rig, origin == FdbOrigin.Learned ? SourceCheck.Off : check, DropReason.ForeignSource, Vxlan(FrameFrom(MacB)), Remote, inner6: false);
        // At its own remote it may speak, and so may who is in no table of this network.
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, Remote2));
        Pass(rig, Vxlan(FrameFrom(MacB)), Remote2, inner6: false);
        Pass(rig, Vxlan(FrameFrom(MacC)), Remote, inner6: false);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_source_address_that_lives_behind_another_remote(SourceCheck check, bool routed, bool inner6)
    {
        TunnelRig rig = Rig(new TunnelPolicy { InnerSourceCheck = check }, routed);
        ValueIPAddress source = inner6 ? InnerB6 : InnerB;
        if (routed)
        {
            rig.Tables.Apply(OverlayUpdate.SetRoute(source, source.BitLength, new RouteEntry(Remote2)));
        }
        else
        {
            // The neighbour table says whose address it is, the forwarding table where that station lives.
            rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, source, MacC));
            Pass(rig, Packet(routed, inner6), Remote, inner6);
            rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, MacC, new FdbEntry(Remote2)));
        }

        Expect(rig, check, DropReason.ForeignSource, Packet(routed, inner6), Remote, inner6);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, Remote2));
        Pass(rig, Packet(routed, inner6), Remote2, inner6);
    }

    [Fact]
    public void What_stands_in_an_ARP_packet_is_looked_at_as_well_as_who_sent_it()
    {
        byte[] byAddress = PacketBuilder.ArpRequest(MacB, InnerB, InnerA);
        byte[] byMac = PacketBuilder.ArpRequest(MacC, ValueIPAddress.Parse("10.244.0.77"), InnerA);
        MacB.TryWriteBytes(byMac.AsSpan(6));
        foreach (SourceCheck check in Enum.GetValues<SourceCheck>())
        {
            TunnelRig rig = Rig(new TunnelPolicy { InnerSourceCheck = check }, routed: false);
            rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, InnerB, MacC));
            rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, MacC, new FdbEntry(Remote2)));
            Expect(rig, check, DropReason.ForeignSource, Vxlan(byAddress), Remote, inner6: false);
            Expect(rig, check, DropReason.ForeignSource, Vxlan(byMac), Remote, inner6: false);
            Pass(rig, Vxlan(PacketBuilder.ArpRequest(MacB, ValueIPAddress.Parse("10.244.0.77"), InnerA)), Remote, inner6: false);
        }
    }

    [Fact]
    public void Every_frame_of_a_train_is_looked_at_and_counted()
    {
        foreach (SourceCheck check in Enum.GetValues<SourceCheck>())
        {
            TunnelRig rig = Rig(new TunnelPolicy { InnerSourceCheck = check, MartianSources = check, RemoteCheck = check, MartianRemotes = check }, routed: false);
            // Alike in all that a train is told by; another source address in each.
            foreach (string source in (string[])["10.244.0.2", "127.0.0.1", "10.244.0.2", "127.0.0.1", "127.0.0.2"])
            {
                byte[] packet = PacketBuilder.Udp(ValueIPAddress.Parse(source), InnerA, 1, 2, "x"u8);
                rig.Batch.TryAppend(Vxlan(PacketBuilder.Ethernet(Mac, MacB, EtherType.IPv4, packet)), out int index);
                rig.Batch.Meta(index).Remote = Remote;
            }

            rig.Ingress.Process(rig.Batch, 0);
            rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
            Assert.Equal(check == SourceCheck.Enforce ? 3 : 0, rig.Tunnel.Ingress.Drops(DropReason.MartianSource));
            Assert.Equal(check == SourceCheck.Count ? 3 : 0, rig.Tunnel.Ingress.Tolerated(DropReason.MartianSource));

            rig.Batch.Clear();
            for (int i = 0; i < 4; i++)
            {
                rig.Batch.TryAppend(Vxlan(FrameFrom(MacB)), out int index);
                rig.Batch.Meta(index).Remote = Stranger;
            }

            rig.Ingress.Process(rig.Batch, 0);
            rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
            Assert.Equal(check == SourceCheck.Enforce ? 4 : 0, rig.Tunnel.Ingress.Drops(DropReason.UnknownRemote));
            Assert.Equal(check == SourceCheck.Count ? 4 : 0, rig.Tunnel.Ingress.Tolerated(DropReason.UnknownRemote));
        }
    }

    [Fact]
    public void A_packet_is_entered_under_each_policy_that_it_breaks_and_in_the_books_once()
    {
        TunnelPolicy policy = new()
        {
            RemoteCheck = SourceCheck.Count,
            MartianRemotes = SourceCheck.Count,
            MartianSources = SourceCheck.Count,
            InnerSourceCheck = SourceCheck.Count,
        };
        TunnelRig rig = Rig(policy, routed: true);
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("127.0.0.0"), 8, new RouteEntry(Remote2)));
        byte[] packet = PacketBuilder.Udp(ValueIPAddress.Parse("127.0.0.1"), InnerA, 1, 2, "x"u8);
        Assert.Equal(PacketState.Pending, rig.Receive(packet, ValueIPAddress.Parse("127.0.0.9"), protocol: IPProtocol.IPv4).State);
        rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
        DropReason[] broken = [DropReason.UnknownRemote, DropReason.MartianRemote, DropReason.MartianSource, DropReason.ForeignSource];
        Assert.All(Enum.GetValues<DropReason>(), reason => Assert.Equal(broken.Contains(reason) ? 1 : 0, rig.Tunnel.Ingress.Tolerated(reason)));
        Assert.Equal((1, 1, 0), (rig.Tunnel.Ingress.RxPackets, rig.Tunnel.Ingress.TxPackets, rig.Tunnel.Ingress.TotalDrops));
    }

    [Fact]
    public void Who_counts_or_does_not_look_is_open_and_learns_from_all()
    {
        Assert.True(TunnelPolicy.Default.AdmitsKnownOnly);
        Assert.False((TunnelPolicy.Default with { RemoteCheck = SourceCheck.Count }).AdmitsKnownOnly);
        Assert.False((TunnelPolicy.Default with { RemoteCheck = SourceCheck.Off }).AdmitsKnownOnly);
        Assert.False((TunnelPolicy.Default with { Remotes = RemotePolicy.Any }).AdmitsKnownOnly);
        TunnelRig rig = new(policy: new TunnelPolicy { RemoteCheck = SourceCheck.Count }, learning: true);
        Pass(rig, Vxlan(FrameFrom(MacB)), Stranger, inner6: false, tolerated: 1);
        Assert.True(rig.Tunnel.Learned.TryDequeue(out LearnedAddress learned));
        Assert.Equal(Stranger, learned.Remote);
    }

    [Fact]
    public void Nothing_is_learned_from_a_frame_that_a_policy_drops()
    {
        TunnelRig rig = new(policy: new TunnelPolicy { InnerSourceCheck = SourceCheck.Enforce, MartianSources = SourceCheck.Enforce }, learning: true);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, Remote));
        rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, InnerB, MacC));
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, MacC, new FdbEntry(Remote2)));
        Assert.Equal(DropReason.ForeignSource, rig.Receive(Vxlan(FrameFrom(MacB))).Drop);
        Assert.False(rig.Tunnel.Learned.TryDequeue(out _));
    }

    [Fact]
    public void Looking_allocates_nothing()
    {
        TunnelPolicy policy = new()
        {
            RemoteCheck = SourceCheck.Count,
            MartianRemotes = SourceCheck.Count,
            MartianSources = SourceCheck.Count,
            InnerSourceCheck = SourceCheck.Count,
        };
        foreach (bool routed in (bool[])[false, true])
        {
            TunnelRig rig = Rig(policy, routed);
            rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, InnerB, MacC));
            rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, MacC, new FdbEntry(Remote2)));
            byte[] packet = Packet(routed, inner6: false);
            Allocations.Zero(() => rig.Receive(packet, Stranger, protocol: routed ? IPProtocol.IPv4 : IPProtocol.Udp));
            Assert.True(rig.Tunnel.Ingress.Tolerated(DropReason.UnknownRemote) > 0);
        }
    }

    private static TunnelRig Rig(TunnelPolicy policy, bool routed)
    {
        if (routed)
        {
            return IPInIPRig.Create(policy);
        }

        TunnelRig rig = new(policy: policy);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, Remote));
        return rig;
    }

    private static byte[] Packet(bool routed, bool inner6) => routed
        ? IPInIPRig.Incoming(inner6)
        : Vxlan(PacketBuilder.Ethernet(Mac, MacB, inner6 ? EtherType.IPv6 : EtherType.IPv4, IPInIPRig.Incoming(inner6)));

    private static void Pass(TunnelRig rig, byte[] packet, ValueIPAddress remote, bool inner6, int tolerated = 0)
    {
        DirectionCounters books = rig.Tunnel.Ingress;
        long Tolerated() => Enum.GetValues<DropReason>().Sum(books.Tolerated);
        long before = Tolerated();
        ref PacketMeta meta = ref rig.Receive(packet, remote, protocol: Protocol(rig, inner6));
        Assert.Equal((PacketState.Pending, DropReason.None, Device), (meta.State, meta.Drop, meta.Output));
        rig.Complete(rig.Ingress, books);
        Assert.Equal(before + tolerated, Tolerated());
    }

    // One packet that breaks one policy: passed unseen, passed and counted, or dropped.
    private static void Expect(TunnelRig rig, SourceCheck check, DropReason reason, byte[] packet, ValueIPAddress remote, bool inner6)
    {
        DirectionCounters books = rig.Tunnel.Ingress;
        (long rx, long drops, long tolerated) = (books.RxPackets, books.Drops(reason), books.Tolerated(reason));
        ref PacketMeta meta = ref rig.Receive(packet, remote, protocol: Protocol(rig, inner6));
        Assert.Equal(check == SourceCheck.Enforce ? (PacketState.Dropped, reason) : (PacketState.Pending, DropReason.None), (meta.State, meta.Drop));
        rig.Complete(rig.Ingress, books);
        Assert.Equal(
            (rx + 1, drops + (check == SourceCheck.Enforce ? 1 : 0), tolerated + (check == SourceCheck.Count ? 1 : 0)),
            (books.RxPackets, books.Drops(reason), books.Tolerated(reason)));
    }

    private static IPProtocol Protocol(TunnelRig rig, bool inner6) => rig.Tunnel.Options.Kind == TunnelKind.IPInIP ? IPInIPRig.Protocol(inner6) : IPProtocol.Udp;
}
