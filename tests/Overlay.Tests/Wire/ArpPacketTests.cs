using System.Net;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class ArpPacketTests
{
    // scapy 2.5: ARP(op=2, hwsrc="02:11:22:33:44:55", psrc="192.0.2.1", hwdst="02:66:77:88:99:aa", pdst="192.0.2.254")
    private static readonly byte[] Reply = Convert.FromHexString("0001080006040002021122334455c00002010266778899aac00002fe");

    private static readonly ArpHeader ReplyHeader = new(
        ArpOperation.Reply,
        MacAddress.Parse("02:11:22:33:44:55"),
        ValueIPAddress.Parse("192.0.2.1"),
        MacAddress.Parse("02:66:77:88:99:aa"),
        ValueIPAddress.Parse("192.0.2.254"));

    [Fact]
    public void Reply_parses()
    {
        byte[] padded = [.. Reply, .. new byte[18]];
        Assert.True(ArpPacket.TryParse(padded, out ArpPacket packet));
        Assert.Equal(ArpOperation.Reply, packet.Operation);
        Assert.Equal(ReplyHeader.SenderMac, packet.SenderMac);
        Assert.Equal(ReplyHeader.SenderAddress, packet.SenderAddress);
        Assert.Equal(ReplyHeader.TargetMac, packet.TargetMac);
        Assert.Equal(ReplyHeader.TargetAddress, packet.TargetAddress);
        Assert.Equal(28, packet.Bytes.Length);
        Assert.False(packet.IsGratuitous);
        Assert.Equal(ReplyHeader, packet.ToHeader());
    }

    [Fact]
    public void Reply_is_written() => HeaderAssert.Writes(Reply, ReplyHeader.TryWrite);

    [Fact]
    public void Announcement_is_gratuitous()
    {
        byte[] bytes = HeaderAssert.Written((ReplyHeader with { TargetAddress = ReplyHeader.SenderAddress }).TryWrite);
        Assert.True(ArpPacket.TryParse(bytes, out ArpPacket packet));
        Assert.True(packet.IsGratuitous);
    }

    [Fact]
    public void Truncated_packets_are_refused() => HeaderAssert.RefusesEveryTruncation(Reply, (s, out e) => ArpPacket.TryParse(s, out _, out e));

    [Theory]
    [InlineData(0, WireError.Unsupported)] // hardware type
    [InlineData(1, WireError.Unsupported)]
    [InlineData(2, WireError.Unsupported)] // protocol type
    [InlineData(3, WireError.Unsupported)]
    [InlineData(4, WireError.HeaderLength)] // hardware address length
    [InlineData(5, WireError.HeaderLength)] // protocol address length
    public void Other_hardware_protocol_or_length_is_refused(int offset, WireError expected)
    {
        for (int bit = 0; bit < 8; bit++)
        {
            byte[] changed = [.. Reply];
            changed[offset] ^= (byte)(1 << bit);
            HeaderAssert.Refuses(expected, changed, (s, out e) => ArpPacket.TryParse(s, out _, out e));
        }
    }

    [Fact]
    public void Only_IPv4_addresses_are_written()
    {
        byte[] memory = new byte[64];
        Assert.Throws<InvalidOperationException>(() => default(ArpHeader).TryWrite(memory, out _));
        ArpHeader header = ReplyHeader with { TargetAddress = ValueIPAddress.Parse("2001:db8::1") };
        Assert.Throws<InvalidOperationException>(() => header.TryWrite(memory, out _));
        Assert.Equal(-1, memory.AsSpan().IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Every_bit_belongs_to_its_field()
    {
        Field[] fields =
        [
            new("operation", 48, 16, b => (UInt128)(int)Parse(b).Operation),
            new("sender hardware address", 64, 48, b => Parse(b).SenderMac.Value),
            new("sender protocol address", 112, 32, b => Parse(b).SenderAddress.ToNumber()),
            new("target hardware address", 144, 48, b => Parse(b).TargetMac.Value),
            new("target protocol address", 192, 32, b => Parse(b).TargetAddress.ToNumber()),
        ];
        HeaderAssert.EveryBit(Reply, fields, bytes => HeaderAssert.Written(Parse(bytes).ToHeader().TryWrite));
    }

    [Fact]
    public void Random_packets_round_trip() => HeaderAssert.RoundTrips(
        random => new ArpHeader((ArpOperation)random.Next(65536), random.NextMac(), random.NextIPv4(), random.NextMac(), random.NextIPv4()),
        header => HeaderAssert.Written(header.TryWrite),
        bytes => Parse(bytes).ToHeader());

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(Reply, bytes =>
    {
        if (!ArpPacket.TryParse(bytes, out ArpPacket packet))
        {
            return false;
        }

        Assert.Equal(bytes[..28], HeaderAssert.Written(packet.ToHeader().TryWrite));
        return true;
    });

    [Fact]
    public void PacketDotNet_reads_the_same()
    {
        PacketDotNet.ArpPacket other = new(new PacketDotNet.Utils.ByteArraySegment(HeaderAssert.Written(ReplyHeader.TryWrite)));
        Assert.Equal(PacketDotNet.ArpOperation.Response, other.Operation);
        Assert.Equal(ReplyHeader.SenderMac.ToPhysicalAddress(), other.SenderHardwareAddress);
        Assert.Equal(IPAddress.Parse("192.0.2.1"), other.SenderProtocolAddress);
        Assert.Equal(ReplyHeader.TargetMac.ToPhysicalAddress(), other.TargetHardwareAddress);
        Assert.Equal(IPAddress.Parse("192.0.2.254"), other.TargetProtocolAddress);
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[28];
        Allocations.Zero(() =>
        {
            if (ArpPacket.TryParse(Reply, out ArpPacket packet))
            {
                packet.ToHeader().TryWrite(memory, out _);
            }
        });
        Assert.Equal(Reply, memory);
    }

    private static ArpPacket Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(ArpPacket.TryParse(bytes, out ArpPacket packet));
        return packet;
    }
}
