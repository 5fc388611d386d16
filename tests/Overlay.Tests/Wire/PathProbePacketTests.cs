using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

public sealed class PathProbePacketTests
{
    // By hand from the diagram: version 1, probe, 1 500 bytes, "OPMT", a nonce, two bytes of padding.
    private static readonly byte[] Golden = Convert.FromHexString("010105DC4F504D540123456789ABCDEF0000");

    private static readonly PathProbeHeader GoldenHeader = new(PathProbeType.Probe, 1_500, 0x0123_4567_89AB_CDEF);

    [Fact]
    public void Packet_parses()
    {
        Assert.True(PathProbePacket.TryParse(Golden, out PathProbePacket packet));
        Assert.Equal((PathProbeType.Probe, 1_500, 0x0123_4567_89AB_CDEFUL, 2), (packet.Type, packet.Size, packet.Nonce, packet.PaddingLength));
        Assert.Equal(GoldenHeader, packet.ToHeader());
    }

    [Fact]
    public void Header_is_written() => HeaderAssert.Writes(Golden[..16], GoldenHeader.TryWrite);

    [Fact]
    public void Truncated_packets_are_refused() =>
        HeaderAssert.RefusesEveryTruncation(Golden[..16], (s, out e) => PathProbePacket.TryParse(s, out _, out e));

    [Fact]
    public void Every_bit_belongs_to_its_field() => HeaderAssert.EveryBit(Golden,
    [
        new("Size", 16, 16, b => Parse(b).Size),
        new("Nonce", 64, 64, b => Parse(b).Nonce),
    ]);

    [Fact]
    public void Another_first_byte_type_or_magic_number_is_refused()
    {
        for (int bit = 0; bit < 64; bit++)
        {
            if (bit is >= 16 and < 32)
            {
                continue;
            }

            byte[] changed = [.. Golden];
            changed[bit / 8] ^= (byte)(0x80 >> (bit % 8));
            bool isAnswer = changed[1] == (byte)PathProbeType.Answer;
            Assert.Equal(isAnswer, PathProbePacket.TryParse(changed, out _, out WireError error));
            Assert.Equal(bit < 8 ? WireError.Version : WireError.Unsupported, error);
        }

        byte[] answer = [.. Golden];
        answer[1] = 2;
        Assert.Equal(PathProbeType.Answer, Parse(answer).Type);
    }

    [Fact]
    public void Maximum_values_are_kept()
    {
        PathProbeHeader header = new(PathProbeType.Answer, ushort.MaxValue, ulong.MaxValue);
        Assert.Equal(header, Parse(HeaderAssert.Written(header.TryWrite)).ToHeader());
    }

    [Fact]
    public void What_is_neither_probe_nor_answer_is_not_written()
    {
        byte[] memory = new byte[16];
        Assert.Throws<InvalidOperationException>(() => default(PathProbeHeader).TryWrite(memory, out _));
        Assert.Throws<InvalidOperationException>(() => new PathProbeHeader((PathProbeType)3, 0, 0).TryWrite(memory, out _));
        Assert.Equal(new byte[16], memory);
    }

    [Fact]
    public void Headers_survive_the_round_trip() => HeaderAssert.RoundTrips(
        random => new PathProbeHeader((PathProbeType)random.Next(1, 3), (ushort)random.Next(65_536), (ulong)random.NextInt64()),
        header => HeaderAssert.Written(header.TryWrite),
        bytes => Parse(bytes).ToHeader());

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] memory = new byte[16];
        Allocations.Zero(() =>
        {
            _ = GoldenHeader.TryWrite(memory, out _);
            _ = PathProbePacket.TryParse(memory, out _);
        });
    }

    private static PathProbePacket Parse(ReadOnlySpan<byte> bytes) =>
        PathProbePacket.TryParse(bytes, out PathProbePacket packet) ? packet : throw new InvalidOperationException("It does not parse.");
}
