using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.DataPath.NeighborFrames;

namespace Overlay.Tests.DataPath;

/// <summary>Neighbours that are heard of through the tunnel: who is believed, for what, and for how long.</summary>
public sealed class NeighborLearningTests
{
    private static readonly MacAddress MacC = MacAddress.Parse("02:00:00:00:00:03");
    private static readonly ValueIPAddress InnerC = ValueIPAddress.Parse("10.244.0.3");

    [Fact]
    public void Nothing_is_learned_unless_it_is_asked_for()
    {
        TunnelRig rig = new(learning: true);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        Hear(rig, Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerB));
        Assert.Equal((1, 0), (rig.Tables.Forwarding.Count, rig.Tables.Neighbors.Count));
    }

    [Fact]
    public void Requests_replies_and_announcements_teach_and_the_next_question_is_answered_here()
    {
        foreach (byte[] frame in (byte[][])[
            Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerA),
            Arp(TunnelRig.Mac, 2, TunnelRig.MacB, TunnelRig.InnerB, TunnelRig.Mac, TunnelRig.InnerA),
            Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerB),
            Arp(MacAddress.Broadcast, 2, TunnelRig.MacB, TunnelRig.InnerB, MacAddress.Broadcast, TunnelRig.InnerB)])
        {
            TunnelRig rig = Learning();
            Hear(rig, frame);
            Assert.True(rig.Tables.Neighbors.TryGet(TunnelRig.Vni, TunnelRig.InnerB, out NeighborEntry entry));
            Assert.Equal(new NeighborEntry(TunnelRig.MacB, NeighborOrigin.Learned, NeighborFlags.Override), entry);
            rig.Send(PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB));
            Assert.Equal((2, PacketState.Consumed), (rig.Batch.Count, rig.Batch.Meta(0).State));
        }
    }

    [Theory]
    [InlineData(0x20, NeighborFlags.Override)]
    [InlineData(0xA0, NeighborFlags.Override | NeighborFlags.Router)]
    [InlineData(0x80, NeighborFlags.Router)]
    public void Advertisements_teach_with_their_flags_and_those_come_back(byte flags, NeighborFlags learned)
    {
        TunnelRig rig = Learning();
        Hear(rig, Advertisement(TunnelRig.MacB, TunnelRig.InnerB6, flags));
        Assert.True(rig.Tables.Neighbors.TryGet(TunnelRig.Vni, TunnelRig.InnerB6, out NeighborEntry entry));
        Assert.Equal(new NeighborEntry(TunnelRig.MacB, NeighborOrigin.Learned, learned), entry);
        rig.Send(Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB6));
        Assert.Equal(2, rig.Batch.Count);
        Assert.Equal(flags | 0x40, rig.Batch.Data(1)[58]);
    }

    [Fact]
    public void A_solicited_answer_teaches_too()
    {
        TunnelRig rig = Learning();
        Hear(rig, Advertisement(TunnelRig.MacB, TunnelRig.InnerB6, 0x60, destinationAddress: TunnelRig.InnerA6));
        Assert.Equal(1, rig.Tables.Neighbors.LearnedCount);
    }

    [Fact]
    public void Nobody_speaks_for_another()
    {
        TunnelRig rig = Learning();
        // The MAC address in the packet is not the frame's own.
        Hear(rig, Arp(MacAddress.Broadcast, 1, MacC, TunnelRig.InnerB, default, TunnelRig.InnerB, source: TunnelRig.MacB));
        Hear(rig, Advertisement(TunnelRig.MacB, TunnelRig.InnerB6, option: MacC));
        // A router on the way, a probe, a question from nowhere, a bad checksum, and addresses that no host has.
        Hear(rig, Advertisement(TunnelRig.MacB, TunnelRig.InnerB6, hopLimit: 254));
        Hear(rig, PacketBuilder.ArpRequest(TunnelRig.MacB, ValueIPAddress.Parse("0.0.0.0"), TunnelRig.InnerB));
        Hear(rig, Solicitation(TunnelRig.MacB, Unspecified6, TunnelRig.InnerB6, withOption: false));
        Hear(rig, Solicitation(TunnelRig.MacB, TunnelRig.InnerB6, TunnelRig.InnerA6));
        byte[] bad = Advertisement(TunnelRig.MacB, TunnelRig.InnerB6);
        bad[56] ^= 1;
        Hear(rig, bad);
        Hear(rig, Advertisement(TunnelRig.MacB, TunnelRig.InnerB));
        Assert.Equal(0, rig.Tables.Neighbors.Count);
        Hear(rig, Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, ValueIPAddress.Parse("224.0.0.1"), default, TunnelRig.InnerA));
        Assert.Equal((0, 1), (rig.Tables.Neighbors.Count, rig.Tables.Neighbors.Refusals.Invalid));
    }

    [Fact]
    public void A_tagged_frame_teaches_nothing()
    {
        TunnelRig rig = Learning();
        byte[] arp = Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerB);
        Hear(rig, [.. arp[..12], 0x81, 0x00, 0x00, 0x07, .. arp[12..]]);
        Assert.Equal((1, 0), (rig.Tables.Forwarding.Count, rig.Tables.Neighbors.Count));
    }

    [Fact]
    public void Only_the_remote_where_the_MAC_address_lives_is_believed()
    {
        TunnelRig rig = Learning();
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote2));
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote)));
        Hear(rig, Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerB), TunnelRig.Remote2);
        Assert.Equal((0, 1), (rig.Tables.Neighbors.Count, rig.Tables.Neighbors.Refusals.Elsewhere));
        Hear(rig, Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerB), TunnelRig.Remote);
        Assert.Equal(1, rig.Tables.Neighbors.LearnedCount);
        // A stranger is not let in at all.
        ref PacketMeta meta = ref rig.Receive(
            TunnelRig.Vxlan(Arp(MacAddress.Broadcast, 1, MacC, InnerC, default, InnerC)), remote: ValueIPAddress.Parse("198.51.100.1"));
        Assert.Equal((PacketState.Dropped, DropReason.UnknownRemote), (meta.State, meta.Drop));
        Assert.False(rig.Tunnel.LearnedNeighbors.TryDequeue(out _));
    }

    [Fact]
    public void What_a_removed_remote_left_in_the_queue_is_not_learned()
    {
        TunnelRig rig = Learning();
        rig.Receive(TunnelRig.Vxlan(Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerB)));
        rig.Tables.Apply(OverlayUpdate.RemoveFlood(TunnelRig.Vni, TunnelRig.Remote));
        Drain(rig, 0);
        Assert.Equal(0, rig.Tables.Neighbors.Count);
    }

    [Fact]
    public void When_its_remote_leaves_a_learned_neighbour_is_not_answered_for()
    {
        TunnelRig rig = Learning();
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote2));
        Hear(rig, Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerB));
        rig.Tables.Apply(OverlayUpdate.RemoveFlood(TunnelRig.Vni, TunnelRig.Remote));
        ref PacketMeta meta = ref rig.Send(PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB));
        Assert.Equal((1, TunnelRig.Remote2, 1), (rig.Batch.Count, meta.Remote, rig.Tunnel.Neighbors.Unforwarded));
    }

    [Fact]
    public void A_gratuitous_packet_moves_learned_entries_only()
    {
        TunnelRig rig = Learning();
        rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, TunnelRig.InnerB, TunnelRig.MacB));
        rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, TunnelRig.InnerB6, new NeighborEntry(TunnelRig.MacB, NeighborOrigin.External)));
        Hear(rig, Arp(MacAddress.Broadcast, 1, MacC, TunnelRig.InnerB, default, TunnelRig.InnerB));
        Hear(rig, Advertisement(MacC, TunnelRig.InnerB6));
        Hear(rig, Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, InnerC, default, InnerC));
        Hear(rig, Arp(MacAddress.Broadcast, 1, MacC, InnerC, default, InnerC));
        Assert.Equal((2, 1), (rig.Tables.Neighbors.Refusals.Protected, rig.Tables.Neighbors.Moves));
        Assert.Equal(
            [(TunnelRig.InnerB, TunnelRig.MacB), (InnerC, MacC), (TunnelRig.InnerB6, TunnelRig.MacB)],
            rig.Tables.Neighbors.Snapshot(0).Select(row => (row.Address, row.Mac)).OrderBy(row => row.Address));
    }

    [Fact]
    public void A_host_that_appears_on_this_side_ends_what_was_learned_of_it()
    {
        TunnelRig rig = Learning();
        Hear(rig, Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerB));
        Hear(rig, Advertisement(TunnelRig.MacB, TunnelRig.InnerB6));
        Assert.Equal(2, rig.Tables.Neighbors.LearnedCount);
        rig.Send(Arp(MacAddress.Broadcast, 1, MacC, TunnelRig.InnerB, default, TunnelRig.InnerB));
        rig.Send(Advertisement(MacC, TunnelRig.InnerB6));
        Drain(rig, 0);
        Assert.Equal(0, rig.Tables.Neighbors.Count);
    }

    [Fact]
    public void Hearing_a_neighbour_again_keeps_it()
    {
        TunnelRig rig = Learning();
        byte[] frame = Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerB);
        Hear(rig, frame, now: 0);
        Hear(rig, frame, now: 250_000);
        Assert.Equal(0, rig.Tables.Neighbors.Age(300_000, 300_000));
        Assert.Equal(1, rig.Tables.Neighbors.Age(550_000, 300_000));
    }

    [Fact]
    public void Each_frame_of_a_batch_teaches_although_the_one_before_was_alike()
    {
        TunnelRig rig = Learning();
        rig.Batch.Clear();
        foreach (byte[] frame in (byte[][])[
            Advertisement(TunnelRig.MacB, TunnelRig.InnerB6), Advertisement(TunnelRig.MacB, ValueIPAddress.Parse("fd00:244::7"))])
        {
            Assert.True(rig.Batch.TryAppend(TunnelRig.Vxlan(frame), out int index));
            rig.Batch.Meta(index).Remote = TunnelRig.Remote;
        }

        rig.Ingress.Process(rig.Batch, 0);
        Drain(rig, 0);
        Assert.Equal(2, rig.Tables.Neighbors.LearnedCount);
    }

    [Fact]
    public void Hearing_allocates_nothing()
    {
        TunnelRig rig = Learning();
        byte[][] frames =
        [
            TunnelRig.Vxlan(Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerA)),
            TunnelRig.Vxlan(Advertisement(TunnelRig.MacB, TunnelRig.InnerB6)),
        ];
        Allocations.Zero(() =>
        {
            rig.Batch.Clear();
            foreach (byte[] frame in frames)
            {
                rig.Batch.TryAppend(frame, out int index);
                rig.Batch.Meta(index).Remote = TunnelRig.Remote;
            }

            rig.Ingress.Process(rig.Batch, 0);
        });
        Assert.True(rig.Tunnel.LearnedNeighbors.TryDequeue(out _));
    }

    private static TunnelRig Learning()
    {
        TunnelOptions options = new TunnelRig(learning: true).Tunnel.Options with { NeighborLearning = true };
        TunnelRig rig = new(new Tunnel(options, new OverlayTables()));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        return rig;
    }

    private static void Hear(TunnelRig rig, byte[] frame, ValueIPAddress? remote = null, long now = 0)
    {
        ref PacketMeta meta = ref rig.Receive(TunnelRig.Vxlan(frame), remote, now: now);
        Assert.Equal((PacketState.Pending, TunnelRig.Device), (meta.State, meta.Output));
        rig.Complete(rig.Ingress, rig.Tunnel.Ingress);
        Drain(rig, now);
    }

    // As the writer does: MAC addresses first.
    private static void Drain(TunnelRig rig, long now)
    {
        while (rig.Tunnel.Learned.TryDequeue(out LearnedAddress learned))
        {
            rig.Tables.Learn(learned, knownOnly: true, now);
        }

        while (rig.Tunnel.LearnedNeighbors.TryDequeue(out LearnedNeighbor neighbor))
        {
            rig.Tables.LearnNeighbor(neighbor, knownOnly: true, now);
        }
    }
}
