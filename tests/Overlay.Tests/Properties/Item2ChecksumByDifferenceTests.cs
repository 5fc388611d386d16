using System.Buffers.Binary;
using CsCheck;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Properties;

/// <summary>Property 2: a checksum brought up to date by RFC 1624 eqn. 3 is the one computed anew. (That kernel and tshark agree: TsharkTests.)</summary>
public sealed class Item2ChecksumByDifferenceTests
{
    [Fact]
    public void Every_word_of_a_header_changed_to_every_value() => Gen.Select(Gen.Byte.Array[20], Gen.Int[1, 8], Gen.UShort).Sample(
        (header, word, value) =>
        {
            // Ones' complement has two zeros, and only data of nothing but zeros sums up to the other one. A header is never that: it has a version.
            header[0] = 0x45;
            int at = word == 5 ? 18 : word * 2;
            header[10] = header[11] = 0;
            ushort before = PacketBuilder.Checksum(header, 0);
            ushort old = BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(at));
            BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(at), value);
            Assert.Equal(PacketBuilder.Checksum(header, 0), InternetChecksum.Update(before, old, value));
        },
        iter: 20 * Samples.Count,
        threads: Samples.Threads);

    [Fact]
    public void The_example_of_the_RFC() => Assert.Equal(0x0000, InternetChecksum.Update(0xDD2F, 0x5555, 0x3285));
}
