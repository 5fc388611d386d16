using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.DataPath.TunnelRig;

namespace Overlay.Tests.DataPath;

/// <summary>Head-end replication: who gets a copy, how many there may be, and that none goes back.</summary>
public sealed class FloodingTests
{
    private static readonly MacAddress Unknown = MacAddress.Parse("02:00:00:00:00:77");
    private static readonly MacAddress Group = MacAddress.Parse("33:33:00:00:00:01");

    public static TheoryData<string, DropReason> Classes() => new()
    {
        { "ff:ff:ff:ff:ff:ff", DropReason.BroadcastLimit },
        { "02:00:00:00:00:77", DropReason.UnknownUnicastLimit },
        { "33:33:00:00:00:01", DropReason.MulticastLimit },
    };

    [Theory]
    [MemberData(nameof(Classes))]
    public void Each_class_has_its_limit_its_reason_and_balanced_books(string destination, DropReason reason)
    {
        FloodLimit limit = new(packetsPerSecond: 100, burst: 3);
        TunnelRig rig = Rig(new FloodLimits { Broadcast = limit, UnknownUnicast = limit, Multicast = limit });
        byte[] frame = FrameTo(MacAddress.Parse(destination));
        int[] passed = [0, 0];
        for (int i = 0; i < 10; i++)
        {
            passed[0] += Flood(rig, frame, now: 5_000);
        }

        for (int i = 0; i < 10; i++)
        {
            passed[1] += Flood(rig, frame, now: 5_020);
        }

        Assert.Equal([3, 2], passed);
        DirectionCounters books = rig.Tunnel.Egress;
        // Three remotes each: two of the three are copies.
        Assert.Equal((20, 10, 15, 15), (books.RxPackets, books.Replicated, books.TxPackets, books.Drops(reason)));
        Assert.Equal(15, books.TotalDrops);
        // The others have their own.
        foreach (MacAddress other in (MacAddress[])[MacAddress.Broadcast, Unknown, Group])
        {
            Assert.Equal(other == MacAddress.Parse(destination) ? 0 : 1, Flood(rig, FrameTo(other), now: 5_020));
        }
    }

    [Fact]
    public void A_class_without_a_limit_has_none_and_none_is_the_default()
    {
        Assert.Equal(FloodLimits.None, TunnelPolicy.Default.FloodLimits);
        TunnelRig rig = Rig(new FloodLimits { Broadcast = new FloodLimit(1, 1) });
        TunnelRig free = Rig(FloodLimits.None);
        for (int i = 0; i < 1_000; i++)
        {
            Assert.Equal(1, Flood(rig, FrameTo(Unknown), 0));
            Assert.Equal(1, Flood(rig, FrameTo(Group), 0));
            Assert.Equal(1, Flood(free, FrameTo(MacAddress.Broadcast), 0));
        }

        Assert.Equal((1, 0), (Flood(rig, FrameTo(MacAddress.Broadcast), 0), Flood(rig, FrameTo(MacAddress.Broadcast), 0)));
    }

