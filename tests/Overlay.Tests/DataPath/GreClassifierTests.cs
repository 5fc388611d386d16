using Overlay.DataPath;
using Overlay.Testing;
using Overlay.Tests.Encapsulation;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.DataPath;

/// <summary>Each shape in which a raw socket hands GRE over, and any bytes at all.</summary>
public sealed class GreClassifierTests
{
    private const int InnerMtu = 1462;

    private static readonly ValueIPAddress Source4 = ValueIPAddress.Parse("10.0.0.1");
    private static readonly ValueIPAddress Destination4 = ValueIPAddress.Parse("10.0.0.2");
    private static readonly ValueIPAddress Source6 = ValueIPAddress.Parse("fd00::1");
    private static readonly ValueIPAddress Destination6 = ValueIPAddress.Parse("fd00::2");
    private static readonly MacAddress Mac = MacAddress.Parse("02:00:00:00:00:01");

    public static TheoryData<bool, bool, bool, int> Packets => new(
        from ipv6 in new[] { false, true } from tcp in new[] { false, true } from ethernet in new[] { false, true } from optional in new[] { 0, 1, 3 }
        select (ipv6, tcp, ethernet, optional));

    [Theory]
    [MemberData(nameof(Packets))]
    public void One_packet_is_plain_and_its_unfinished_checksum_is_seen(bool ipv6, bool tcp, bool ethernet, int optional)
    {
        foreach (bool partial in new[] { false, true })
        {
            PacketBatch batch = Received(ipv6, tcp, ethernet, optional, 100, partial, out int network);
            ReceiveClassifier.ClassifyGre(batch, 0, InnerMtu);
            PacketMeta meta = batch.Meta(0);
            Assert.Equal((SegmentationKind.None, partial ? ChecksumState.Partial : ChecksumState.Unverified), (meta.Segmentation, meta.Checksum));
            if (partial)
            {
                Assert.Equal((network, network + (ipv6 ? 40 : 20), tcp ? 16 : 6), (meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset));
                batch.TrimStart(0, network);
                Assert.True(Segmentation.CompleteChecksum(batch.Data(0), batch.Meta(0)));
                Assert.True(PacketBuilder.IsTransportChecksumValid(batch.Data(0)));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Packets))]
    public void Longer_than_the_tunnel_allows_and_unfinished_is_a_superpacket(bool ipv6, bool tcp, bool ethernet, int optional)
    {
        PacketBatch batch = Received(ipv6, tcp, ethernet, optional, 30_000, true, out int network);
        ReceiveClassifier.ClassifyGre(batch, 0, InnerMtu);
        PacketMeta meta = batch.Meta(0);
        int headers = (ipv6 ? 40 : 20) + (tcp ? 20 : 8);
        Assert.Equal((InnerMtu - headers, network + headers, ChecksumState.Partial), (meta.SegmentSize, meta.HeaderLength, meta.Checksum));
        Assert.True(Segmentation.TryPlan(batch.Data(0), meta, out SegmentPlan plan));
        Assert.Equal(InnerMtu + network, plan.MaximumLength);
    }

    [Theory]
    [MemberData(nameof(Packets))]
    public void Longer_and_finished_was_put_together_from_fragments(bool ipv6, bool tcp, bool ethernet, int optional)
    {
        PacketBatch batch = Received(ipv6, tcp, ethernet, optional, 3_000, false, out _);
        ReceiveClassifier.ClassifyGre(batch, 0, InnerMtu);
        Assert.Equal((SegmentationKind.None, ChecksumState.Verified), (batch.Meta(0).Segmentation, batch.Meta(0).Checksum));
    }

    [Fact]
    public void Any_bytes_are_survived()
    {
        Random random = new(47);
        int marked = 0;
        for (int i = 0; i < 20_000; i++)
        {
            PacketBatch batch = Received(i % 2 == 0, i % 3 == 0, i % 5 == 0, i % 8, random.Next(2000), i % 7 == 0, out _);
            for (int changes = random.Next(4); changes > 0; changes--)
            {
                batch.Data(0)[random.Next(Math.Min(80, batch.Length(0)))] ^= (byte)(1 << random.Next(8));
            }

            batch.Truncate(0, random.Next(4) == 0 ? random.Next(batch.Length(0) + 1) : batch.Length(0));
            ReceiveClassifier.ClassifyGre(batch, 0, InnerMtu);
            PacketMeta meta = batch.Meta(0);
            if (meta.Segmentation != SegmentationKind.None)
            {
                marked++;
                Assert.True(meta.HeaderLength < batch.Length(0) && meta.ChecksumStart < meta.HeaderLength && meta.NetworkStart < meta.ChecksumStart);
            }
        }

        Assert.True(marked > 100, $"{marked}");
    }

    private static PacketBatch Received(bool ipv6, bool tcp, bool ethernet, int optional, int length, bool partial, out int network)
    {
        ValueIPAddress source = ipv6 ? Source6 : Source4;
        ValueIPAddress destination = ipv6 ? Destination6 : Destination4;
        byte[] payload = PacketBuilder.Payload(length);
        byte[] packet = tcp
            ? PacketBuilder.Tcp(source, destination, 1, 2, 3, 0x10, payload, partialChecksum: partial)
            : PacketBuilder.Udp(source, destination, 1, 2, payload, partialChecksum: partial);
        EtherType type = ipv6 ? EtherType.IPv6 : EtherType.IPv4;
        network = 4 + (4 * int.PopCount(optional)) + (ethernet ? 14 : 0);
        PacketBatch batch = new();
        Assert.True(batch.TryAppend(
            GreEncapsulatorTests.Gre(
                ethernet ? EtherType.TransparentEthernetBridging : type, (optional & 1) != 0 ? 7 : null, (optional & 2) != 0, (optional & 4) != 0 ? 9 : null,
                ethernet ? PacketBuilder.Ethernet(Mac, Mac, type, packet) : packet),
            out _));
        return batch;
    }
}
