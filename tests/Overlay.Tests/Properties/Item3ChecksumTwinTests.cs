using CsCheck;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Properties;

/// <summary>
/// Property 3: the vectorised checksum is the 16-bit one, whatever the bytes. (Every length and alignment, with fixed bytes: InternetChecksumTests.)
/// </summary>
public sealed class Item3ChecksumTwinTests
{
    [Fact]
    public void The_vectorised_sum_is_the_slow_one() => Gen.Select(Gen.Byte.Array[0, 2112], Gen.Int[0, 64], Gen.UShort).Sample(
        (bytes, start, seed) =>
        {
            ReadOnlySpan<byte> data = bytes.AsSpan(Math.Min(start, bytes.Length));
            Assert.Equal(PacketBuilder.Checksum(data, seed), InternetChecksum.Compute(data, InternetChecksum.Word(seed)));
            byte[] copy = new byte[data.Length];
            Assert.Equal(InternetChecksum.Fold(InternetChecksum.Partial(data)), InternetChecksum.Fold(InternetChecksum.CopyPartial(data, copy)));
            Assert.True(data.SequenceEqual(copy));
        },
        iter: Samples.Count,
        threads: Samples.Threads);
}
