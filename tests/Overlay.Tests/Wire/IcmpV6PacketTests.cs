using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class IcmpV6PacketTests
{
    // scapy 2.5, from 2001:db8::1 to 2001:db8::2: ICMPv6EchoRequest(id=0x1234, seq=0x5678, data=b"hello")
    private static readonly byte[] Echo = Convert.FromHexString("800077c41234567868656c6c6f");

    // scapy, same addresses: ICMPv6PacketTooBig(mtu=1430)/b"\x60\0\0\0"
    private static readonly byte[] TooBig = Convert.FromHexString("02003cae0000059660000000");

    private static readonly ValueIPAddress Source = ValueIPAddress.Parse("2001:db8::1");
    private static readonly ValueIPAddress Destination = ValueIPAddress.Parse("2001:db8::2");

    [Fact]
    public void Messages_parse()
    {
        IcmpV6Packet echo = Parse(Echo);
        Assert.Equal((IcmpV6Type.EchoRequest, 0, 0x77C4), (echo.Type, echo.Code, echo.Checksum));
        Assert.Equal((0x1234, 0x5678), (echo.Identifier, echo.SequenceNumber));
        Assert.Equal("hello"u8.ToArray(), echo.Payload.ToArray());
        Assert.True(echo.IsChecksumValid(Source, Destination));
        Assert.False(echo.IsChecksumValid(Source, Source));
        Assert.False(echo.IsError);
        Assert.Equal(IcmpV6Header.Echo(false, 0x1234, 0x5678) with { Checksum = 0x77C4 }, echo.ToHeader());

        IcmpV6Packet tooBig = Parse(TooBig);
        Assert.Equal((IcmpV6Type.PacketTooBig, 1430u, true), (tooBig.Type, tooBig.NextHopMtu, tooBig.IsError));
        Assert.True(tooBig.IsChecksumValid(Source, Destination));
        Assert.Equal(IcmpV6Header.PacketTooBig(1430) with { Checksum = 0x3CAE }, tooBig.ToHeader());
    }

    [Fact]
    public void Messages_are_written()
    {
        HeaderAssert.Writes(Echo[..8], (IcmpV6Header.Echo(false, 0x1234, 0x5678) with { Checksum = 0x77C4 }).TryWrite);
        HeaderAssert.Writes(Echo, (Span<byte> d, out int n) =>
            IcmpV6Header.Echo(false, 0x1234, 0x5678).TryWriteMessage(d, Source, Destination, "hello"u8, out n));
        HeaderAssert.Writes(TooBig, (Span<byte> d, out int n) =>
            IcmpV6Header.PacketTooBig(1430).TryWriteMessage(d, Source, Destination, TooBig.AsSpan(8), out n));
    }

    [Fact]
    public void Reply_is_no_request() => Assert.Equal(IcmpV6Type.EchoReply, IcmpV6Header.Echo(true, 1, 2).Type);

    [Fact]
    public void Errors_are_the_types_below_128()
    {
        for (int type = 0; type < 256; type++)
        {
            byte[] changed = [.. Echo];
            changed[0] = (byte)type;
            Assert.Equal(type < 128, Parse(changed).IsError);
        }
    }

    [Fact]
    public void Truncated_messages_are_refused() =>
        HeaderAssert.RefusesEveryTruncation(Echo[..8], (s, out e) => IcmpV6Packet.TryParse(s, out _, out e));

    [Fact]
    public void A_changed_bit_makes_the_checksum_wrong()
    {
        for (int bit = 0; bit < Echo.Length * 8; bit++)
        {
            byte[] changed = [.. Echo];
            changed[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            Assert.False(Parse(changed).IsChecksumValid(Source, Destination), $"bit {bit}");
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
        random => new IcmpV6Header((IcmpV6Type)random.Next(256), (byte)random.Next(256), (uint)random.NextInt64(1L << 32))
        {
            Checksum = (ushort)random.Next(65536),
        },
        header => HeaderAssert.Written(header.TryWrite),
        bytes => Parse(bytes).ToHeader());

    [Fact]
    public void No_bytes_make_it_throw() => HeaderAssert.NeverThrows(Echo, bytes =>
    {
        if (!IcmpV6Packet.TryParse(bytes, out IcmpV6Packet packet))
        {
            return false;
        }

        Assert.Equal(bytes.Length - 8, packet.Payload.Length);
        _ = packet.IsChecksumValid(Source, Destination);
        Assert.Equal(bytes[..8], HeaderAssert.Written(packet.ToHeader().TryWrite));
        return true;
    });

    [Fact]
    public void PacketDotNet_reads_the_same()
    {
        PacketDotNet.IcmpV6Packet other = new(new PacketDotNet.Utils.ByteArraySegment([.. Echo]));
        Assert.Equal((128, 0, 0x77C4), ((int)other.Type, other.Code, other.Checksum));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[Echo.Length];
        Allocations.Zero(() =>
        {
            if (IcmpV6Packet.TryParse(Echo, out IcmpV6Packet packet) && packet.IsChecksumValid(Source, Destination))
            {
                packet.ToHeader().TryWriteMessage(memory, Source, Destination, packet.Payload, out _);
            }
        });
        Assert.Equal(Echo, memory);
    }

    private static IcmpV6Packet Parse(ReadOnlySpan<byte> bytes)
    {
        Assert.True(IcmpV6Packet.TryParse(bytes, out IcmpV6Packet packet));
        return packet;
    }
}
