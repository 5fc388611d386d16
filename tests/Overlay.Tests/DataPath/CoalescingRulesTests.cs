using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.DataPath.CoalescerRig;

namespace Overlay.Tests.DataPath;

/// <summary>Each rule that keeps two packets apart, alone: without the one change they would merge.</summary>
public sealed class CoalescingRulesTests
{
    private const int Ethernet = 14;
    private const int Transport4 = Ethernet + 20;
    private const int Transport6 = Ethernet + 40;

    /// <summary>What is done to the second of two frames of TCP in IPv4 (checksums are made right again).</summary>
    private static readonly Dictionary<string, Action<byte[]>> Tcp4 = new()
    {
        ["destination MAC"] = frame => frame[5] ^= 1,
        ["source MAC"] = frame => frame[11] ^= 1,
        ["DSCP"] = frame => frame[15] ^= 0x80,
        ["ECN: CE after ECT(0)"] = frame => frame[15] ^= 1,
        ["TTL"] = frame => frame[22]--,
        ["DF"] = frame => frame[20] ^= 0x40,
        ["reserved flag of IPv4"] = frame => frame[20] ^= 0x80,
        ["identification with a gap"] = frame => frame[19]++,
        ["more fragments"] = frame => frame[20] |= 0x20,
        ["fragment offset"] = frame => frame[21] = 1,
        ["source address"] = frame => frame[29] ^= 1,
        ["destination address"] = frame => frame[33] ^= 1,
        ["source port"] = frame => frame[Transport4 + 1] ^= 1,
        ["destination port"] = frame => frame[Transport4 + 3] ^= 1,
        ["sequence with a gap"] = frame => frame[Transport4 + 7]++,
        ["sequence that overlaps"] = frame => frame[Transport4 + 7]--,
        ["acknowledgment"] = frame => frame[Transport4 + 11] ^= 1,
        ["AE"] = frame => frame[Transport4 + 12] ^= 1,
        ["reserved bit of TCP"] = frame => frame[Transport4 + 12] ^= 4,
        ["FIN"] = frame => frame[Transport4 + 13] ^= 1,
        ["SYN"] = frame => frame[Transport4 + 13] ^= 2,
        ["RST"] = frame => frame[Transport4 + 13] ^= 4,
        ["ACK"] = frame => frame[Transport4 + 13] ^= 0x10,
        ["URG"] = frame => frame[Transport4 + 13] ^= 0x20,
        ["ECE"] = frame => frame[Transport4 + 13] ^= 0x40,
        ["CWR"] = frame => frame[Transport4 + 13] ^= 0x80,
        ["window"] = frame => frame[Transport4 + 15] ^= 1,
        ["urgent pointer"] = frame => frame[Transport4 + 19] ^= 1,
        ["first option"] = frame => frame[Transport4 + 20] ^= 1,
        ["time stamp"] = frame => frame[Transport4 + 27] ^= 1,
        ["last byte of the options"] = frame => frame[Transport4 + 31] ^= 1,
        ["header length of TCP"] = frame => frame[Transport4 + 12] = 0x70,
        ["impossible header length of TCP"] = frame => frame[Transport4 + 12] = 0x40,
        ["other protocol"] = frame => frame[23] = 132,
    };

    /// <summary>What is done to the second of two frames of TCP in IPv6.</summary>
    private static readonly Dictionary<string, Action<byte[]>> Tcp6 = new()
    {
        ["traffic class"] = frame => frame[14] ^= 1,
        ["ECN"] = frame => frame[15] ^= 0x20,
        ["flow label, upper bits"] = frame => frame[15] ^= 1,
        ["flow label, lower bits"] = frame => frame[17] ^= 1,
        ["hop limit"] = frame => frame[21]--,
        ["source address, prefix"] = frame => frame[22] ^= 1,
        ["source address, last bit"] = frame => frame[37] ^= 1,
        ["destination address, last bit"] = frame => frame[53] ^= 1,
        ["source port"] = frame => frame[Transport6 + 1] ^= 1,
        ["window"] = frame => frame[Transport6 + 14] ^= 1,
        ["last byte of the options"] = frame => frame[Transport6 + 31] ^= 1,
    };

    /// <summary>What makes both of two frames of TCP in IPv4 unfit, although they are equal in it.</summary>
    private static readonly Dictionary<string, Action<byte[]>> Both = new()
    {
        ["FIN"] = frame => frame[Transport4 + 13] |= 1,
        ["SYN"] = frame => frame[Transport4 + 13] |= 2,
        ["RST"] = frame => frame[Transport4 + 13] |= 4,
        ["PSH"] = frame => frame[Transport4 + 13] |= 8,
        ["URG"] = frame => frame[Transport4 + 13] |= 0x20,
        ["CWR"] = frame => frame[Transport4 + 13] |= 0x80,
        ["more fragments"] = frame => frame[20] |= 0x20,
        ["fragment offset"] = frame => frame[21] = 1,
        ["IP options"] = frame => frame[14] = 0x46,
        ["version that nobody knows"] = frame => frame[14] = 0x55,
        ["version that the type contradicts"] = frame => frame[14] = 0x65,
        ["total length of less than the frame"] = frame => frame[17]--,
        ["total length of more than the frame"] = frame => frame[17]++,
        ["unknown type"] = frame => frame[12] = 0x88,
    };

