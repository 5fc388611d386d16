using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>Each shape that a socket hands over, and any bytes at all. The kernel's own messages are in the Linux tests.</summary>
public sealed class ReceiveClassifierTests
{
    private const int MaxDatagram = 1500 - 28;
    private const int InnerMtu = 1450;
    private const int InnerIP = 8 + 14;

    private static readonly ValueIPAddress Source4 = ValueIPAddress.Parse("10.0.0.1");
    private static readonly ValueIPAddress Destination4 = ValueIPAddress.Parse("10.0.0.2");
    private static readonly ValueIPAddress Source6 = ValueIPAddress.Parse("fd00::1");
    private static readonly ValueIPAddress Destination6 = ValueIPAddress.Parse("fd00::2");

    public static TheoryData<bool, bool, int> Packets => new(
        from ipv6 in new[] { false, true } from tcp in new[] { false, true } from tags in Enumerable.Range(0, 3) select (ipv6, tcp, tags));

    [Theory]
    [MemberData(nameof(Packets))]
    public void One_packet_is_plain_and_its_unfinished_checksum_is_seen(bool ipv6, bool tcp, int tags)
    {
        foreach (bool partial in new[] { false, true })
        {
            PacketBatch batch = Received(Vxlan(1, Packet(ipv6, tcp, 100, partial), tags));
            Assert.Equal(0, ReceiveClassifier.Split(TunnelKind.Vxlan, batch, 0, 0, MaxDatagram, InnerMtu));
            Assert.Equal(1, batch.Count);
            PacketMeta meta = batch.Meta(0);
            Assert.Equal((SegmentationKind.None, partial ? ChecksumState.Partial : ChecksumState.Unverified), (meta.Segmentation, meta.Checksum));
            if (partial)
            {
                int network = InnerIP + (4 * tags);
                Assert.Equal((network, network + (ipv6 ? 40 : 20), tcp ? 16 : 6), (meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset));
                Assert.True(Segmentation.CompleteChecksum(batch.Data(0), meta));
                Assert.True(PacketBuilder.IsTransportChecksumValid(batch.Data(0)[network..]));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Packets))]
    public void A_told_segment_size_and_an_inner_length_of_the_whole_are_a_superpacket(bool ipv6, bool tcp, int tags)
    {
        PacketBatch batch = Received(Vxlan(1, Packet(ipv6, tcp, 30_000, partial: true), tags));
        ReceiveClassifier.Split(TunnelKind.Vxlan, batch, 0, 1200, MaxDatagram, InnerMtu);
        PacketMeta meta = batch.Meta(0);
        SegmentationKind kind = !tcp ? SegmentationKind.Udp : ipv6 ? SegmentationKind.TcpIPv6 : SegmentationKind.TcpIPv4;
        Assert.Equal((1, kind, 1200, ChecksumState.Partial), (batch.Count, meta.Segmentation, meta.SegmentSize, meta.Checksum));
        Assert.Equal(25, batch.SegmentCount(0));
        Assert.True(Segmentation.TryPlan(batch.Data(0), meta, out SegmentPlan plan));
        Assert.Equal(25, plan.Count);
    }

    [Theory]
    [MemberData(nameof(Packets))]
    public void A_train_whose_first_packet_claims_the_whole_stays_a_train(bool ipv6, bool tcp, int tags)
    {
        // Its checksum is finished, and no kernel hands over a superpacket so: a claim that would give it a new checksum, right for whatever follows.
        byte[] whole = Vxlan(1, Packet(ipv6, tcp, 3_000, partial: false), tags);
        PacketBatch batch = Received(whole);
        Assert.Equal(0, ReceiveClassifier.Split(TunnelKind.Vxlan, batch, 0, 1200, MaxDatagram, InnerMtu));
        Assert.Equal((whole.Length + 1199) / 1200, batch.Count);
        Assert.All(Enumerable.Range(0, batch.Count), i => Assert.Equal((SegmentationKind.None, ChecksumState.Unverified), (batch.Meta(i).Segmentation, batch.Meta(i).Checksum)));
    }

    [Theory]
    [MemberData(nameof(Packets))]
    public void Longer_than_the_link_and_unfinished_is_a_superpacket_cut_by_the_inner_MTU(bool ipv6, bool tcp, int tags)
    {
        PacketBatch batch = Received(Vxlan(1, Packet(ipv6, tcp, 30_000, partial: true), tags));
        ReceiveClassifier.Split(TunnelKind.Vxlan, batch, 0, 0, MaxDatagram, InnerMtu);
        PacketMeta meta = batch.Meta(0);
        int headers = (ipv6 ? 40 : 20) + (tcp ? 20 : 8);
        Assert.Equal((InnerMtu - headers, InnerIP + (4 * tags) + headers), (meta.SegmentSize, meta.HeaderLength));
        Assert.True(Segmentation.TryPlan(batch.Data(0), meta, out SegmentPlan plan));
        Assert.Equal(InnerMtu + InnerIP + (4 * tags), plan.MaximumLength);
    }

