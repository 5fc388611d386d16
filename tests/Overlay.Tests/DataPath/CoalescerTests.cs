using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.DataPath.CoalescerRig;

namespace Overlay.Tests.DataPath;

/// <summary>What a superpacket looks like, and that cutting it gives back what went in.</summary>
public sealed class CoalescerTests
{
    private static readonly (ushort, ushort)[][] Tags = [[], [(0x8100, 0x2005)], [(0x88A8, 7), (0x8100, 8)]];

    public static TheoryData<bool, bool, int, int[]> Trains()
    {
        TheoryData<bool, bool, int, int[]> data = [];
        int[][] shapes =
        [
            [100, 100], [100, 1], [1, 1, 1], [1408, 1408, 1408, 333], [.. Enumerable.Repeat(64, 120)], [.. Enumerable.Repeat(1200, 40)],
            [.. Enumerable.Repeat(1400, 20), 77], [1409, 1409, 1409], [.. Enumerable.Repeat(63, 100), 5],
        ];
        foreach (int[] payloads in shapes)
        {
            // tags < 0: an IP packet.
            for (int tags = -1; tags < Tags.Length; tags++)
            {
                foreach (bool version4 in (bool[])[true, false])
                {
                    data.Add(true, version4, tags, payloads);
                    data.Add(false, version4, tags, payloads);
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Trains))]
    public void A_train_becomes_one_superpacket_and_cutting_it_gives_the_train_back(bool tcp, bool version4, int tags, int[] payloads)
    {
        byte[][] train = tcp ? Tcp(version4, payloads) : Udp(version4, payloads);
        bool ethernet = tags >= 0;
        if (ethernet)
        {
            train = [.. train.Select(packet => Frame(packet, Tags[tags]))];
        }

        Written write = Assert.Single(CoalescerRig.Send(ethernet ? PortCapabilities.Ethernet : PortCapabilities.None, train));
        Assert.Equal(Enumerable.Range(0, train.Length), write.Descriptors);
        int network = ethernet ? 14 + (4 * tags) : 0;
        int transport = network + (version4 ? 20 : 40);
        int headers = transport + (tcp ? 32 : 8);
        PacketMeta meta = write.Meta;
        Assert.Equal(!tcp ? SegmentationKind.Udp : version4 ? SegmentationKind.TcpIPv4 : SegmentationKind.TcpIPv6, meta.Segmentation);
        Assert.Equal((payloads[0], headers, network, transport), (meta.SegmentSize, meta.HeaderLength, meta.NetworkStart, meta.ChecksumStart));
        Assert.Equal((ChecksumState.Partial, tcp ? 16 : 6), (meta.Checksum, meta.ChecksumOffset));
        Assert.Equal(train.SelectMany(packet => packet[headers..]), write.Packet[headers..]);

        // The same packet, made in one piece, but for the identification, which the builder gives to TCP only.
        byte[] whole = tcp ? Tcp(version4, [payloads.Sum()])[0] : Udp(version4, [payloads.Sum()])[0];
        byte[] partial = write.Packet[network..];
        ushort field = BinaryPrimitives.ReadUInt16BigEndian(partial.AsSpan(transport - network + meta.ChecksumOffset));
        Assert.Equal(whole, Seal([.. partial]));
        Assert.Equal((ushort)~PacketBuilder.Checksum(Addresses(whole), (uint)((tcp ? 6 : 17) + whole.Length - (version4 ? 20 : 40))), field);

        List<byte[]> back = Cut(write);
        Assert.Equal(train.Select(Convert.ToHexString), back.Select(Convert.ToHexString));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_packet_alone_goes_as_it_came(bool tcp)
    {
        byte[] packet = tcp ? Tcp(true, [100])[0] : Udp(true, [100])[0];
        Written write = Assert.Single(CoalescerRig.Send(PortCapabilities.None, packet));
        Assert.Equal(packet, write.Packet);
        Assert.Equal((SegmentationKind.None, ChecksumState.Unverified, 0), (write.Meta.Segmentation, write.Meta.Checksum, write.Meta.HeaderLength));
    }

    [Fact]
    public void Psh_ends_a_superpacket_and_stays_in_its_last_segment()
    {
        byte[][] train = Tcp(true, [100, 100, 100, 100, 100]);
        train[2][33] |= 8;
        Seal(train[2]);
        List<Written> writes = CoalescerRig.Send(PortCapabilities.None, train);
        Assert.Equal([[0, 1, 2], [3, 4]], writes.Select(write => write.Descriptors));
        Assert.Equal((0x18, 0x10), (writes[0].Packet[33], writes[1].Packet[33]));
        Assert.Equal(train, writes.SelectMany(Cut));
    }

    [Fact]
    public void A_segment_with_psh_begins_nothing()
    {
        byte[][] train = Tcp(true, [100, 100, 100], flags: 0x18);
        Assert.Equal(train, CoalescerRig.Send(PortCapabilities.None, train).Select(write => write.Packet));
    }

    [Theory]
    [InlineData(true, 0x40)] // ECE
    [InlineData(false, 0)]
    public void A_mark_that_all_segments_carry_stays(bool ece, byte flag)
    {
        byte[][] train = Tcp(true, [100, 100, 50], flags: (byte)(0x10 | flag));
        foreach (byte[] packet in train)
        {
            // AE, the lowest of the reserved bits (RFC 9768).
            packet[32] |= ece ? (byte)0 : (byte)1;
            Seal(packet);
        }

        Written write = Assert.Single(CoalescerRig.Send(PortCapabilities.None, train));
        Assert.Equal(train, Cut(write));
    }

    [Fact]
    public void With_df_the_identification_says_nothing()
    {
        byte[][] train = Udp(true, [100, 100, 100, 40]);
        ushort[] identifications = [7, 7, 0, 9999];
        for (int i = 0; i < train.Length; i++)
        {
            train[i][6] = 0x40;
            BinaryPrimitives.WriteUInt16BigEndian(train[i].AsSpan(4), identifications[i]);
            Seal(train[i]);
        }

        Written write = Assert.Single(CoalescerRig.Send(PortCapabilities.None, train));
        List<byte[]> back = Cut(write);
        for (int i = 0; i < train.Length; i++)
        {
            Assert.Equal(7 + i, BinaryPrimitives.ReadUInt16BigEndian(back[i].AsSpan(4)));
            BinaryPrimitives.WriteUInt16BigEndian(back[i].AsSpan(4), identifications[i]);
            Assert.Equal(train[i], Seal(back[i]));
        }
    }

    [Fact]
    public void A_shorter_segment_is_the_last()
    {
        byte[][] train = Udp(false, [100, 100, 40, 40, 100]);
        List<Written> writes = CoalescerRig.Send(PortCapabilities.None, train);
        Assert.Equal([[0, 1, 2], [3], [4]], writes.Select(write => write.Descriptors));
        Assert.Equal(train, writes.SelectMany(Cut));
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void No_ip_packet_exceeds_its_length_field(bool tcp, bool version4)
    {
        int headers = (version4 ? 20 : 40) + (tcp ? 32 : 8);
        int fit = (65_535 - headers) / 1400;
        byte[][] train = tcp ? Tcp(version4, [.. Enumerable.Repeat(1400, 60)]) : Udp(version4, [.. Enumerable.Repeat(1400, 60)]);
        List<Written> writes = CoalescerRig.Send(PortCapabilities.None, train);
        Assert.Equal([fit, 60 - fit], writes.Select(write => write.Descriptors.Length));
        Assert.Equal(headers + (fit * 1400), writes[0].Packet.Length);
        Assert.Equal(train, writes.SelectMany(Cut));
    }

    [Fact]
    public void A_superpacket_may_fill_the_length_field_to_the_last_byte()
    {
        byte[][] train = Udp(true, [.. Enumerable.Repeat(1400, 46), 65_535 - 28 - (46 * 1400)]);
        byte[][] longer = Udp(true, [.. Enumerable.Repeat(1400, 46), 65_535 - 28 - (46 * 1400) + 1]);
        Written write = Assert.Single(CoalescerRig.Send(PortCapabilities.Ethernet, train.Select(packet => Frame(packet, (0x88A8, 1), (0x8100, 2)))));
        Assert.Equal(65_535 + 22, write.Packet.Length);
        Assert.Equal(2, CoalescerRig.Send(PortCapabilities.None, longer).Count);
    }

    [Theory]
    [InlineData(true, 512)]
    [InlineData(false, 128)]
    public void The_number_of_segments_is_bounded(bool tcp, int most)
    {
        int[] payloads = [.. Enumerable.Repeat(8, (2 * most) - 1)];
        byte[][] train = tcp ? Tcp(true, payloads) : Udp(true, payloads);
        List<Written> writes = CoalescerRig.Send(PortCapabilities.None, train);
        Assert.Equal([most, most - 1], writes.Select(write => write.Descriptors.Length));
        Assert.Equal(train, writes.SelectMany(Cut));
    }

    [Fact]
    public void Eight_flows_are_open_at_once_and_a_ninth_closes_the_oldest()
    {
        byte[][][] flows = [.. Enumerable.Range(0, 9).Select(i => Tcp(i % 2 == 0, [100, 100, 100], port: (ushort)(2000 + i), seed: i))];
        List<Written> eight = CoalescerRig.Send(PortCapabilities.None, Enumerable.Range(0, 3).SelectMany(turn => flows.Take(8).Select(flow => flow[turn])));
        Assert.Equal(8, eight.Count);
        Assert.Equal(flows.Take(8).SelectMany(flow => flow), eight.SelectMany(Cut));

        CoalescerRig rig = new();
        foreach (byte[][] flow in flows.Take(8))
        {
            rig.Add(flow[0]);
            rig.Add(flow[1]);
        }

        rig.Add(flows[8][0]);
        rig.Add(flows[1][2]);
        rig.Send();
        Assert.Equal([0, 1], rig.Writes[0].Descriptors);
        Assert.Equal([2, 3, 17], rig.Writes[1].Descriptors);
        Assert.Equal([16], rig.Writes[^1].Descriptors);
        Assert.Equal(9, rig.Writes.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_packet_with_a_wrong_checksum_goes_alone_and_in_its_place(bool header)
    {
        byte[][] train = Tcp(true, [.. Enumerable.Repeat(100, 7)]);
        // Of the header checksum, and of the payload.
        train[3][header ? 10 : 90] ^= 1;
        List<Written> writes = CoalescerRig.Send(PortCapabilities.None, train);
        Assert.Equal([[0, 1, 2], [3], [4, 5, 6]], writes.Select(write => write.Descriptors));
        Assert.Equal(train[3], writes[1].Packet);
        Assert.Equal(ChecksumState.Unverified, writes[1].Meta.Checksum);
        Assert.Equal(train, writes.SelectMany(Cut));
    }

    [Fact]
    public void A_first_packet_with_a_wrong_checksum_goes_alone_too()
    {
        byte[][] train = Udp(false, [100, 100, 100]);
        train[0][60] ^= 1;
        List<Written> writes = CoalescerRig.Send(PortCapabilities.None, train);
        Assert.Equal([[0], [1, 2]], writes.Select(write => write.Descriptors));
        Assert.Equal(train, writes.SelectMany(Cut));
    }

    [Fact]
    public void What_is_verified_is_not_verified_again()
    {
        byte[][] train = Udp(true, [100, 100]);
        train[1][70] ^= 1;
        CoalescerRig rig = new();
        rig.Add(train[0], ChecksumState.Verified);
        rig.Add(train[1], ChecksumState.Verified);
        Assert.Single(rig.Send());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Partial_checksums_begin_and_continue_superpackets_among_finished_ones(bool tcp)
    {
        byte[][] train = tcp ? Tcp(true, [.. Enumerable.Repeat(100, 6)]) : Udp(true, [.. Enumerable.Repeat(100, 6)]);
        CoalescerRig rig = new(PortCapabilities.Ethernet);
        for (int i = 0; i < train.Length; i++)
        {
            byte[] frame = Frame(train[i]);
            if (i % 3 != 1)
            {
                // What the field holds does not matter, as long as it is something.
                frame[14 + 20 + (tcp ? 16 : 6)] ^= 0x55;
            }

            rig.Add(frame, i % 3 != 1 ? ChecksumState.Partial : ChecksumState.Unverified);
        }

        Written write = Assert.Single(rig.Send());
        Assert.Equal(train.Select(packet => Frame(packet)), Cut(write));
    }

    [Fact]
    public void A_partial_packet_alone_keeps_its_meta()
    {
        byte[] packet = PacketBuilder.Udp(A4, B4, 1, 2, [1, 2, 3], partialChecksum: true);
        CoalescerRig rig = new();
        rig.Add(packet, ChecksumState.Partial);
        Written write = Assert.Single(rig.Send());
        Assert.Equal(packet, write.Packet);
        Assert.Equal((ChecksumState.Partial, 20, 6, SegmentationKind.None), (write.Meta.Checksum, write.Meta.ChecksumStart, write.Meta.ChecksumOffset, write.Meta.Segmentation));
    }

    [Fact]
    public void A_partial_checksum_of_something_else_never_merges()
    {
        byte[][] train = Udp(true, [100, 100, 100]);
        CoalescerRig rig = new();
        foreach (byte[] packet in train)
        {
            rig.Batch.Meta(rig.Add(packet, ChecksumState.Partial)).ChecksumStart += 8;
        }

        Assert.Equal(train, rig.Send().Select(write => write.Packet));
    }

    [Fact]
    public void A_superpacket_that_came_as_one_goes_behind_its_flow_and_before_what_follows()
    {
        byte[][] train = Tcp(true, [100, 100, 300, 100, 100]);
        CoalescerRig rig = new();
        for (int i = 0; i < train.Length; i++)
        {
            int index = rig.Add(train[i], i == 2 ? ChecksumState.Partial : ChecksumState.Unverified);
            if (i == 2)
            {
                ref PacketMeta meta = ref rig.Batch.Meta(index);
                (meta.Segmentation, meta.SegmentSize, meta.HeaderLength) = (SegmentationKind.TcpIPv4, 100, 52);
            }
        }

        List<Written> writes = rig.Send();
        Assert.Equal([[0, 1], [2], [3, 4]], writes.Select(write => write.Descriptors));
        Assert.Equal(train[2], writes[1].Packet);
        Assert.Equal((SegmentationKind.TcpIPv4, 100), (writes[1].Meta.Segmentation, writes[1].Meta.SegmentSize));
    }

    [Theory]
    [InlineData(PortCapabilities.TcpSuperpackets, 1, 3)]
    [InlineData(PortCapabilities.UdpSuperpackets, 3, 1)]
    [InlineData(PortCapabilities.None, 3, 3)]
    public void Only_what_the_port_takes_is_merged(PortCapabilities capabilities, int tcpWrites, int udpWrites)
    {
        CoalescerRig rig = new() { Coalescer = new Coalescer(capabilities) };
        foreach (byte[] packet in Tcp(true, [100, 100, 100]).Concat(Udp(true, [100, 100, 100])))
        {
            rig.Add(packet);
        }

        List<Written> writes = rig.Send();
        Assert.Equal((tcpWrites, udpWrites), (writes.Count(write => write.Packet[9] == 6), writes.Count(write => write.Packet[9] == 17)));
    }

    [Fact]
    public void What_the_output_does_not_take_stays_pending_and_goes_the_next_time()
    {
        CoalescerRig rig = new() { Limit = 1 };
        byte[][][] flows = [.. Enumerable.Range(0, 4).Select(i => Udp(true, [100, 100, 50], port: (ushort)(3000 + i)))];
        foreach (byte[] packet in flows.SelectMany(flow => flow))
        {
            rig.Add(packet);
        }

        rig.Batch.Select(0);
        Assert.False(rig.Coalescer.Send(rig.Batch, rig));
        Assert.Equal(9, rig.Batch.Select(0));
        rig.Limit = int.MaxValue;
        Assert.True(rig.Coalescer.Send(rig.Batch, rig));
        Assert.Equal(0, rig.Batch.Select(0));
        Assert.Equal(flows.SelectMany(flow => flow), rig.Writes.SelectMany(Cut));
        Assert.Equal(4, rig.Writes.Count);
    }

    [Fact]
    public void Only_the_selected_packets_go()
    {
        CoalescerRig rig = new();
        byte[][] train = Udp(true, [100, 100, 100, 100]);
        foreach (byte[] packet in train)
        {
            rig.Add(packet);
        }

        rig.Batch.Meta(1).Output = 1;
        rig.Batch.Select(0);
        Assert.True(rig.Coalescer.Send(rig.Batch, rig));
        // The gap in the identification keeps the first from the third.
        Assert.Equal([[0], [2, 3]], rig.Writes.Select(write => write.Descriptors));
        Assert.Equal(PacketState.Pending, rig.Batch.Meta(1).State);
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        CoalescerRig rig = new(PortCapabilities.Ethernet);
        foreach (byte[] packet in Enumerable.Range(0, 10).SelectMany(i => Tcp(i % 2 == 0, [1000, 1000, 500], port: (ushort)i).Concat(Udp(i % 2 == 0, [64, 64, 64], port: (ushort)i))))
        {
            rig.Add(Frame(packet));
        }

        Counter counter = new();
        rig.Batch.Select(0);
        Allocations.Zero(() =>
        {
            counter.Count = 0;
            rig.Coalescer.Send(rig.Batch, counter);
        });
        Assert.Equal(20, counter.Count);
    }

    private static ReadOnlySpan<byte> Addresses(byte[] packet) => packet[0] >> 4 == 4 ? packet.AsSpan(12, 8) : packet.AsSpan(8, 32);

    private sealed class Counter : ICoalescerOutput
    {
        public int Count { get; set; }

        public bool Write(PacketBatch batch, ReadOnlySpan<int> descriptors, ReadOnlySpan<byte> packet, in PacketMeta meta)
        {
            Count++;
            return true;
        }
    }
}