    public static TheoryData<string> NamesOfTcp4 => [.. Tcp4.Keys];

    public static TheoryData<string> NamesOfTcp6 => [.. Tcp6.Keys];

    public static TheoryData<string> NamesOfBoth => [.. Both.Keys];

    [Theory]
    [MemberData(nameof(NamesOfTcp4))]
    public void Tcp_segments_that_differ_do_not_merge(string difference) => AssertApart(Pair(version4: true), Tcp4[difference], both: false);

    [Theory]
    [MemberData(nameof(NamesOfTcp6))]
    public void Tcp_segments_in_ipv6_that_differ_do_not_merge(string difference) => AssertApart(Pair(version4: false), Tcp6[difference], both: false);

    [Theory]
    [MemberData(nameof(NamesOfBoth))]
    public void Tcp_segments_that_are_unfit_do_not_merge(string flaw) => AssertApart(Pair(version4: true), Both[flaw], both: true);

    [Fact]
    public void Vlan_tags_must_be_equal()
    {
        byte[][] train = Tcp(true, [100, 100]);
        Assert.Single(CoalescerRig.Send(PortCapabilities.Ethernet, Frame(train[0], (0x8100, 5)), Frame(train[1], (0x8100, 5))));
        Assert.Equal(2, CoalescerRig.Send(PortCapabilities.Ethernet, Frame(train[0], (0x8100, 5)), Frame(train[1], (0x8100, 6))).Count);
        Assert.Equal(2, CoalescerRig.Send(PortCapabilities.Ethernet, Frame(train[0], (0x8100, 5)), Frame(train[1], (0x8100, 0x2005))).Count);
        Assert.Equal(2, CoalescerRig.Send(PortCapabilities.Ethernet, Frame(train[0], (0x8100, 5)), Frame(train[1])).Count);
        Assert.Equal(2, CoalescerRig.Send(PortCapabilities.Ethernet, Frame(train[0], (0x8100, 5)), Frame(train[1], (0x88A8, 5))).Count);
        (ushort, ushort)[] three = [(0x88A8, 1), (0x8100, 2), (0x8100, 3)];
        Assert.Equal(2, CoalescerRig.Send(PortCapabilities.Ethernet, Frame(train[0], three), Frame(train[1], three)).Count);
    }