    [Theory]
    [MemberData(nameof(Packets))]
    public void Longer_than_the_link_and_finished_is_one_packet(bool ipv6, bool tcp, int tags)
    {
        byte[] datagram = Vxlan(1, Packet(ipv6, tcp, 3_000, partial: false), tags);
        PacketBatch batch = Received(datagram);
        ReceiveClassifier.Split(TunnelKind.Vxlan, batch, 0, 0, MaxDatagram, InnerMtu);
        Assert.Equal((SegmentationKind.None, ChecksumState.Verified), (batch.Meta(0).Segmentation, batch.Meta(0).Checksum));

        datagram[^1] ^= 1;
        batch = Received(datagram);
        ReceiveClassifier.Split(TunnelKind.Vxlan, batch, 0, 0, MaxDatagram, InnerMtu);
        Assert.Equal((SegmentationKind.None, ChecksumState.Unverified), (batch.Meta(0).Segmentation, batch.Meta(0).Checksum));
        Assert.Equal(datagram, batch.Data(0).ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(128)]
    public void A_train_is_cut_at_its_stride_whatever_is_inside(int count)
    {
        // Different networks, an ARP packet, padding behind a short IP packet, a last datagram that is shorter.
        byte[] arp = PacketBuilder.ArpRequest(new MacAddress([2, 0, 0, 0, 0, 1]), Source4, Destination4);
        int stride = 8 + 14 + 28 + 100;
        List<byte> train = [];
        List<byte[]> datagrams = [];
        for (int i = 0; i < count; i++)
        {
            byte[] datagram = (i % 3) switch
            {
                0 => Vxlan((uint)i, Packet(false, false, 100, partial: i % 2 == 0), 0),
                1 => [.. Vxlan((uint)i, Packet(false, false, 10, partial: false), 0), .. new byte[90]],
                _ => [.. new byte[] { 8, 0, 0, 0, 0, 0, (byte)i, 0 }, .. arp, .. new byte[stride - 8 - arp.Length]],
            };
            Assert.Equal(stride, datagram.Length);
            datagrams.Add(i == count - 1 && count > 1 ? datagram[..60] : datagram);
            train.AddRange(datagrams[^1]);
        }

        PacketBatch batch = Received(train.ToArray());
        batch.Meta(0).SourcePort = 7;
        Assert.Equal(0, ReceiveClassifier.Split(TunnelKind.Vxlan, batch, 0, stride, MaxDatagram, InnerMtu));
        Assert.Equal(count, batch.Count);
        for (int i = 0; i < count; i++)
        {
            Assert.Equal(datagrams[i], batch.Data(i).ToArray());
            bool partial = i % 6 == 0 && datagrams[i].Length == stride;
            Assert.Equal(partial ? ChecksumState.Partial : ChecksumState.Unverified, batch.Meta(i).Checksum);
            Assert.Equal((SegmentationKind.None, 7), (batch.Meta(i).Segmentation, batch.Meta(i).SourcePort));
        }
    }

    [Fact]
    public void Datagrams_without_a_descriptor_are_counted()
    {
        PacketBatch batch = new(capacity: 4);
        Assert.True(batch.TryAppend(new byte[95], out _));
        Assert.Equal(6, ReceiveClassifier.Split(TunnelKind.Vxlan, batch, 0, 10, MaxDatagram, InnerMtu));
        Assert.Equal(4, batch.Count);
        Assert.All(Enumerable.Range(0, 4), i => Assert.Equal(10, batch.Length(i)));
    }

    [Fact]
    public void A_fragment_has_no_checksum_to_finish()
    {
        byte[] datagram = Vxlan(1, Packet(false, false, 100, partial: true), 0);
        datagram[InnerIP + 6] = 0x20;
        PacketBatch batch = Received(datagram);
        ReceiveClassifier.Split(TunnelKind.Vxlan, batch, 0, 0, MaxDatagram, InnerMtu);
        Assert.Equal(ChecksumState.Unverified, batch.Meta(0).Checksum);
    }

    [Fact]
    public void UDP_without_a_checksum_is_not_unfinished()
    {
        byte[] datagram = Vxlan(1, Packet(false, false, 100, partial: true), 0);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(InnerIP + 20 + 6), 0);
        PacketBatch batch = Received(datagram);
        ReceiveClassifier.Split(TunnelKind.Vxlan, batch, 0, 0, MaxDatagram, InnerMtu);
        Assert.Equal(ChecksumState.Unverified, batch.Meta(0).Checksum);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void IP_in_IP_is_classified_alike(bool ipv6, bool tcp)
    {
        int headers = (ipv6 ? 40 : 20) + (tcp ? 20 : 8);
        PacketBatch batch = new();
        foreach ((int length, bool partial) in new[] { (100, true), (100, false), (20_000, true), (20_000, false) })
        {
            Assert.True(batch.TryAppend(Packet(ipv6, tcp, length, partial), out int index));
            ReceiveClassifier.ClassifyIP(batch, index, 1480);
        }

        Assert.Equal(
            [ChecksumState.Partial, ChecksumState.Unverified, ChecksumState.Partial, ChecksumState.Verified],
            Enumerable.Range(0, 4).Select(i => batch.Meta(i).Checksum));
        Assert.Equal([0, 0, 1480 - headers, 0], Enumerable.Range(0, 4).Select(i => (int)batch.Meta(i).SegmentSize));
        Assert.Equal(headers, batch.Meta(2).HeaderLength);
    }

    [Fact]
    public void Any_bytes_are_classified_and_what_is_said_of_them_leads_nowhere_outside()
    {
        Random random = new(1);
        byte[] valid = Vxlan(1, Packet(false, true, 3_000, partial: true), 1);
        byte[] valid6 = Vxlan(1, Packet(true, false, 3_000, partial: true), 0);
        byte[] segment = new byte[70_000];
        PacketBatch batch = new();
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = [.. (i & 1) == 0 ? valid : valid6];
            for (int j = 0; j < 3; j++)
            {
                bytes[random.Next(70)] = (byte)random.Next(256);
            }

            batch.Clear();
            Assert.True(batch.TryAppend(bytes.AsSpan(0, (i & 3) == 0 ? random.Next(bytes.Length) : bytes.Length), out _));
            int gro = (i & 4) == 0 ? 0 : random.Next(1, 3_000);
            int lost = ReceiveClassifier.Split(TunnelKind.Vxlan, batch, 0, gro, MaxDatagram, random.Next(0, 3_000));
            Assert.InRange(lost, 0, 3_100);
            for (int j = 0; j < batch.Count; j++)
            {
                if (batch.Meta(j).Segmentation != SegmentationKind.None)
                {
                    Assert.True(Segmentation.TryPlan(batch.Data(j), batch.Meta(j), out SegmentPlan plan));
                    Assert.Equal(batch.SegmentCount(j), plan.Count);
                    plan.WriteSegment(plan.Count - 1, segment);
                }
                else if (batch.Meta(j).Checksum == ChecksumState.Partial)
                {
                    Assert.True(Segmentation.CompleteChecksum(batch.Data(j), batch.Meta(j)));
                }
            }
        }
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] single = Vxlan(1, Packet(false, true, 1_000, partial: true), 0);
        byte[] train = [.. single, .. single, .. single];
        PacketBatch batch = new();
        Allocations.Zero(() =>
        {
            batch.Clear();
            batch.TryAppend(train, out int index);
            ReceiveClassifier.Split(TunnelKind.Vxlan, batch, index, single.Length, MaxDatagram, InnerMtu);
        });
        Assert.Equal(3, batch.Count);
    }

    private static byte[] Packet(bool ipv6, bool tcp, int length, bool partial)
    {
        ValueIPAddress source = ipv6 ? Source6 : Source4;
        ValueIPAddress destination = ipv6 ? Destination6 : Destination4;
        byte[] payload = PacketBuilder.Payload(length);
        return tcp
            ? PacketBuilder.Tcp(source, destination, 1, 2, 3, 0x10, payload, partialChecksum: partial)
            : PacketBuilder.Udp(source, destination, 1, 2, payload, partialChecksum: partial);
    }

    private static byte[] Vxlan(uint vni, byte[] packet, int tags)
    {
        EtherType type = packet[0] >> 4 == 4 ? EtherType.IPv4 : EtherType.IPv6;
        (ushort, ushort)[] vlans = [.. Enumerable.Range(1, tags).Select(i => (i < tags ? (ushort)0x88A8 : (ushort)0x8100, (ushort)i))];
        byte[] frame = PacketBuilder.Ethernet(new MacAddress([2, 0, 0, 0, 0, 2]), new MacAddress([2, 0, 0, 0, 0, 1]), type, packet, vlans);
        byte[] datagram = [8, 0, 0, 0, 0, 0, 0, 0, .. frame];
        BinaryPrimitives.WriteUInt32BigEndian(datagram.AsSpan(4), vni << 8);
        return datagram;
    }

    private static PacketBatch Received(ReadOnlySpan<byte> datagram)
    {
        PacketBatch batch = new();
        Assert.True(batch.TryAppend(datagram, out _));
        return batch;
    }
}
