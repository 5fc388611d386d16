using CsCheck;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Properties;

/// <summary>Property 6: the ECN function is the table of RFC 6040 (Figure 4); to set ECN leaves DSCP and the rest alone, and twice is once.</summary>
public sealed class Item6EcnTests
{
    // Rows: the inner field Not-ECT, ECT(1), ECT(0), CE, by its value on the wire; columns: the outer one. Minus one: drop.
    private static readonly int[][] Figure4 = [[0, 0, 0, -1], [1, 1, 1, 3], [2, 1, 2, 3], [3, 3, 3, 3]];

    [Fact]
    public void The_function_is_the_table() => Gen.Select(Gen.Int[0, 3], Gen.Int[0, 3]).Sample(
        (inner, outer) =>
        {
            bool forwarded = EcnTunnel.TryInner((Ecn)outer, (Ecn)inner, EcnProfile.Rfc6040, out Ecn result);
            Assert.Equal(Figure4[inner][outer], forwarded ? (int)result : -1);
        },
        iter: Samples.Count,
        threads: Samples.Threads);

    [Fact]
    public void Nothing_but_ECN_and_the_checksum_changes() => Gen.Select(Samples.IPPacket, Gen.Int[0, 3]).Sample(
        (packet, ecn) =>
        {
            byte[] changed = [.. packet];
            bool version4 = packet[0] >> 4 == 4;
            Set(changed);
            byte[] twice = [.. changed];
            Set(twice);
            Assert.Equal(changed, twice);

            byte[] expected = [.. packet];
            if (version4)
            {
                expected[1] = (byte)((expected[1] & 0xFC) | ecn);
                expected[10] = expected[11] = 0;
                System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(
                    expected.AsSpan(10), Overlay.Testing.PacketBuilder.Checksum(expected.AsSpan(0, 20), 0));
            }
            else
            {
                expected[1] = (byte)((expected[1] & 0xCF) | (ecn << 4));
            }

            Assert.Equal(expected, changed);

            void Set(byte[] bytes)
            {
                if (version4)
                {
                    IPv4Editing.SetEcn(bytes, (Ecn)ecn);
                }
                else
                {
                    IPv6Editing.SetEcn(bytes, (Ecn)ecn);
                }
            }
        },
        iter: Samples.Count,
        threads: Samples.Threads);
}