    [Fact]
    public void Known_unicast_and_what_nobody_gets_take_nothing_from_the_bucket()
    {
        TunnelRig rig = Rig(new FloodLimits { UnknownUnicast = new FloodLimit(1, 1), Broadcast = new FloodLimit(1, 1) });
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, MacB, new FdbEntry(Remote)));
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(PacketState.Pending, rig.Send(FrameTo(MacB)).State);
        }

        ValueIPAddress[] remotes = [.. rig.Tables.Flood[TunnelRig.Vni]];
        foreach (ValueIPAddress remote in remotes)
        {
            rig.Tables.Apply(OverlayUpdate.RemoveFlood(TunnelRig.Vni, remote));
        }

        Assert.Equal(DropReason.NoRemote, rig.Send(FrameTo(Unknown)).Drop);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, Remote));
        Assert.Equal(PacketState.Pending, rig.Send(FrameTo(Unknown)).State);
        Assert.Equal(DropReason.UnknownUnicastLimit, rig.Send(FrameTo(Unknown)).Drop);
        // An ARP request that is answered here is not flooded.
        rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, InnerB, MacB));
        rig.Send(PacketBuilder.ArpRequest(Mac, InnerA, InnerB));
        Assert.Equal(PacketState.Consumed, rig.Batch.Meta(0).State);
        Assert.Equal(PacketState.Pending, rig.Send(FrameTo(MacAddress.Broadcast)).State);
    }

    [Fact]
    public void Workers_of_a_tunnel_share_a_limit_and_networks_do_not()
    {
        TunnelRig first = Rig(new FloodLimits { Broadcast = new FloodLimit(1, 4) });
        TunnelRig second = new(new Tunnel(first.Tunnel.Options, first.Tables));
        Tunnel other = new(first.Tunnel.Options with { Name = "other", Vni = new Vni(43) }, first.Tables);
        first.Tables.Apply(OverlayUpdate.AddFlood(new Vni(43), Remote));
        byte[] frame = FrameTo(MacAddress.Broadcast);
        Assert.Equal([1, 1, 1, 1, 0, 0], (int[])[Flood(first, frame, 0), Flood(second, frame, 0), Flood(second, frame, 0), Flood(first, frame, 0), Flood(first, frame, 0), Flood(second, frame, 0)]);
        Assert.Equal(1, Flood(new TunnelRig(other), frame, 0));
        Assert.Equal((1, 1), (first.Tunnel.Egress.TotalDrops, second.Tunnel.Egress.TotalDrops));
    }

    [Fact]
    public void A_superpacket_counts_as_the_packets_it_falls_into()
    {
        TunnelRig rig = Rig(new FloodLimits { Multicast = new FloodLimit(1_000, 10) });
        byte[] packet = PacketBuilder.Udp(InnerA, InnerB, 1, 2, new byte[500], partialChecksum: true);
        byte[] frame = PacketBuilder.Ethernet(Group, Mac, EtherType.IPv4, packet);
        Assert.Equal((1, 1, 0), (FloodSuper(0), FloodSuper(0), FloodSuper(0)));
        DirectionCounters books = rig.Tunnel.Egress;
        Assert.Equal((15, 5), (books.RxPackets, books.Drops(DropReason.MulticastLimit)));

        int FloodSuper(long now)
        {
            rig.Batch.Clear();
            Assert.True(rig.Batch.TryAppend(frame, out int index));
            rig.Batch.Meta(index) = new PacketMeta
            {
                Segmentation = SegmentationKind.Udp, SegmentSize = 100, HeaderLength = 42, Checksum = ChecksumState.Partial,
                NetworkStart = 14, ChecksumStart = 34, ChecksumOffset = 6, Output = -1, Tunnel = -1,
            };
            Assert.Equal(5, rig.Batch.SegmentCount(index));
            return Close(rig, now);
        }
    }

    /// <summary>RFC 7348 §4.1: what came from the tunnel goes to the device, whatever it is and wherever it wants to go.</summary>
    [Fact]
    public void Nothing_that_came_from_the_tunnel_goes_back_into_it()
    {
        TunnelRig rig = Rig(FloodLimits.None);
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, MacB, new FdbEntry(Remote2)));
        Random random = new(7348);
        for (int i = 0; i < 5_000; i++)
        {
            // To everybody, to groups, to stations here, there and nowhere; a few with a source that is none.
            byte[] frame = random.Next(4) == 0
                ? PacketBuilder.ArpRequest(MacAddress.FromValue(0x0200_0000_1000UL + (uint)random.Next(64)), InnerB, InnerA)
                : PacketBuilder.Ethernet(
                    random.Next(5) switch { 0 => MacAddress.Broadcast, 1 => Group, 2 => MacB, 3 => Unknown, _ => Mac },
                    MacAddress.FromValue(0x0200_0000_1000UL + (uint)random.Next(64)),
                    random.Next(2) == 0 ? EtherType.IPv4 : (EtherType)0x88CC,
                    PacketBuilder.Udp(InnerB, InnerA, 1, 2, "x"u8));
            rig.Receive(Vxlan(frame), random.Next(2) == 0 ? Remote : Remote2);
            Assert.Equal(1, rig.Batch.Count);
            Assert.Equal((PacketState.Pending, Device), (rig.Batch.Meta(0).State, rig.Batch.Meta(0).Output));
            rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
        }

        Assert.Equal((5_000, 0, 0), (rig.Tunnel.Ingress.TxPackets, rig.Tunnel.Ingress.Replicated, rig.Tunnel.Egress.RxPackets));
    }

    [Fact]
    public void Copies_are_exact_one_for_each_remote_of_the_frames_own_network()
    {
        OverlayTables tables = new();
        for (uint i = 0; i < 20; i++)
        {
            tables.Apply(OverlayUpdate.AddFlood(new Vni(42 + (i % 2)), ValueIPAddress.FromIPv4(0xC000_0202 + i)));
        }

        foreach (uint vni in (uint[])[42, 43])
        {
            TunnelRig rig = new(new Tunnel(new TunnelOptions { Name = "t", Kind = TunnelKind.Vxlan, Layer = DeviceLayer.Ethernet, Vni = new Vni(vni), Local = Local, DeviceMac = Mac }, tables));
            byte[] frame = PacketBuilder.Ethernet(MacAddress.Broadcast, Mac, EtherType.IPv4, PacketBuilder.Udp(InnerA, InnerB, 1, 2, PacketBuilder.Payload(1_000)));
            rig.Send(frame);
            Assert.Equal(10, rig.Batch.Count);
            Assert.Equal(tables.Flood[new Vni(vni)].ToArray().Order(), Enumerable.Range(0, 10).Select(i => rig.Batch.Meta(i).Remote).Order());
            Assert.All(Enumerable.Range(0, 10), i =>
            {
                Assert.Equal((new Vni(vni), PacketState.Pending, Endpoint), (rig.Batch.Meta(i).Vni, rig.Batch.Meta(i).State, rig.Batch.Meta(i).Output));
                Assert.Equal(frame, rig.Batch.Data(i).ToArray());
            });
            rig.Complete(rig.Egress, rig.Tunnel.Egress);
            Assert.Equal((1, 9, 10), (rig.Tunnel.Egress.RxPackets, rig.Tunnel.Egress.Replicated, rig.Tunnel.Egress.TxPackets));
        }
    }

    [Fact]
    public void Limiting_allocates_nothing()
    {
        TunnelRig rig = Rig(new FloodLimits { Broadcast = new FloodLimit(10, 10) });
        byte[] frame = FrameTo(MacAddress.Broadcast);
        Allocations.Zero(() => rig.Send(frame));
        Assert.Equal(DropReason.BroadcastLimit, rig.Batch.Meta(0).Drop);
    }

    private static TunnelRig Rig(FloodLimits limits)
    {
        TunnelRig rig = new(policy: new TunnelPolicy { FloodLimits = limits });
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, Remote));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, Remote2));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, ValueIPAddress.Parse("192.0.2.4")));
        return rig;
    }

    private static int Flood(TunnelRig rig, byte[] frame, long now)
    {
        rig.Batch.Clear();
        Assert.True(rig.Batch.TryAppend(frame, out _));
        return Close(rig, now);
    }

    // 1 if the frame went to all, 0 if to nobody.
    private static int Close(TunnelRig rig, long now)
    {
        rig.Egress.Process(rig.Batch, now);
        bool passed = rig.Batch.Meta(0).State == PacketState.Pending;
        Assert.Equal(passed ? rig.Tables.Flood[rig.Tunnel.Options.Vni].Length : 1, rig.Batch.Count);
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        return passed ? 1 : 0;
    }
}
