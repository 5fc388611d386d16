using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class IcmpPacketTests
{
    // scapy 2.5: ICMP(type=8, id=0x1234, seq=0x5678)/b"hello"
    private static readonly byte[] Echo = Convert.FromHexString("08004b811234567868656c6c6f");

    // scapy: ICMP(type=3, code=4, nexthopmtu=1450)/ the first 28 bytes of a packet
    private static readonly byte[] TooBig = Convert.FromHexString("0304ea3c000005aa45000024000140004011b6c4c0000201c0000202045708ae00100000");

    [Fact]
    public void Messages_parse()
    {
        IcmpPacket echo = Parse(Echo);
        Assert.Equal((IcmpType.EchoRequest, 0, 0x4B81), (echo.Type, echo.Code, echo.Checksum));
        Assert.Equal((0x1234, 0x5678, 0x12345678u), (echo.Identifier, echo.SequenceNumber, echo.RestOfHeader));
        Assert.Equal("hello"u8.ToArray(), echo.Payload.ToArray());
        Assert.True(echo.IsChecksumValid);
        Assert.False(echo.IsFragmentationNeeded);
        Assert.Equal(IcmpHeader.Echo(false, 0x1234, 0x5678) with { Checksum = 0x4B81 }, echo.ToHeader());

        IcmpPacket tooBig = Parse(TooBig);
        Assert.True(tooBig.IsFragmentationNeeded);
        Assert.True(tooBig.IsChecksumValid);
        Assert.Equal(1450, tooBig.NextHopMtu);
        Assert.Equal(28, tooBig.Payload.Length);
        Assert.Equal(IcmpHeader.FragmentationNeeded(1450) with { Checksum = 0xEA3C }, tooBig.ToHeader());
    }

    [Fact]
    public void Messages_are_written()
    {
        HeaderAssert.Writes(Echo[..8], (IcmpHeader.Echo(false, 0x1234, 0x5678) with { Checksum = 0x4B81 }).TryWrite);
        HeaderAssert.Writes(
            Echo, (Span<byte> d, out int n) => IcmpHeader.Echo(false, 0x1234, 0x5678).TryWriteMessage(d, "hello"u8, out n));
        HeaderAssert.Writes(
            TooBig, (Span<byte> d, out int n) => IcmpHeader.FragmentationNeeded(1450).TryWriteMessage(d, TooBig.AsSpan(8), out n));
    }

    [Fact]
    public void Payload_may_lie_where_it_is_written()
    {
        byte[] memory = [.. "hello"u8, .. new byte[8]];
        Assert.True(IcmpHeader.Echo(false, 0x1234, 0x5678).TryWriteMessage(memory, memory.AsSpan(0, 5), out _));
        Assert.Equal(Echo, memory);
    }

    [Fact]
    public void Reply_is_no_request() => Assert.Equal(IcmpType.EchoReply, IcmpHeader.Echo(true, 1, 2).Type);

    [Fact]
    public void Truncated_messages_are_refused() =>
        HeaderAssert.RefusesEveryTruncation(Echo[..8], (s, out e) => IcmpPacket.TryParse(s, out _, out e));

    [Fact]
    public void A_changed_bit_makes_the_checksum_wrong()
    {
        for (int bit = 0; bit < Echo.Length * 8; bit++)
        {
            byte[] changed = [.. Echo];
            changed[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            Assert.False(Parse(changed).IsChecksumValid, $"bit {bit}");
        }
    }

    [Fact]
    public void Every_bit_belongs_to_its_field() => HeaderAssert.EveryBit(
        Echo,
        [
            new("type", 0, 8, b => (UInt128)(int)Parse(b).Type),
            new("code", 8, 8, b => Parse(b).Code),
            new("checksum", 16, 16, b => Parse(b).Checksum),
            new("identifier", 32, 16, b => Parse(b).Identifier),
            new("sequence number", 48, 16, b => Parse(b).SequenceNumber),
        ],
        bytes => [.. HeaderAssert.Written(Parse(bytes).ToHeader().TryWrite), .. Echo[8..]]);

    [Fact]
    public void Random_headers_round_trip() => HeaderAssert.RoundTrips(
        random => new IcmpHeader((IcmpType)random.Next(256), (byte)random.Next(256), (uint)random.NextInt64(1L << 32))
        {
            Checksum = (ushort)random.Next(65536),
        },
        header => HeaderAssert.Written(header.TryWrite),
        bytes => Parse(bytes).ToHeader());

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(Echo, bytes =>
    {
        if (!IcmpPacket.TryParse(bytes, out IcmpPacket packet))
        {
            return false;
        }

        Assert.Equal(bytes.Length - 8, packet.Payload.Length);
        _ = packet.IsChecksumValid;
        _ = packet.IsFragmentationNeeded;
        Assert.Equal(bytes[..8], HeaderAssert.Written(packet.ToHeader().TryWrite));
        return true;
    });

    [Fact]
    public void PacketDotNet_reads_the_same()
    {
        PacketDotNet.IcmpV4Packet other = new(new PacketDotNet.Utils.ByteArraySegment([.. Echo]));
        Assert.Equal((0x0800, 0x4B81, 0x1234, 0x5678), ((int)other.TypeCode, other.Checksum, other.Id, other.Sequence));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[Echo.Length];
        Allocations.Zero(() =>
        {
            if (IcmpPacket.TryParse(Echo, out IcmpPacket packet) && packet.IsChecksumValid)
            {
                packet.ToHeader().TryWriteMessage(memory, packet.Payload, out _);
            }
        });
        Assert.Equal(Echo, memory);
    }

    private static IcmpPacket Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(IcmpPacket.TryParse(bytes, out IcmpPacket packet));
        return packet;
    }
}
