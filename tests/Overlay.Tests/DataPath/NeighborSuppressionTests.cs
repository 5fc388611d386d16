using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.DataPath.NeighborFrames;

namespace Overlay.Tests.DataPath;

/// <summary>What a tap answers itself, what it floods, and what it says of it (RFC 9161).</summary>
public sealed class NeighborSuppressionTests
{
    private static readonly MacAddress MacC = MacAddress.Parse("02:00:00:00:00:03");
    private static readonly ValueIPAddress Zero = ValueIPAddress.Parse("0.0.0.0");

    [Fact]
    public void A_known_neighbour_whose_forwarding_entry_is_known_is_answered_here()
    {
        TunnelRig rig = Known();
        rig.Send(PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB));

        Assert.Equal(2, rig.Batch.Count);
        Assert.Equal(PacketState.Consumed, rig.Batch.Meta(0).State);
        Assert.Equal((PacketState.Pending, TunnelRig.Device), (rig.Batch.Meta(1).State, rig.Batch.Meta(1).Output));
        // RFC 826: the fields change places, the operation is reply.
        Assert.Equal(
            "020000000001" + "020000000002" + "0806" + "0001080006040002" + "020000000002" + "0AF40002" + "020000000001" + "0AF40001",
            Convert.ToHexString(rig.Batch.Data(1)));
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
        Assert.Equal((1, 1, 1, 1), (rig.Tunnel.Egress.RxPackets, rig.Tunnel.Egress.Consumed, rig.Tunnel.Egress.Originated, rig.Tunnel.Egress.TxPackets));
        Assert.Equal(1, rig.Tunnel.Neighbors.Answered);
    }

    [Theory]
    [InlineData(NeighborFlags.Override, 0x60)]
    [InlineData(NeighborFlags.None, 0x40)]
    [InlineData(NeighborFlags.Router | NeighborFlags.Override, 0xE0)]
    [InlineData(NeighborFlags.Router | NeighborFlags.Immutable, 0xC0)]
    public void A_solicitation_is_answered_with_a_valid_advertisement_and_the_flags_of_the_entry(NeighborFlags flags, byte onWire)
    {
        TunnelRig rig = Known(flags);
        rig.Send(Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB6));

        Assert.Equal(2, rig.Batch.Count);
        Assert.Equal(TunnelRig.Device, rig.Batch.Meta(1).Output);
        ReadOnlySpan<byte> answer = rig.Batch.Data(1);
        Assert.Equal("020000000001" + "020000000002" + "86DD", Convert.ToHexString(answer[..14]));
        Assert.Equal((255, 58), (answer[21], answer[20]));
        Assert.Equal("FD000244000000000000000000000002" + "FD000244000000000000000000000001", Convert.ToHexString(answer.Slice(22, 32)));
        Assert.Equal((136, 0, onWire), (answer[54], answer[55], answer[58]));
        Assert.Equal("FD000244000000000000000000000002" + "0201" + "020000000002", Convert.ToHexString(answer[62..]));
        Assert.True(PacketBuilder.IsTransportChecksumValid(answer[14..]));
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_not_known_is_flooded_counted_and_told(bool ipv6)
    {
        TunnelRig rig = Flooding();
        List<NeighborMiss> told = [];
        rig.Tables.NeighborMissed += told.Add;
        ValueIPAddress target = ipv6 ? TunnelRig.InnerB6 : TunnelRig.InnerB;
        byte[] question = ipv6 ? Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, target) : PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, target);

        AssertFlooded(rig, question, now: 1_000);
        AssertFlooded(rig, question, now: 1_500);
        Assert.Equal((0, 2, 0), Counts(rig));
        rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, target, TunnelRig.MacB));
        AssertFlooded(rig, question, now: 1_600);
        Assert.Equal((0, 2, 1), Counts(rig));
        Assert.Equal(2, Drain(rig));
        // Told once, since it was within a second, and then once more with what was known then.
        Assert.Equal([new NeighborMiss(TunnelRig.Vni, target, default), new NeighborMiss(TunnelRig.Vni, target, TunnelRig.MacB)], told);

        // What has become known while it lay in the queue is no miss any more.
        AssertFlooded(rig, question, now: 2_600);
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote)));
        Assert.Equal(1, Drain(rig));
        Assert.Equal(2, told.Count);
        AssertAnswered(rig, question);
        Assert.Equal((1, 2, 2), Counts(rig));
    }

    [Fact]
    public void A_learned_forwarding_entry_serves_and_when_it_has_aged_questions_are_flooded_again()
    {
        TunnelRig rig = Flooding();
        rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, TunnelRig.InnerB, TunnelRig.MacB));
        rig.Tables.Learn(new LearnedAddress(TunnelRig.Vni, TunnelRig.MacB, TunnelRig.Remote), knownOnly: true, now: 0);
        byte[] question = PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB);
        AssertAnswered(rig, question);
        rig.Tables.Age(300_000, 300_000);
        AssertFlooded(rig, question);
        Assert.Equal((1, 0, 1), Counts(rig));
    }

    [Fact]
    public void Networks_are_apart()
    {
        TunnelRig rig = Flooding();
        rig.Tables.Apply(OverlayUpdate.SetNeighbor(new Vni(43), TunnelRig.InnerB, TunnelRig.MacB));
        rig.Tables.Apply(OverlayUpdate.SetForwarding(new Vni(43), TunnelRig.MacB, new FdbEntry(TunnelRig.Remote)));
        AssertFlooded(rig, PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB));
        Assert.Equal((0, 1, 0), Counts(rig));
    }

    [Fact]
    public void Unicast_questions_go_to_their_owner()
    {
        TunnelRig rig = Known();
        foreach (byte[] question in (byte[][])[
            Arp(TunnelRig.MacB, 1, TunnelRig.Mac, TunnelRig.InnerA, default, TunnelRig.InnerB),
            Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB6, destination: TunnelRig.MacB)])
        {
            Assert.Equal((PacketState.Pending, TunnelRig.Endpoint, TunnelRig.Remote), Fate(ref rig.Send(question)));
            Assert.Equal(1, rig.Batch.Count);
            Assert.Equal(question, rig.Batch.Data(0).ToArray());
        }

        Assert.Equal((0, 0, 0), Counts(rig));
    }

    [Fact]
    public void Tests_for_duplicate_addresses_are_left_to_the_owner()
    {
        TunnelRig rig = Known();
        AssertFlooded(rig, PacketBuilder.ArpRequest(TunnelRig.Mac, Zero, TunnelRig.InnerB));
        AssertFlooded(rig, Solicitation(TunnelRig.Mac, Unspecified6, TunnelRig.InnerB6, withOption: false));
        Assert.Equal(2, rig.Tunnel.Neighbors.Probes);
        Assert.Equal((0, 0, 0), Counts(rig));
        Assert.False(rig.Tunnel.NeighborMisses.TryDequeue(out _));
    }

    [Fact]
    public void Unless_the_entry_is_for_certain_and_another_host_tests()
    {
        TunnelRig rig = Known(NeighborFlags.Override | NeighborFlags.Immutable);
        byte[] probe = PacketBuilder.ArpRequest(TunnelRig.Mac, Zero, TunnelRig.InnerB);
        AssertAnswered(rig, probe);
        // RFC 5227 §2.1.1: any ARP packet with the tested address as sender address is a conflict.
        Assert.Equal(
            "020000000001" + "020000000002" + "0806" + "0001080006040002" + "020000000002" + "0AF40002" + "020000000001" + "00000000",
            Convert.ToHexString(rig.Batch.Data(1)));

        AssertAnswered(rig, Solicitation(TunnelRig.Mac, Unspecified6, TunnelRig.InnerB6, withOption: false));
        // RFC 4861 §7.2.4: to all nodes, and not solicited.
        ReadOnlySpan<byte> answer = rig.Batch.Data(1);
        Assert.Equal("333300000001" + "020000000002" + "86DD", Convert.ToHexString(answer[..14]));
        Assert.Equal("FF020000000000000000000000000001", Convert.ToHexString(answer.Slice(38, 16)));
        Assert.Equal((136, 0x20), (answer[54], answer[58]));
        Assert.True(PacketBuilder.IsTransportChecksumValid(answer[14..]));

        // The owner itself, new at another place, is told nothing.
        AssertFlooded(rig, PacketBuilder.ArpRequest(TunnelRig.MacB, Zero, TunnelRig.InnerB));
        AssertFlooded(rig, Solicitation(TunnelRig.MacB, Unspecified6, TunnelRig.InnerB6, withOption: false));
        // A probe with the option is none (RFC 4861 §7.1.1).
        AssertFlooded(rig, Solicitation(TunnelRig.Mac, Unspecified6, TunnelRig.InnerB6, withOption: true));
        Assert.Equal(2, rig.Tunnel.Neighbors.Answered);
    }

    [Fact]
    public void An_immutable_entry_defends_its_address_even_where_it_cannot_be_reached()
    {
        TunnelRig rig = Flooding();
        NeighborEntry entry = new(TunnelRig.MacB, NeighborOrigin.External, NeighborFlags.Override | NeighborFlags.Immutable);
        rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, TunnelRig.InnerB, entry));
        AssertAnswered(rig, PacketBuilder.ArpRequest(TunnelRig.Mac, Zero, TunnelRig.InnerB));
        AssertFlooded(rig, PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB));
    }

    [Fact]
    public void Announcements_and_questions_of_the_owner_pass_and_change_nothing()
    {
        TunnelRig rig = Known();
        foreach (byte[] frame in (byte[][])[
            // Gratuitous, of both operations, by the owner and by another (RFC 5227 §3).
            Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerB),
            Arp(MacAddress.Broadcast, 2, TunnelRig.MacB, TunnelRig.InnerB, MacAddress.Broadcast, TunnelRig.InnerB),
            Arp(MacAddress.Broadcast, 1, MacC, TunnelRig.InnerB, default, TunnelRig.InnerB),
            Advertisement(TunnelRig.MacB, TunnelRig.InnerB6),
            Advertisement(MacC, TunnelRig.InnerB6),
            // The owner asks for its own address.
            Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerA, default, TunnelRig.InnerB),
            Solicitation(TunnelRig.MacB, TunnelRig.InnerA6, TunnelRig.InnerB6)])
        {
            AssertFlooded(rig, frame);
        }

        Assert.Equal(5, rig.Tunnel.Neighbors.Announcements);
        Assert.Equal((0, 0, 0), Counts(rig));
        Assert.True(rig.Tables.Neighbors.TryGet(TunnelRig.Vni, TunnelRig.InnerB, out NeighborEntry entry));
        Assert.Equal(new NeighborEntry(TunnelRig.MacB), entry);
        Assert.False(rig.Tunnel.LearnedNeighbors.TryDequeue(out _));
    }

    [Fact]
    public void A_repeated_announcement_is_dropped_where_the_tunnel_holds_it_back()
    {
        TunnelRig rig = new(Tunnel(options => options with { AnnouncementHold = 10_000 }));
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        byte[] arp = Arp(MacAddress.Broadcast, 1, TunnelRig.MacB, TunnelRig.InnerB, default, TunnelRig.InnerB);
        byte[] moved = Arp(MacAddress.Broadcast, 1, MacC, TunnelRig.InnerB, default, TunnelRig.InnerB);
        byte[] advertisement = Advertisement(TunnelRig.MacB, TunnelRig.InnerB6);
        AssertFlooded(rig, arp, now: 1_000);
        AssertFlooded(rig, advertisement, now: 1_000);
        foreach (byte[] frame in (byte[][])[arp, advertisement])
        {
            ref PacketMeta meta = ref rig.Send(frame, now: 10_999);
            Assert.Equal((PacketState.Dropped, DropReason.RepeatedAnnouncement), (meta.State, meta.Drop));
            rig.Complete(rig.Egress, rig.Tunnel.Egress);
        }

        // Another MAC address is news, and after the time the same is.
        AssertFlooded(rig, moved, now: 11_000 - 1);
        AssertFlooded(rig, arp, now: 11_000);
        Assert.Equal((2, 6), (rig.Tunnel.Egress.Drops(DropReason.RepeatedAnnouncement), rig.Tunnel.Neighbors.Announcements));
    }

    [Fact]
    public void What_the_tables_do_not_know_of_is_not_looked_at()
    {
        TunnelRig rig = Known();
        byte[] arp = PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB);
        byte[] tagged = [.. arp[..12], 0x81, 0x00, 0x00, 0x07, .. arp[12..]];
        byte[] otherHardware = [.. arp];
        otherHardware[15] = 6;
        byte[] otherOperation = [.. arp];
        otherOperation[21] = 8;
        byte[] solicitation = Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB6);
        byte[] badChecksum = [.. solicitation];
        badChecksum[56] ^= 1;
        byte[] zeroOption = [.. solicitation];
        zeroOption[79] = 0;
        foreach (byte[] frame in (byte[][])[
            tagged, otherHardware, otherOperation, arp[..^1], badChecksum, zeroOption, solicitation[..^1],
            Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB6, hopLimit: 254),
            PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, Zero),
            PacketBuilder.ArpRequest(TunnelRig.Mac, Zero, Zero),
            PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, ValueIPAddress.Parse("224.0.0.1"))])
        {
            AssertFlooded(rig, frame);
        }

        Assert.Equal((0, 0, 0), Counts(rig));
        Assert.Equal((0, 0), (rig.Tunnel.Neighbors.Probes, rig.Tunnel.Neighbors.Announcements));
    }

    [Fact]
    public void An_address_that_looks_like_IPv4_in_a_solicitation_is_another_one()
    {
        // ::ffff:10.244.0.2 and 10.244.0.2 have one value, and no IPv6 answer can be made of the latter.
        TunnelRig rig = Known();
        AssertFlooded(rig, Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB));
        byte[] mappedSource = Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB6);
        Convert.FromHexString("00000000000000000000FFFF0AF40001").CopyTo(mappedSource, 22);
        mappedSource[56] = mappedSource[57] = 0;
        ushort checksum = PacketBuilder.Checksum(mappedSource.AsSpan(54), PacketBuilder.PseudoHeader(mappedSource.AsSpan(14), IPProtocol.IcmpV6, mappedSource.Length - 54));
        (mappedSource[56], mappedSource[57]) = ((byte)(checksum >> 8), (byte)checksum);
        AssertFlooded(rig, mappedSource);
        Assert.Equal((0, 0, 0), Counts(rig));
    }

    [Fact]
    public void A_checksum_that_is_still_to_be_finished_is_not_judged()
    {
        TunnelRig rig = Known();
        byte[] solicitation = Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB6);
        solicitation[56] ^= 1;
        Assert.True(rig.Batch.TryAppend(solicitation, out int index));
        rig.Batch.Meta(index).Checksum = ChecksumState.Partial;
        rig.Egress.Process(rig.Batch, 0);
        Assert.Equal((2, PacketState.Consumed), (rig.Batch.Count, rig.Batch.Meta(0).State));
    }

    [Fact]
    public void Without_suppression_everything_is_flooded()
    {
        TunnelRig rig = new(Tunnel(options => options with { NeighborSuppression = false, AnnouncementHold = 10_000 }));
        Fill(rig, NeighborFlags.Override | NeighborFlags.Immutable);
        foreach (byte[] frame in (byte[][])[
            PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB),
            PacketBuilder.ArpRequest(TunnelRig.Mac, Zero, TunnelRig.InnerB),
            Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB6)])
        {
            AssertFlooded(rig, frame);
            AssertFlooded(rig, frame);
        }

        Assert.Equal((0, 0, 0), Counts(rig));
    }

    [Fact]
    public void A_question_that_the_batch_has_no_room_to_answer_is_flooded()
    {
        TunnelRig rig = new(Tunnel(options => options), capacity: 1);
        Fill(rig, NeighborFlags.Override);
        AssertFlooded(rig, PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB));
        Assert.Equal((0, 0, 0), Counts(rig));
    }

    [Fact]
    public void The_answer_goes_where_the_question_came_from_whatever_it_names()
    {
        TunnelRig rig = Known();
        AssertAnswered(rig, Arp(MacAddress.Broadcast, 1, MacC, TunnelRig.InnerA, default, TunnelRig.InnerB, source: TunnelRig.Mac));
        Assert.Equal("020000000001" + "020000000002", Convert.ToHexString(rig.Batch.Data(1)[..12]));
        Assert.Equal("020000000003", Convert.ToHexString(rig.Batch.Data(1).Slice(32, 6)));
    }

    [Fact]
    public void The_books_balance_whatever_is_asked()
    {
        TunnelRig rig = new(Tunnel(options => options with { AnnouncementHold = 500 }), capacity: 24);
        Fill(rig, NeighborFlags.Override | NeighborFlags.Immutable);
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote2));
        byte[][] frames =
        [
            PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB),
            PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, ValueIPAddress.Parse("10.244.0.99")),
            PacketBuilder.ArpRequest(TunnelRig.Mac, Zero, TunnelRig.InnerB),
            Arp(MacAddress.Broadcast, 1, MacC, TunnelRig.InnerB, default, TunnelRig.InnerB),
            Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB6),
            Solicitation(TunnelRig.Mac, Unspecified6, TunnelRig.InnerB6, withOption: false),
            Advertisement(MacC, TunnelRig.InnerB6),
            TunnelRig.FrameTo(TunnelRig.MacB),
        ];
        Random random = new(5);
        for (int round = 0; round < 500; round++)
        {
            rig.Batch.Clear();
            int count = random.Next(1, 20);
            for (int i = 0; i < count; i++)
            {
                Assert.True(rig.Batch.TryAppend(frames[random.Next(frames.Length)], out _));
            }

            rig.Egress.Process(rig.Batch, round * 10);
            rig.Complete(rig.Egress, rig.Tunnel.Egress);
        }

        DirectionCounters books = rig.Tunnel.Egress;
        Assert.Equal(books.Consumed, books.Originated);
        Assert.Equal(rig.Tunnel.Neighbors.Answered, books.Consumed);
        Assert.True(books.Consumed > 0 && books.Replicated > 0 && books.Drops(DropReason.RepeatedAnnouncement) > 0 && books.Drops(DropReason.QueueFull) > 0,
            "Not every case was reached.");
    }

    [Fact]
    public void Neither_answers_nor_misses_allocate()
    {
        TunnelRig rig = new(Tunnel(options => options with { NeighborLearning = true, AnnouncementHold = 500 }));
        Fill(rig, NeighborFlags.Override);
        byte[][] frames =
        [
            PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, TunnelRig.InnerB),
            PacketBuilder.ArpRequest(TunnelRig.Mac, TunnelRig.InnerA, ValueIPAddress.Parse("10.244.0.99")),
            Arp(MacAddress.Broadcast, 1, MacC, TunnelRig.InnerB, default, TunnelRig.InnerB),
            Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, TunnelRig.InnerB6),
            Solicitation(TunnelRig.Mac, TunnelRig.InnerA6, ValueIPAddress.Parse("fd00:244::99")),
        ];
        long now = 0;
        Allocations.Zero(() =>
        {
            rig.Batch.Clear();
            foreach (byte[] frame in frames)
            {
                rig.Batch.TryAppend(frame, out _);
            }

            rig.Egress.Process(rig.Batch, now += 400);
        });
        Assert.True(rig.Tunnel.Neighbors is { Answered: > 0, Unknown: > 0, Announcements: > 0 });
    }

    private static TunnelRig Flooding()
    {
        TunnelRig rig = new();
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        return rig;
    }

    private static TunnelRig Known(NeighborFlags flags = NeighborFlags.Override)
    {
        TunnelRig rig = new();
        Fill(rig, flags);
        return rig;
    }

    private static Tunnel Tunnel(Func<TunnelOptions, TunnelOptions> change) => new(change(new TunnelRig().Tunnel.Options), new OverlayTables());

    private static void Fill(TunnelRig rig, NeighborFlags flags)
    {
        rig.Tables.Apply(OverlayUpdate.AddFlood(TunnelRig.Vni, TunnelRig.Remote));
        rig.Tables.Apply(OverlayUpdate.SetForwarding(TunnelRig.Vni, TunnelRig.MacB, new FdbEntry(TunnelRig.Remote)));
        NeighborEntry entry = new(TunnelRig.MacB, NeighborOrigin.Static, flags);
        rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, TunnelRig.InnerB, entry));
        rig.Tables.Apply(OverlayUpdate.SetNeighbor(TunnelRig.Vni, TunnelRig.InnerB6, entry));
    }

    private static int Drain(TunnelRig rig)
    {
        int count = 0;
        for (; rig.Tunnel.NeighborMisses.TryDequeue(out NeighborMiss miss); count++)
        {
            rig.Tables.ReportMiss(miss);
        }

        return count;
    }

    private static (long Answered, long Unknown, long Unforwarded) Counts(TunnelRig rig) =>
        (rig.Tunnel.Neighbors.Answered, rig.Tunnel.Neighbors.Unknown, rig.Tunnel.Neighbors.Unforwarded);

    private static (PacketState State, int Output, ValueIPAddress Remote) Fate(ref PacketMeta meta) => (meta.State, meta.Output, meta.Remote);

    private static void AssertFlooded(TunnelRig rig, byte[] frame, long now = 0)
    {
        Assert.Equal((PacketState.Pending, TunnelRig.Endpoint, TunnelRig.Remote), Fate(ref rig.Send(frame, now)));
        Assert.Equal(1, rig.Batch.Count);
        Assert.Equal(frame, rig.Batch.Data(0).ToArray());
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
    }

    private static void AssertAnswered(TunnelRig rig, byte[] frame)
    {
        rig.Send(frame);
        Assert.Equal((2, PacketState.Consumed, TunnelRig.Device), (rig.Batch.Count, rig.Batch.Meta(0).State, rig.Batch.Meta(1).Output));
        rig.Complete(rig.Egress, rig.Tunnel.Egress);
    }
}
