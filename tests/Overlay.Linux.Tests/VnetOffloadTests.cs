using Overlay.DataPath;
using Overlay.Linux.Interop;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

public sealed class VnetOffloadTests
{
    private static readonly ValueIPAddress One = ValueIPAddress.Parse("10.9.0.1");
    private static readonly ValueIPAddress Two = ValueIPAddress.Parse("10.9.0.2");
    private static readonly ValueIPAddress SixOne = ValueIPAddress.Parse("fd00::1");
    private static readonly ValueIPAddress SixTwo = ValueIPAddress.Parse("fd00::2");
    private static readonly MacAddress Mac = MacAddress.Parse("02:00:00:00:00:01");

    [Fact]
    public void Tcp_headers_are_measured_and_not_believed()
    {
        byte[] packet = PacketBuilder.Tcp(One, Two, 1, 2, 3, 0x10, new byte[4000], new byte[12], partialChecksum: true);
        foreach (ushort hint in (ushort[])[0, 20, 52, 9999])
        {
            PacketMeta meta = default;
            VnetHeader header = Header(VnetHeader.GsoTcpIPv4, hint, 1400, 20, 16);
            Assert.Equal(DropReason.None, VnetOffload.Decode(header, packet, DeviceLayer.IP, ref meta));
            Assert.Equal(SegmentationKind.TcpIPv4, meta.Segmentation);
            Assert.Equal(ChecksumState.Partial, meta.Checksum);
            Assert.Equal((0, 20, 16, 52, 1400), (meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset, meta.HeaderLength, meta.SegmentSize));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void On_a_tap_everything_counts_from_the_mac_header_whatever_the_tags(int tags)
    {
        byte[] frame = PacketBuilder.Ethernet(
            Mac, Mac, EtherType.IPv6, PacketBuilder.Udp(SixOne, SixTwo, 1, 2, new byte[3000], partialChecksum: true),
            [.. Enumerable.Repeat(((ushort)0x8100, (ushort)7), tags)]);
        int network = 14 + (4 * tags);
        PacketMeta meta = default;
        Assert.Equal(DropReason.None, VnetOffload.Decode(Header(VnetHeader.GsoUdp, 0, 1000, network + 40, 6), frame, DeviceLayer.Ethernet, ref meta));
        Assert.Equal(SegmentationKind.Udp, meta.Segmentation);
        Assert.Equal((network, network + 40, network + 48, 1000), (meta.NetworkStart, meta.ChecksumStart, meta.HeaderLength, meta.SegmentSize));
    }

    [Fact]
    public void IPv6_extension_headers_are_walked()
    {
        byte[] udp = PacketBuilder.Udp(SixOne, SixTwo, 1, 2, new byte[3000], partialChecksum: true);
        byte[] packet = [.. udp[..40], 17, 0, 1, 4, 0, 0, 0, 0, .. udp[40..]];
        packet[6] = 60;
        PacketMeta meta = default;
        Assert.Equal(DropReason.None, VnetOffload.Decode(Header(VnetHeader.GsoUdp, 0, 1000, 48, 6), packet, DeviceLayer.IP, ref meta));
        Assert.Equal(56, meta.HeaderLength);
    }

    [Fact]
    public void One_segment_is_a_plain_packet()
    {
        byte[] packet = PacketBuilder.Tcp(One, Two, 1, 2, 3, 0x10, new byte[1000], partialChecksum: true);
        PacketMeta meta = default;
        Assert.Equal(DropReason.None, VnetOffload.Decode(Header(VnetHeader.GsoTcpIPv4, 40, 1000, 20, 16), packet, DeviceLayer.IP, ref meta));
        Assert.Equal((SegmentationKind.None, ChecksumState.Partial, (ushort)0), (meta.Segmentation, meta.Checksum, meta.HeaderLength));
    }

    [Theory]
    [InlineData((byte)0, ChecksumState.Unverified)]
    [InlineData(VnetHeader.DataValid, ChecksumState.Verified)]
    public void Flags_tell_what_is_known_of_the_checksum(byte flags, ChecksumState state)
    {
        PacketMeta meta = default;
        Assert.Equal(DropReason.None, VnetOffload.Decode(new VnetHeader { Flags = flags }, [0x45], DeviceLayer.IP, ref meta));
        Assert.Equal(state, meta.Checksum);
    }

    [Theory]
    [InlineData(VnetHeader.GsoTcpIPv6, 1400, 20, 16, DropReason.BadVersion)]
    [InlineData(VnetHeader.GsoUdp, 1400, 20, 16, DropReason.BadLength)]
    [InlineData(3, 1400, 20, 16, DropReason.BadLength)]
    [InlineData(0x21, 1400, 20, 16, DropReason.BadLength)]
    [InlineData(VnetHeader.GsoTcpIPv4, 0, 20, 16, DropReason.BadLength)]
    [InlineData(VnetHeader.GsoTcpIPv4, 1400, 24, 16, DropReason.BadLength)]
    [InlineData(VnetHeader.GsoTcpIPv4, 1400, 20, 6, DropReason.BadLength)]
    [InlineData(VnetHeader.GsoTcpIPv4, 1400, 65535, 16, DropReason.InnerTruncated)]
    [InlineData(VnetHeader.GsoNone, 0, 5000, 16, DropReason.InnerTruncated)]
    public void What_contradicts_the_packet_is_refused(byte type, int size, int start, int offset, DropReason reason)
    {
        byte[] packet = PacketBuilder.Tcp(One, Two, 1, 2, 3, 0x10, new byte[4000], partialChecksum: true);
        PacketMeta meta = default;
        Assert.Equal(reason, VnetOffload.Decode(Header(type, 40, size, start, offset), packet, DeviceLayer.IP, ref meta));
        Assert.Equal(SegmentationKind.None, meta.Segmentation);
    }

    [Fact]
    public void A_superpacket_without_a_place_for_its_checksum_is_refused()
    {
        PacketMeta meta = default;
        VnetHeader header = new() { GsoType = VnetHeader.GsoTcpIPv4, GsoSize = 1400 };
        Assert.Equal(DropReason.BadLength, VnetOffload.Decode(header, new byte[4000], DeviceLayer.IP, ref meta));
    }

    [Fact]
    public void Congestion_window_reduced_is_told_to_the_kernel()
    {
        byte[] packet = PacketBuilder.Tcp(One, Two, 1, 2, 3, 0x90, new byte[4000], partialChecksum: true);
        PacketMeta meta = default;
        VnetOffload.Decode(Header(VnetHeader.GsoTcpIPv4 | VnetHeader.GsoEcn, 40, 1400, 20, 16), packet, DeviceLayer.IP, ref meta);
        Assert.True(VnetOffload.TryEncode(packet, meta, out VnetHeader header));
        Assert.Equal(VnetHeader.GsoTcpIPv4 | VnetHeader.GsoEcn, header.GsoType);
    }

    [Fact]
    public void A_superpacket_needs_a_partial_checksum()
    {
        PacketMeta meta = new() { Segmentation = SegmentationKind.Udp, SegmentSize = 100, HeaderLength = 28, ChecksumStart = 20, ChecksumOffset = 6 };
        Assert.False(VnetOffload.TryEncode(new byte[500], meta, out _));
        meta.Checksum = ChecksumState.Partial;
        Assert.True(VnetOffload.TryEncode(new byte[500], meta, out _));
        Assert.False(VnetOffload.TryEncode(new byte[27], meta, out _));
        meta.SegmentSize = 0;
        Assert.False(VnetOffload.TryEncode(new byte[500], meta, out _));
    }

    [Fact]
    public void No_bytes_lead_outside_and_what_is_accepted_can_be_cut()
    {
        Random random = new(20250101);
        byte[][] seeds =
        [
            PacketBuilder.Tcp(One, Two, 1, 2, 3, 0x10, new byte[300], partialChecksum: true),
            PacketBuilder.Udp(SixOne, SixTwo, 1, 2, new byte[300], partialChecksum: true),
            PacketBuilder.Ethernet(Mac, Mac, EtherType.IPv4, PacketBuilder.Udp(One, Two, 1, 2, new byte[300]), (0x8100, 1)),
            new byte[64],
        ];
        byte[] types = [0, 1, 4, 5, 0x81, 3];
        int accepted = 0;
        for (int i = 0; i < 100_000; i++)
        {
            byte[] packet = [.. seeds[random.Next(seeds.Length)]];
            packet = packet[..random.Next(packet.Length + 1)];
            for (int flips = random.Next(4); flips > 0 && packet.Length > 0; flips--)
            {
                packet[random.Next(Math.Min(packet.Length, 64))] = (byte)random.Next(256);
            }

            VnetHeader header = Header(types[random.Next(types.Length)], random.Next(100), random.Next(200), random.Next(4) * 20, random.Next(2) == 0 ? 6 : 16);
            header.Flags = (byte)random.Next(4);
            PacketMeta meta = default;
            DeviceLayer layer = random.Next(2) == 0 ? DeviceLayer.Ethernet : DeviceLayer.IP;
            if (VnetOffload.Decode(header, packet, layer, ref meta) == DropReason.None && meta.Segmentation != SegmentationKind.None)
            {
                accepted++;
                Assert.True(Segmentation.TryPlan(packet, meta, out _));
            }
        }

        Assert.InRange(accepted, 100, 100_000);
    }

    private static VnetHeader Header(int type, int length, int size, int start, int offset) => new()
    {
        Flags = VnetHeader.NeedsChecksum,
        GsoType = (byte)type,
        HeaderLength = (ushort)length,
        GsoSize = (ushort)size,
        ChecksumStart = (ushort)start,
        ChecksumOffset = (ushort)offset,
    };
}
