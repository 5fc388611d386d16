using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.DataPath;

public sealed class SegmentationTests
{
    private static readonly ValueIPAddress A4 = ValueIPAddress.Parse("192.0.2.1");
    private static readonly ValueIPAddress B4 = ValueIPAddress.Parse("192.0.2.2");
    private static readonly ValueIPAddress A6 = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress B6 = ValueIPAddress.Parse("2001:db8::2");
    private static readonly MacAddress M1 = MacAddress.Parse("02:00:00:00:00:01");
    private static readonly MacAddress M2 = MacAddress.Parse("02:00:00:00:00:02");

    public static TheoryData<bool, bool, int, int, int, bool> Shapes()
    {
        TheoryData<bool, bool, int, int, int, bool> data = [];
        foreach (bool tcp in (bool[])[true, false])
        {
            foreach (bool version4 in (bool[])[true, false])
            {
                foreach ((int payload, int size, int options) in ((int, int, int)[])[(5000, 1000, 0), (5001, 1000, 12), (999, 1000, 0), (64, 1, 0), (1201, 1200, 40), (63_000, 1398, 12)])
                {
                    data.Add(tcp, version4, payload, size, tcp ? options : 0, false);
                    data.Add(tcp, version4, payload, size, tcp ? options : 0, true);
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Segments_are_what_the_sender_would_have_sent_one_by_one(bool tcp, bool version4, int payloadLength, int segmentSize, int options, bool ethernet)
    {
        (ValueIPAddress source, ValueIPAddress destination) = version4 ? (A4, B4) : (A6, B6);
        byte[] payload = PacketBuilder.Payload(payloadLength);
        byte[] tcpOptions = [.. Enumerable.Repeat((byte)1, options)];
        const byte Flags = 0x19 | 0x80;
        byte[] super = tcp
            ? PacketBuilder.Tcp(source, destination, 40000, 5201, 0xFFFF_F000, Flags, payload, tcpOptions, trafficClass: 0x28, identification: 65_530, partialChecksum: true)
            : PacketBuilder.Udp(source, destination, 40000, 5201, payload, trafficClass: 0x28, partialChecksum: true);
        int network = ethernet ? 14 : 0;
        int transport = network + (version4 ? 20 : 40);
        if (ethernet)
        {
            super = PacketBuilder.Ethernet(M2, M1, version4 ? EtherType.IPv4 : EtherType.IPv6, super);
        }

        PacketMeta meta = new()
        {
            Segmentation = !tcp ? SegmentationKind.Udp : version4 ? SegmentationKind.TcpIPv4 : SegmentationKind.TcpIPv6,
            SegmentSize = (ushort)segmentSize,
            NetworkStart = (ushort)network,
            ChecksumStart = (ushort)transport,
            ChecksumOffset = (ushort)(tcp ? 16 : 6),
            HeaderLength = (ushort)(transport + (tcp ? 20 + options : 8)),
            Checksum = ChecksumState.Partial,
        };
        byte[] before = [.. super];
        Assert.True(Segmentation.TryPlan(super, meta, out SegmentPlan plan));
        int count = (payloadLength + segmentSize - 1) / segmentSize;
        Assert.Equal(count, plan.Count);

        byte[] room = new byte[plan.MaximumLength];
        for (int i = 0; i < count; i++)
        {
            room.AsSpan().Fill(0xA5);
            int length = plan.WriteSegment(i, room);
            byte[] part = payload[(i * segmentSize)..Math.Min(payloadLength, (i + 1) * segmentSize)];
            byte flags = (byte)(Flags & (i == count - 1 ? 0xFF : ~0x09) & (i == 0 ? 0xFF : ~0x80));
            byte[] expected = tcp
                ? PacketBuilder.Tcp(source, destination, 40000, 5201, unchecked(0xFFFF_F000 + (uint)(i * segmentSize)), flags, part, tcpOptions, 0x28, unchecked((ushort)(65_530 + i)))
                : PacketBuilder.Udp(source, destination, 40000, 5201, part, trafficClass: 0x28);
            if (!tcp && version4)
            {
                // The builder leaves the identification zero; Linux counts it up from the superpacket's.
                BinaryPrimitives.WriteUInt16BigEndian(expected.AsSpan(4), (ushort)i);
                expected[10] = expected[11] = 0;
                BinaryPrimitives.WriteUInt16BigEndian(expected.AsSpan(10), PacketBuilder.Checksum(expected.AsSpan(0, 20), 0));
            }

            Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(room.AsSpan(network, length - network)));
            Assert.True(PacketBuilder.IsTransportChecksumValid(room.AsSpan(network, length - network)));
        }

        Assert.Equal(before, super);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_partial_checksum_is_completed(bool tcp)
    {
        byte[] payload = PacketBuilder.Payload(333);
        byte[] packet = tcp
            ? PacketBuilder.Tcp(A4, B4, 1, 2, 3, 0x10, payload, partialChecksum: true)
            : PacketBuilder.Udp(A4, B4, 1, 2, payload, partialChecksum: true);
        Assert.False(PacketBuilder.IsTransportChecksumValid(packet));
        PacketMeta meta = new() { Checksum = ChecksumState.Partial, ChecksumStart = 20, ChecksumOffset = (ushort)(tcp ? 16 : 6) };
        Assert.True(Segmentation.CompleteChecksum(packet, meta));
        Assert.Equal(tcp ? PacketBuilder.Tcp(A4, B4, 1, 2, 3, 0x10, payload) : PacketBuilder.Udp(A4, B4, 1, 2, payload), packet);
    }

    [Fact]
    public void A_udp_checksum_that_comes_out_zero_is_sent_as_all_ones()
    {
        // Choose the payload's only word so that everything sums up to ffff.
        byte[] packet = PacketBuilder.Udp(A4, B4, 1, 2, [0, 0], partialChecksum: true);
        ushort missing = PacketBuilder.Checksum(packet.AsSpan(20), 0);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(28), missing);
        Assert.True(Segmentation.CompleteChecksum(packet, new PacketMeta { ChecksumStart = 20, ChecksumOffset = 6 }));
        Assert.Equal(0xFFFF, BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(26)));
    }

    [Fact]
    public void Meta_that_points_outside_the_packet_is_refused_and_changes_nothing()
    {
        byte[] packet = PacketBuilder.Udp(A4, B4, 1, 2, new byte[10], partialChecksum: true);
        byte[] before = [.. packet];
        Assert.False(Segmentation.CompleteChecksum(packet, new PacketMeta { ChecksumStart = 38, ChecksumOffset = 6 }));
        Assert.False(Segmentation.CompleteChecksum(packet, new PacketMeta { ChecksumStart = 20, ChecksumOffset = 17 }));
        Assert.False(Segmentation.CompleteChecksum(packet, new PacketMeta { ChecksumStart = 65_535, ChecksumOffset = 65_535 }));
        Assert.Equal(before, packet);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(20)]
    [InlineData(65_535)]
    public void A_network_header_behind_the_transport_header_or_the_packet_is_no_plan(int network)
    {
        byte[] packet = PacketBuilder.Udp(A4, B4, 1, 2, new byte[50], partialChecksum: true);
        PacketMeta meta = new() { Segmentation = SegmentationKind.Udp, SegmentSize = 10, NetworkStart = (ushort)network, ChecksumStart = 20, ChecksumOffset = 6, HeaderLength = 28 };
        Assert.False(Segmentation.TryPlan(packet, meta, out _));
    }

    [Fact]
    public void No_bytes_and_no_meta_lead_outside_the_packet()
    {
        Random random = new(20_261_124);
        byte[] room = new byte[70_000];
        int planned = 0;
        for (int round = 0; round < 200_000; round++)
        {
            byte[] packet = new byte[random.Next(0, 200)];
            random.NextBytes(packet);
            int network = random.Next(0, 20);
            if (packet.Length > network + 60)
            {
                packet[network] = (byte)(random.Next(2) == 0 ? 0x45 : 0x60);
                packet[network + 32] = 0x50;
            }

            PacketMeta meta = new()
            {
                Segmentation = (SegmentationKind)random.Next(0, 4),
                SegmentSize = (ushort)random.Next(0, 50),
                NetworkStart = (ushort)network,
                ChecksumStart = (ushort)(network + (random.Next(3) == 0 ? random.Next(0, 80) : random.Next(2) == 0 ? 20 : 40)),
                HeaderLength = (ushort)random.Next(0, 150),
            };
            if (random.Next(2) == 0)
            {
                meta.HeaderLength = (ushort)(meta.ChecksumStart + (meta.Segmentation == SegmentationKind.Udp ? 8 : 20));
            }

            if (Segmentation.TryPlan(packet, meta, out SegmentPlan plan))
            {
                planned++;
                int total = 0;
                for (int i = 0; i < plan.Count; i++)
                {
                    int length = plan.WriteSegment(i, room);
                    Assert.InRange(length, meta.HeaderLength + 1, plan.MaximumLength);
                    total += length - meta.HeaderLength;
                }

                Assert.Equal(packet.Length - meta.HeaderLength, total);
            }
        }

        Assert.True(planned > 1000, $"Only {planned} plans: the generator no longer reaches the code.");
    }
}
