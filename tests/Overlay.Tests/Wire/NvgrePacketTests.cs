using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class NvgrePacketTests
{
    // scapy 2.5: GRE(key_present=1, proto=0x6558, key=0x12345678)/b"\x02\x00"
    private static readonly byte[] Golden = Convert.FromHexString("20006558123456780200");

    private static readonly NvgreHeader GoldenHeader = new(new Vni(0x123456), 0x78);

    [Fact]
    public void Packet_parses()
    {
        NvgrePacket packet = Parse(Golden);
        Assert.Equal((0x123456u, 0x78), (packet.VirtualSubnetId.Value, packet.FlowId));
        Assert.Equal("0200", Convert.ToHexString(packet.Payload));
        Assert.Equal(GoldenHeader, packet.ToHeader());
    }

    [Fact]
    public void Header_is_written() => HeaderAssert.Writes(Golden[..8], GoldenHeader.TryWrite);

    [Fact]
    public void Smallest_and_largest_values_are_written()
    {
        HeaderAssert.Writes(Convert.FromHexString("2000655800000000"), default(NvgreHeader).TryWrite);
        HeaderAssert.Writes(Convert.FromHexString("20006558FFFFFFFF"), new NvgreHeader(new Vni(Vni.MaxValue), 255).TryWrite);
    }

    [Fact]
    public void Truncated_packets_are_refused() => HeaderAssert.RefusesEveryTruncation(Golden[..8], ParseAny);

    [Fact]
    public void Other_shapes_of_GRE_are_refused()
    {
        for (int first = 0; first < 256; first++)
        {
            byte[] changed = [(byte)first, .. Golden[1..], .. new byte[8]];
            WireError expected = (first & 0x4C) != 0 ? WireError.Flags : (first & 0xB0) != 0x20 ? WireError.Flags : WireError.None;
            Assert.Equal(expected == WireError.None, ParseAny(changed, out WireError error));
            Assert.Equal(expected, error);
        }

        HeaderAssert.Refuses(WireError.Version, [0x20, 0x01, .. Golden[2..]], ParseAny);
        HeaderAssert.Refuses(WireError.Unsupported, [.. Golden[..2], 0x08, 0x00, .. Golden[4..]], ParseAny);
    }

    [Fact]
    public void GRE_packet_is_taken_as_it_is()
    {
        Assert.True(GrePacket.TryParse(Golden, out GrePacket gre));
        Assert.True(NvgrePacket.TryParse(gre, out NvgrePacket packet, out WireError error));
        Assert.Equal((WireError.None, GoldenHeader), (error, packet.ToHeader()));
        Assert.False(NvgrePacket.TryParse(default(GrePacket), out packet, out error));
        Assert.Equal((WireError.Flags, 0), (error, packet.Payload.Length));
    }

    [Fact]
    public void Every_bit_belongs_to_its_field() => HeaderAssert.EveryBit(
        Golden,
        [
            // Not in the table: the GRE bits and the protocol type, which decide whether it parses.
            new("VSID", 32, 24, b => Parse(b).VirtualSubnetId.Value),
            new("FlowID", 56, 8, b => Parse(b).FlowId),
        ],
        bytes => [.. HeaderAssert.Written(Parse(bytes).ToHeader().TryWrite), .. Golden[8..]]);

    [Fact]
    public void Random_headers_round_trip() => HeaderAssert.RoundTrips(
        random => new NvgreHeader(new Vni((uint)random.Next(1 << 24)), (byte)random.Next(256)),
        header => HeaderAssert.Written(header.TryWrite),
        bytes => Parse(bytes).ToHeader());

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(Golden, bytes =>
    {
        if (!NvgrePacket.TryParse(bytes, out NvgrePacket packet))
        {
            return false;
        }

        Assert.Equal(bytes[8..], packet.Payload.ToArray());
        Assert.Equal(bytes[4..8], HeaderAssert.Written(packet.ToHeader().TryWrite)[4..]);
        return true;
    });

    // INDEX.md: no checksum, key, no sequence number, Ethernet; the inner TCP payload is AB CD. The values are tshark's.
    [Fact]
    public void Capture_decodes()
    {
        NvgrePacket packet = Parse(Assert.Single(WireCorpus.Payloads("packetnet/gre_nvgre.pcap", IPProtocol.Gre)));
        Assert.Equal((0x123456u, 0x02), (packet.VirtualSubnetId.Value, packet.FlowId));
        Assert.True(EthernetFrame.TryParse(packet.Payload, out EthernetFrame frame));
        Assert.True(IPv4Packet.TryParse(frame.Payload, out IPv4Packet ip));
        Assert.True(TcpPacket.TryParse(ip.Payload, out TcpPacket tcp));
        Assert.Equal("ABCD", Convert.ToHexString(tcp.Payload));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[8];
        Allocations.Zero(() =>
        {
            if (NvgrePacket.TryParse(Golden, out NvgrePacket packet))
            {
                packet.ToHeader().TryWrite(memory, out _);
            }
        });
        Assert.Equal(Golden[..8], memory);
    }

    private static bool ParseAny(ReadOnlySpan<byte> source, out WireError error) => NvgrePacket.TryParse(source, out _, out error);

    private static NvgrePacket Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(NvgrePacket.TryParse(bytes, out NvgrePacket packet));
        return packet;
    }
}
