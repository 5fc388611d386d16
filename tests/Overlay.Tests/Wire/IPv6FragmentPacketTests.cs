using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class IPv6FragmentPacketTests
{
    // scapy 2.5: IPv6ExtHdrFragment(nh=17, offset=0x1234, m=1, id=0xdeadbeef)/b"\xab\xcd"
    private static readonly byte[] Golden = Convert.FromHexString("110091a1deadbeefabcd");

    private static readonly IPv6FragmentHeader GoldenHeader = new(IPProtocol.Udp, 0xDEADBEEF) { FragmentOffset = 0x1234 * 8, MoreFragments = true };

    [Fact]
    public void Header_parses()
    {
        IPv6FragmentPacket packet = Parse(Golden);
        Assert.Equal((IPProtocol.Udp, 0x91A0, true, 0xDEADBEEF), (packet.NextHeader, packet.FragmentOffset, packet.MoreFragments, packet.Identification));
        Assert.Equal((0, 0), (packet.Reserved, packet.Res));
        Assert.Equal("ABCD", Convert.ToHexString(packet.Payload));
        Assert.Equal(GoldenHeader, packet.ToHeader());
    }

    [Fact]
    public void Header_is_written() => HeaderAssert.Writes(Golden[..8], GoldenHeader.TryWrite);

    [Fact]
    public void Smallest_and_largest_values_are_written()
    {
        HeaderAssert.Writes(new byte[8], default(IPv6FragmentHeader).TryWrite);
        HeaderAssert.Writes(
            Convert.FromHexString("FF00FFF9FFFFFFFF"),
            new IPv6FragmentHeader((IPProtocol)255, uint.MaxValue) { FragmentOffset = 65_528, MoreFragments = true }.TryWrite);
    }

    [Theory]
    [InlineData(-8)]
    [InlineData(4)]
    [InlineData(65_529)]
    [InlineData(65_536)]
    public void Offset_that_the_field_cannot_hold_is_refused(int offset) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => GoldenHeader with { FragmentOffset = offset });

    [Fact]
    public void Truncated_headers_are_refused() =>
        HeaderAssert.RefusesEveryTruncation(Golden[..8], (s, out e) => IPv6FragmentPacket.TryParse(s, out _, out e));

    [Fact]
    public void Every_bit_belongs_to_its_field()
    {
        Field[] fields =
        [
            new("next header", 0, 8, b => (UInt128)(byte)Parse(b).NextHeader),
            new("fragment offset", 16, 13, b => (UInt128)(Parse(b).FragmentOffset / 8)),
            new("M", 31, 1, b => Parse(b).MoreFragments ? 1u : 0),
            new("identification", 32, 32, b => Parse(b).Identification),
        ];
        HeaderAssert.EveryBit(Golden, [.. fields, new("reserved", 8, 8, b => Parse(b).Reserved), new("res", 29, 2, b => Parse(b).Res)]);
        HeaderAssert.EveryBit(Golden, fields, bytes => [.. HeaderAssert.Written(Parse(bytes).ToHeader().TryWrite), .. Golden[8..]]);
    }

    [Fact]
    public void Random_headers_round_trip() => HeaderAssert.RoundTrips(
        random => new IPv6FragmentHeader((IPProtocol)random.Next(256), (uint)random.NextInt64(1L << 32))
        {
            FragmentOffset = random.Next(1 << 13) * 8,
            MoreFragments = random.Next(2) == 0,
        },
        header => HeaderAssert.Written(header.TryWrite),
        bytes => Parse(bytes).ToHeader());

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(Golden, bytes =>
    {
        if (!IPv6FragmentPacket.TryParse(bytes, out IPv6FragmentPacket packet))
        {
            return false;
        }

        Assert.Equal(bytes[8..], packet.Payload.ToArray());
        byte[] expected = [bytes[0], 0, bytes[2], (byte)(bytes[3] & 0xF9), .. bytes[4..8]];
        Assert.Equal(expected, HeaderAssert.Written(packet.ToHeader().TryWrite));
        return true;
    });

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[8];
        Allocations.Zero(() =>
        {
            if (IPv6FragmentPacket.TryParse(Golden, out IPv6FragmentPacket packet))
            {
                packet.ToHeader().TryWrite(memory, out _);
            }
        });
        Assert.Equal(Golden[..8], memory);
    }

    private static IPv6FragmentPacket Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(IPv6FragmentPacket.TryParse(bytes, out IPv6FragmentPacket packet));
        return packet;
    }
}
