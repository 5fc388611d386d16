using Overlay.Tables;
using Xunit;

namespace Overlay.Tests.Tables;

public sealed class HashSeedTests
{
    [Theory]
    [InlineData(1L, 0L)]                  // MAC addresses in a row
    [InlineData(1L << 8, 0L)]             // counting in the second-last byte
    [InlineData(1L << 16, 0L)]
    [InlineData(1L << 24, 0L)]            // counting in the maker's part
    [InlineData(1L << 32, 0L)]
    [InlineData(0x0101_0101L, 0L)]
    [InlineData(0L, 1L)]                  // one MAC address in many networks
    [InlineData(1L, 1L)]
    public void Keys_with_a_pattern_spread_as_random_ones_do(long macStep, long vniStep)
    {
        // 10 000 keys in 32 768 slots: with a random hash linear probing moves a key by 0.22 slots on average.
        const int Keys = 10_000;
        Random random = new(5);
        for (int i = 0; i < 30; i++)
        {
            HashSeed seed = new((ulong)random.NextInt64(), (ulong)random.NextInt64());
            bool[] slots = new bool[1 << 15];
            int moved = 0;
            for (long n = 0; n < Keys; n++)
            {
                ulong mac = (ulong)(0x0200_0000_0000 + (n * macStep)) & 0xFFFF_FFFF_FFFF;
                uint vni = (uint)(n * vniStep) & Vni.MaxValue;
                uint position = seed.Mix((mac << 16) | (ushort)vni, vni);
                for (; slots[position & 0x7FFF]; position++)
                {
                    moved++;
                }

                slots[position & 0x7FFF] = true;
            }

            Assert.InRange((double)moved / Keys, 0, 0.35);
        }
    }

    [Fact]
    public void Two_tables_do_not_share_a_secret()
    {
        HashSeed one = HashSeed.Create();
        HashSeed other = HashSeed.Create();
        Assert.Contains(Enumerable.Range(1, 8), i => one.Mix((ulong)i, 0) != other.Mix((ulong)i, 0));
    }
}
