using System.Buffers.Binary;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class GuePacketTests
{
    // scapy 2.5 has no GUE; these are its bytes for a packet class with the fields of the draft's diagram: BitField variant 2, BitField C 1,
    // BitFieldLenField Hlen 5 (in words), ByteField proto, XShortField flags, StrLenField ext.
    // GUE(proto=4)/IP(src="192.0.2.1", dst="192.0.2.2", proto=59)
    private static readonly byte[] Plain = Convert.FromHexString("00040000" + "4500001400010000403bf6aac0000201c0000202");

    // GUE(proto=41, flags=0x0001, ext=b"\x80\x00\x00\x00\x00\x10\x00\x18")/b"\xab\xcd": remote checksum offload, as Linux writes it
    private static readonly byte[] Extended = Convert.FromHexString("02290001" + "8000000000100018" + "abcd");

    // GUE(C=1, proto=7)/b"\xab\xcd"
    private static readonly byte[] Control = Convert.FromHexString("20070000abcd");

    [Fact]
    public void Packet_without_extensions_parses()
    {
        GuePacket packet = Parse(Plain);
        Assert.Equal((0, 4, IPProtocol.IPv4, 0), (packet.Variant, packet.HeaderLength, packet.Protocol, packet.Flags));
        Assert.Equal((false, 0, 0), (packet.IsControl, packet.ControlType, packet.Extensions.Length));
        Assert.True(IPv4Packet.TryParse(packet.Payload, out IPv4Packet ip) && ip.IsChecksumValid);
        Assert.Equal(new GueHeader(IPProtocol.IPv4), packet.ToHeader());
    }

    [Fact]
    public void Extensions_are_skipped_by_their_length()
    {
        GuePacket packet = Parse(Extended);
        Assert.Equal((0, 12, IPProtocol.IPv6, 1), (packet.Variant, packet.HeaderLength, packet.Protocol, packet.Flags));
        Assert.Equal(("8000000000100018", "ABCD"), (Convert.ToHexString(packet.Extensions), Convert.ToHexString(packet.Payload)));
        Assert.Equal(new GueHeader(IPProtocol.IPv6) { Flags = 1 }, packet.ToHeader());
    }

    [Fact]
    public void Control_message_has_nothing_to_be_forwarded_as()
    {
        GuePacket packet = Parse(Control);
        Assert.Equal((true, 7, IPProtocol.NoNextHeader), (packet.IsControl, packet.ControlType, packet.Protocol));
        Assert.Equal("ABCD", Convert.ToHexString(packet.Payload));
        Assert.Equal(new GueHeader(IPProtocol.NoNextHeader) { ControlType = 7 }, packet.ToHeader());

        // Type 0 is a control message, too; its header is not that of a data message.
        byte[] typeZero = [0x20, 0, 0, 0];
        Assert.True(Parse(typeZero).IsControl);
        Assert.Equal(typeZero, HeaderAssert.Written(Parse(typeZero).ToHeader().TryWrite));
    }

    [Theory]
    [InlineData("45000014", IPProtocol.IPv4)]
    [InlineData("60000000", IPProtocol.IPv6)]
    [InlineData("4F", IPProtocol.IPv4)]
    public void Variant_1_is_an_IP_packet(string hex, IPProtocol protocol)
    {
        byte[] bytes = Convert.FromHexString(hex);
        GuePacket packet = Parse(bytes);
        Assert.Equal((1, 0, protocol, 0), (packet.Variant, packet.HeaderLength, packet.Protocol, packet.Flags));
        Assert.Equal((false, 0, 0), (packet.IsControl, packet.ControlType, packet.Extensions.Length));
        Assert.Equal(bytes, packet.Payload.ToArray());
        Assert.Equal(new GueHeader(protocol), packet.ToHeader());
    }

    [Fact]
    public void First_byte_decides_what_is_taken()
    {
        for (int first = 0; first < 256; first++)
        {
            byte[] bytes = [(byte)first, 41, 0, 0, .. new byte[124], 0xAB];
            WireError expected = first < 0x40 || first >> 4 is 4 or 6 ? WireError.None : WireError.Version;
            Assert.Equal(expected == WireError.None, GuePacket.TryParse(bytes, out GuePacket packet, out WireError error));
            Assert.Equal(expected, error);
            if (error == WireError.None)
            {
                Assert.Equal(first < 0x40 ? (0, 4 + ((first & 31) * 4)) : (1, 0), (packet.Variant, packet.HeaderLength));
                Assert.Equal((first & 0xE0) == 0x20, packet.IsControl);
                Assert.Equal(129, packet.HeaderLength + packet.Payload.Length);
            }
        }
    }

    [Fact]
    public void Headers_are_written()
    {
        HeaderAssert.Writes(Plain[..4], new GueHeader(IPProtocol.IPv4).TryWrite);
        HeaderAssert.Writes(Control[..4], new GueHeader(IPProtocol.NoNextHeader) { ControlType = 7 }.TryWrite);
        GueHeader extended = new(IPProtocol.IPv6) { Flags = 1 };
        HeaderAssert.Writes(Extended[..12], (Span<byte> d, out int n) => extended.TryWrite(d, Extended.AsSpan(4, 8), out n));
    }

    [Fact]
    public void Largest_values_are_written()
    {
        // scapy: GUE(C=1, proto=255, flags=0xffff, ext=b"\xff" * 124)
        byte[] extensions = [.. Enumerable.Repeat((byte)0xFF, 124)];
        GueHeader header = new(IPProtocol.NoNextHeader) { ControlType = 255, Flags = 0xFFFF };
        byte[] expected = [0x3F, 0xFF, 0xFF, 0xFF, .. extensions];
        HeaderAssert.Writes(expected, (Span<byte> d, out int n) => header.TryWrite(d, extensions, out n));
        Assert.Equal((128, 124), (Parse(expected).HeaderLength, Parse(expected).Extensions.Length));
    }

    [Fact]
    public void Headers_that_make_no_sense_are_refused()
    {
        byte[] memory = new byte[256];
        Assert.Throws<ArgumentException>(() => new GueHeader(IPProtocol.IPv4).TryWrite(memory, new byte[3], out _));
        Assert.Throws<ArgumentException>(() => new GueHeader(IPProtocol.IPv4).TryWrite(memory, new byte[128], out _));
        Assert.Throws<InvalidOperationException>(() => new GueHeader(IPProtocol.IPv4) { ControlType = 0 }.TryWrite(memory, out _));
        Assert.Equal(new byte[256], memory);
    }

    [Fact]
    public void Truncated_packets_are_refused()
    {
        HeaderAssert.RefusesEveryTruncation(Plain[..4], ParseAny);
        HeaderAssert.RefusesEveryTruncation(Extended[..12], ParseAny);
        HeaderAssert.RefusesEveryTruncation([0x3F, .. new byte[127]], ParseAny);
        HeaderAssert.RefusesEveryTruncation([0x45], ParseAny);
    }

    [Fact]
    public void Every_bit_belongs_to_its_field()
    {
        // Not in the table: the variant and Hlen, which decide what follows; they have their own test.
        HeaderAssert.EveryBit(
            Extended,
            [
                new("protocol", 8, 8, b => (UInt128)(byte)Parse(b).Protocol),
                new("flags", 16, 16, b => Parse(b).Flags),
                new("extensions", 32, 64, b => BinaryPrimitives.ReadUInt64BigEndian(Parse(b).Extensions)),
            ],
            bytes =>
            {
                GueHeader header = Parse(bytes).ToHeader();
                return [.. HeaderAssert.Written((Span<byte> d, out int n) => header.TryWrite(d, bytes.AsSpan(4, 8), out n)), .. bytes[12..]];
            });
        HeaderAssert.EveryBit(
            Control,
            [
                new("control type", 8, 8, b => Parse(b).ControlType),
                new("flags", 16, 16, b => Parse(b).Flags),
            ],
            bytes => [.. HeaderAssert.Written(Parse(bytes).ToHeader().TryWrite), .. Control[4..]]);
        HeaderAssert.EveryBit(Plain, [new("C", 2, 1, b => Parse(b).IsControl ? 1u : 0)]);
    }

    [Fact]
    public void Random_headers_round_trip() => HeaderAssert.RoundTrips(
        random => random.Next(2) == 0
            ? new GueHeader((IPProtocol)random.Next(256)) { Flags = (ushort)random.Next(65536) }
            : new GueHeader(IPProtocol.NoNextHeader) { ControlType = (byte)random.Next(256), Flags = (ushort)random.Next(65536) },
        header => HeaderAssert.Written((Span<byte> d, out int n) => header.TryWrite(d, new byte[header.Flags % 32 * 4], out n)),
        bytes => Parse(bytes).ToHeader());

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(Extended, bytes =>
    {
        if (!GuePacket.TryParse(bytes, out GuePacket packet))
        {
            return false;
        }

        Assert.Equal(bytes[packet.HeaderLength..], packet.Payload.ToArray());
        byte[] extensions = packet.Extensions.ToArray();
        GueHeader header = packet.ToHeader();
        byte[] written = HeaderAssert.Written((Span<byte> d, out int n) => header.TryWrite(d, extensions, out n));
        if (packet.Variant == 0)
        {
            Assert.Equal(bytes[..packet.HeaderLength], written);
        }

        return true;
    });

    [Fact]
    public void Memory_that_changes_under_a_view_moves_no_bound()
    {
        byte[] bytes = [.. Extended];
        GuePacket packet = Parse(bytes);
        bytes[0] = 0x65;
        bytes[1] = 0;
        Assert.Equal((0, 12, IPProtocol.IPv6, false), (packet.Variant, packet.HeaderLength, packet.Protocol, packet.IsControl));
        Assert.Equal((8, 2), (packet.Extensions.Length, packet.Payload.Length));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[12];
        Allocations.Zero(() =>
        {
            if (GuePacket.TryParse(Extended, out GuePacket packet))
            {
                packet.ToHeader().TryWrite(memory, packet.Extensions, out _);
            }
        });
        Assert.Equal(Extended[..12], memory);
    }

    private static bool ParseAny(ReadOnlySpan<byte> source, out WireError error) => GuePacket.TryParse(source, out _, out error);

    private static GuePacket Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(GuePacket.TryParse(bytes, out GuePacket packet));
        return packet;
    }
}