    [Fact]
    public void Ethernet_padding_keeps_frames_apart()
    {
        byte[][] frames = [.. Udp(true, [4, 4, 4]).Select(packet => (byte[])[.. Frame(packet), .. new byte[14]])];
        Assert.Equal(frames, CoalescerRig.Send(PortCapabilities.Ethernet, frames).Select(write => write.Packet));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Ip_options_and_extension_headers_keep_packets_apart(bool version4)
    {
        byte[][] packets = [.. Tcp(version4, [100, 100, 100]).Select(packet => WithOptions(packet, version4))];
        Assert.Equal(packets, CoalescerRig.Send(PortCapabilities.None, packets).Select(write => write.Packet));
    }

    [Fact]
    public void A_longer_segment_begins_anew()
    {
        byte[][] train = Tcp(true, [100, 101, 101, 50]);
        List<Written> writes = CoalescerRig.Send(PortCapabilities.None, train);
        Assert.Equal([[0], [1, 2, 3]], writes.Select(write => write.Descriptors));
        Assert.Equal(train, writes.SelectMany(Cut));
    }

    [Fact]
    public void An_acknowledgment_without_payload_goes_behind_what_is_open()
    {
        byte[][] train = Tcp(false, [100, 100, 0, 100, 100]);
        List<Written> writes = CoalescerRig.Send(PortCapabilities.None, train);
        Assert.Equal([[0, 1], [2], [3, 4]], writes.Select(write => write.Descriptors));
        Assert.Equal(train, writes.SelectMany(Cut));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_udp_datagram_without_checksum_never_merges(bool verified)
    {
        byte[][] train = Udp(true, [100, 100, 100]);
        CoalescerRig rig = new();
        foreach (byte[] packet in train)
        {
            packet[26] = packet[27] = 0;
            rig.Add(packet, verified ? ChecksumState.Verified : ChecksumState.Unverified);
        }

        Assert.Equal(train, rig.Send().Select(write => write.Packet));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void A_udp_length_that_is_not_the_packets_keeps_datagrams_apart(int by)
    {
        byte[][] train = Udp(true, [100, 100, 100]);
        foreach (byte[] packet in train)
        {
            packet[25] = (byte)(packet[25] + by);
            Seal(packet);
        }

        Assert.Equal(train, CoalescerRig.Send(PortCapabilities.None, train).Select(write => write.Packet));
    }

    [Theory]
    [InlineData("identification stands still", true)]
    [InlineData("identification with a gap", true)]
    [InlineData("empty datagrams", true)]
    [InlineData("empty datagrams", false)]
    [InlineData("other port", false)]
    [InlineData("flow label", false)]
    public void Udp_datagrams_that_differ_do_not_merge(string difference, bool version4)
    {
        byte[][] train = Udp(version4, difference == "empty datagrams" ? [0, 0] : [100, 100]);
        switch (difference)
        {
            case "identification stands still":
                train[1][5]--;
                break;
            case "identification with a gap":
                train[1][5]--;
                train[0][5]--;
                train[0][5]--;
                break;
            case "other port":
                train[1][43]++;
                break;
            case "flow label":
                train[1][3]++;
                break;
        }

        train = [.. train.Select(packet => Seal(packet))];
        Assert.Equal(train, CoalescerRig.Send(PortCapabilities.None, train).Select(write => write.Packet));
    }

    [Theory]
    [InlineData("fragment")]
    [InlineData("ICMP")]
    [InlineData("ARP")]
    public void A_packet_of_no_known_flow_overtakes_nothing(string kind)
    {
        byte[][] first = Udp(true, [100, 100, 100], port: 1);
        byte[][] second = Tcp(false, [100, 100, 100], port: 2);
        byte[] other = kind == "ARP" ? PacketBuilder.ArpRequest(MacA, A4, B4) : Frame(PacketBuilder.IP(A4, B4, IPProtocol.Icmp, [8, 0, 0xF7, 0xFF, 0, 0, 0, 0]));
        if (kind == "fragment")
        {
            other = Frame(Udp(true, [100], port: 3)[0]);
            other[Ethernet + 7] = 10;
            Seal(other, Ethernet);
        }

        CoalescerRig rig = new(PortCapabilities.Ethernet);
        foreach (byte[] packet in (byte[][])[first[0], second[0], first[1], second[1]])
        {
            rig.Add(Frame(packet));
        }

        rig.Add(other);
        rig.Add(Frame(first[2]));
        Assert.Equal([[0, 2], [1, 3], [4], [5]], rig.Send().Select(write => write.Descriptors));
    }

    private static byte[][] Pair(bool version4)
    {
        byte[][] pair = [.. Tcp(version4, [100, 100], sequence: 1000).Select(packet => Frame(packet))];
        foreach (byte[] frame in pair)
        {
            // ECT(0), so that a mark is one bit more.
            frame[15] |= version4 ? (byte)2 : (byte)0x20;
            Seal(frame, Ethernet);
        }

        return pair;
    }

    private static void AssertApart(byte[][] pair, Action<byte[]> change, bool both)
    {
        Assert.Single(CoalescerRig.Send(PortCapabilities.Ethernet, pair));
        foreach (byte[] frame in both ? pair : pair[1..])
        {
            int length = frame.Length;
            change(frame);
            Assert.Equal(length, frame.Length);
            if (BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(Ethernet + 2)) <= length - Ethernet || frame[Ethernet] >> 4 == 6)
            {
                TrySeal(frame);
            }
        }

        List<Written> writes = CoalescerRig.Send(PortCapabilities.Ethernet, pair);
        Assert.Equal(pair, writes.Select(write => write.Packet));
        Assert.All(writes, write => Assert.Equal(SegmentationKind.None, write.Meta.Segmentation));
    }

    private static void TrySeal(byte[] frame)
    {
        if (frame[Ethernet] is 0x45 or 0x46 || (frame[Ethernet] >> 4 == 6 && frame[13] == 0xDD))
        {
            Seal(frame, Ethernet);
        }
    }

    private static byte[] WithOptions(byte[] packet, bool version4)
    {
        if (version4)
        {
            byte[] longer = [.. packet[..20], 1, 1, 1, 0, .. packet[20..]];
            longer[0] = 0x46;
            BinaryPrimitives.WriteUInt16BigEndian(longer.AsSpan(2), (ushort)longer.Length);
            return Seal(longer);
        }

        // Destination options with a PadN of four bytes.
        byte[] extended = [.. packet[..40], packet[6], 0, 1, 4, 0, 0, 0, 0, .. packet[40..]];
        extended[6] = 60;
        BinaryPrimitives.WriteUInt16BigEndian(extended.AsSpan(4), (ushort)(extended.Length - 40));
        return extended;
    }
}
