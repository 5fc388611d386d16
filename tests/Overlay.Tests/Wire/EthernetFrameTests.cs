using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class EthernetFrameTests
{
    // scapy 2.5: Ether(dst="02:00:00:00:00:02", src="00:1b:21:3c:4d:5e", type=0x0800)/b"\x45\x46"
    private static readonly byte[] Untagged = Convert.FromHexString("020000000002001b213c4d5e08004546");

    // scapy: Ether(dst="ff:ff:ff:ff:ff:ff", src=…)/Dot1Q(vlan=42, prio=5, id=1, type=0x86dd)/b"\x60"
    private static readonly byte[] Tagged = Convert.FromHexString("ffffffffffff001b213c4d5e8100b02a86dd60");

    // scapy: Ether(…, type=0x88a8)/Dot1Q(vlan=0xabc, prio=3, id=0)/Dot1Q(vlan=0x123, prio=7, id=1, type=0x0806)/b"\x00\x01"
    private static readonly byte[] DoubleTagged = Convert.FromHexString("020000000002001b213c4d5e88a86abc8100f12308060001");

    private static readonly MacAddress Peer = MacAddress.Parse("02:00:00:00:00:02");
    private static readonly MacAddress Source = MacAddress.Parse("00:1b:21:3c:4d:5e");

    private static readonly EthernetHeader DoubleTaggedHeader = new(Peer, Source, EtherType.Arp)
    {
        OuterVlan = new VlanTag(0xABC, 3, false, EtherType.ServiceVlan),
        InnerVlan = new VlanTag(0x123, 7, true),
    };

    [Fact]
    public void Untagged_frame_parses()
    {
        Assert.True(EthernetFrame.TryParse(Untagged, out EthernetFrame frame));
        Assert.Equal(Peer, frame.Destination);
        Assert.Equal(Source, frame.Source);
        Assert.Equal(EtherType.IPv4, frame.EtherType);
        Assert.Equal(0, frame.VlanCount);
        Assert.Equal(default, frame.OuterVlan);
        Assert.Equal(14, frame.HeaderLength);
        Assert.Equal("4546", Convert.ToHexString(frame.Payload));
        Assert.Equal(Untagged, frame.Bytes.ToArray());
        Assert.False(frame.TryGetVlan(0, out _));
    }

    [Fact]
    public void Tags_are_looked_through()
    {
        Assert.True(EthernetFrame.TryParse(Tagged, out EthernetFrame frame));
        Assert.True(frame.Destination.IsBroadcast);
        Assert.Equal(EtherType.IPv6, frame.EtherType);
        Assert.Equal(1, frame.VlanCount);
        Assert.Equal(new VlanTag(42, 5, true), frame.OuterVlan);
        Assert.Equal((42, 5, true), (frame.OuterVlan.Id, frame.OuterVlan.Priority, frame.OuterVlan.DropEligible));
        Assert.Equal(18, frame.HeaderLength);
        Assert.Equal("60", Convert.ToHexString(frame.Payload));

        Assert.True(EthernetFrame.TryParse(DoubleTagged, out frame));
        Assert.Equal(EtherType.Arp, frame.EtherType);
        Assert.Equal(2, frame.VlanCount);
        Assert.Equal(DoubleTaggedHeader.OuterVlan, frame.OuterVlan);
        Assert.True(frame.TryGetVlan(1, out VlanTag inner));
        Assert.Equal(DoubleTaggedHeader.InnerVlan, inner);
        Assert.False(frame.TryGetVlan(2, out _));
        Assert.False(frame.TryGetVlan(-1, out _));
        Assert.Equal(22, frame.HeaderLength);
        Assert.Equal("0001", Convert.ToHexString(frame.Payload));
    }

    [Fact]
    public void Looking_through_ends_after_four_tags()
    {
        byte[] addresses = DoubleTagged[..12];
        byte[] Frame(int tags) => [.. addresses, .. Enumerable.Repeat<byte[]>([0x81, 0x00, 0x00, 0x07], tags).SelectMany(tag => tag), 0x08, 0x00, 0x45];

        Assert.True(EthernetFrame.TryParse(Frame(4), out EthernetFrame frame));
        Assert.Equal((4, EtherType.IPv4, 1), (frame.VlanCount, frame.EtherType, frame.Payload.Length));
        Assert.True(EthernetFrame.TryParse(Frame(5), out frame));
        Assert.Equal((4, EtherType.Vlan, 5), (frame.VlanCount, frame.EtherType, frame.Payload.Length));

        // The value has room for two; its type is then the third tag's TPID, and its bytes are the frame's first ones.
        Assert.Equal(EtherType.Vlan, frame.ToHeader().EtherType);
        Assert.Equal(Frame(5)[..22], HeaderAssert.Written(frame.ToHeader().TryWrite));
    }

    [Fact]
    public void Headers_are_written()
    {
        HeaderAssert.Writes(Untagged[..14], new EthernetHeader(Peer, Source, EtherType.IPv4).TryWrite);
        HeaderAssert.Writes(
            Tagged[..18], new EthernetHeader(MacAddress.Broadcast, Source, EtherType.IPv6) { OuterVlan = new VlanTag(42, 5, true) }.TryWrite);
        HeaderAssert.Writes(DoubleTagged[..22], DoubleTaggedHeader.TryWrite);
        Assert.Equal(22, DoubleTaggedHeader.Length);
    }

    [Fact]
    public void Headers_that_make_no_sense_are_refused()
    {
        byte[] memory = new byte[64];
        EthernetHeader innerOnly = new(Peer, Source, EtherType.IPv4) { InnerVlan = new VlanTag(1) };
        Assert.Throws<InvalidOperationException>(() => innerOnly.TryWrite(memory, out _));
        EthernetHeader noTag = new(Peer, Source, EtherType.IPv4) { OuterVlan = default(VlanTag) };
        Assert.Throws<InvalidOperationException>(() => noTag.TryWrite(memory, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VlanTag(4096));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VlanTag(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VlanTag(1, 8));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VlanTag(1, 0, false, EtherType.IPv4));
    }

    [Fact]
    public void Truncated_frames_are_refused()
    {
        foreach (byte[] header in new[] { Untagged[..14], Tagged[..18], DoubleTagged[..22] })
        {
            HeaderAssert.RefusesEveryTruncation(header, (s, out e) => EthernetFrame.TryParse(s, out _, out e));
        }
    }

    [Fact]
    public void Every_bit_belongs_to_its_field()
    {
        static EthernetFrame Parse(ReadOnlySpan<byte> bytes)
        {
            Assert.True(EthernetFrame.TryParse(bytes, out EthernetFrame frame));
            return frame;
        }

        static VlanTag Inner(ReadOnlySpan<byte> bytes)
        {
            Assert.True(Parse(bytes).TryGetVlan(1, out VlanTag tag));
            return tag;
        }

        Field[] fields =
        [
            new("destination", 0, 48, b => Parse(b).Destination.Value),
            new("source", 48, 48, b => Parse(b).Source.Value),
            new("outer PCP", 112, 3, b => (UInt128)Parse(b).OuterVlan.Priority),
            new("outer DEI", 115, 1, b => Parse(b).OuterVlan.DropEligible ? 1u : 0),
            new("outer VID", 116, 12, b => (UInt128)Parse(b).OuterVlan.Id),
            new("inner PCP", 144, 3, b => (UInt128)Inner(b).Priority),
            new("inner DEI", 147, 1, b => Inner(b).DropEligible ? 1u : 0),
            new("inner VID", 148, 12, b => (UInt128)Inner(b).Id),
            new("type", 160, 16, b => (UInt128)(int)Parse(b).EtherType),
        ];
        HeaderAssert.EveryBit(DoubleTagged[..22], fields, bytes => HeaderAssert.Written(Parse(bytes).ToHeader().TryWrite));
    }

    [Fact]
    public void Random_headers_round_trip() => HeaderAssert.RoundTrips(
        random =>
        {
            int tags = random.Next(3);
            return new EthernetHeader(random.NextMac(), random.NextMac(), (EtherType)random.Next(0x8000))
            {
                OuterVlan = tags > 0 ? NextTag(random) : null,
                InnerVlan = tags > 1 ? NextTag(random) : null,
            };
        },
        header => HeaderAssert.Written(header.TryWrite),
        bytes =>
        {
            Assert.True(EthernetFrame.TryParse(bytes, out EthernetFrame frame));
            Assert.Equal(bytes.Length, frame.HeaderLength);
            return frame.ToHeader();
        });

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(DoubleTagged, bytes =>
    {
        if (!EthernetFrame.TryParse(bytes, out EthernetFrame frame))
        {
            return false;
        }

        Assert.Equal(bytes.Length, frame.HeaderLength + frame.Payload.Length);
        Assert.Equal(frame.VlanCount > 0, VlanTag.IsTpid(frame.OuterVlan.Tpid));
        EthernetHeader header = frame.ToHeader();
        Assert.Equal((frame.Destination, frame.Source), (header.Destination, header.Source));
        return true;
    });

    [Fact]
    public void PacketDotNet_reads_the_same()
    {
        Random random = new(1);
        for (int i = 0; i < 1000; i++)
        {
            EthernetHeader header = new(random.NextMac(), random.NextMac(), (EtherType)0x88B5) { OuterVlan = i % 2 == 0 ? null : NextTag(random) };
            byte[] bytes = [.. HeaderAssert.Written(header.TryWrite), 1, 2, 3, 4];
            PacketDotNet.EthernetPacket other = new(new PacketDotNet.Utils.ByteArraySegment(bytes));
            Assert.Equal(header.Destination.ToPhysicalAddress(), other.DestinationHardwareAddress);
            Assert.Equal(header.Source.ToPhysicalAddress(), other.SourceHardwareAddress);
            Assert.Equal((int)(header.OuterVlan?.Tpid ?? header.EtherType), (int)other.Type);
            if (header.OuterVlan is { Tpid: EtherType.Vlan } tag)
            {
                PacketDotNet.Ieee8021QPacket vlan = Assert.IsType<PacketDotNet.Ieee8021QPacket>(other.PayloadPacket);
                Assert.Equal((tag.Id, tag.Priority), (vlan.VlanIdentifier, (int)vlan.PriorityControlPoint));
            }
        }
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[64];
        Allocations.Zero(() =>
        {
            if (EthernetFrame.TryParse(DoubleTagged, out EthernetFrame frame) && frame.TryGetVlan(1, out _) && frame.Payload.Length == 2)
            {
                frame.ToHeader().TryWrite(memory, out _);
            }
        });
        Assert.Equal(DoubleTagged[..22], memory[..22]);
    }

    private static VlanTag NextTag(Random random) => new(
        random.Next(4096), random.Next(8), random.Next(2) == 0, random.Next(2) == 0 ? EtherType.Vlan : EtherType.ServiceVlan);
}
