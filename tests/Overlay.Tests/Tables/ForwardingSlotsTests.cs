using Overlay.Tables;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary>The hash table under the forwarding table: segments split, renewed and merged, beside a dictionary.</summary>
public sealed class ForwardingSlotsTests
{
    private const ulong Static = 2UL << ForwardingSlots.StateShift;

    [Fact]
    public void Growing_shrinking_and_churning_it_says_what_a_dictionary_says()
    {
        Random random = new(1);
        ForwardingSlots slots = new(HashSeed.Create());
        Dictionary<ForwardingKey, ulong> twin = [];
        List<ForwardingKey> keys = [];
        (int Target, int Steps)[] phases = [(40, 500), (30_000, 60_000), (30_000, 200_000), (5_000, 60_000), (0, 20_000), (10_000, 20_000)];
        foreach ((int target, int steps) in phases)
        {
            for (int i = 0; i < steps; i++)
            {
                // Towards the target, and half of the time for the sake of it.
                if (twin.Count < target || (twin.Count == target && random.Next(2) == 0))
                {
                    ForwardingKey key = new(new Vni((uint)random.Next(1 << 24)), Mac((uint)random.Next()));
                    ulong value = Static | ForwardingSlots.VniBitsOf(key.Vni) | (uint)random.Next(1 << 22);
                    Assert.Equal(twin.GetValueOrDefault(key), slots.Put(key.Vni, key.Mac, value));
                    keys.Add(key);
                    twin[key] = value;
                }
                else if (keys.Count > 0)
                {
                    int at = random.Next(keys.Count);
                    ForwardingKey key = keys[at];
                    keys[at] = keys[^1];
                    keys.RemoveAt(keys.Count - 1);
                    Assert.Equal(twin.GetValueOrDefault(key), slots.Remove(key.Vni, key.Mac));
                    twin.Remove(key);
                    Assert.Equal(0ul, slots.Remove(key.Vni, key.Mac));
                }
            }

            Assert.Equal(twin.Values.Order(), slots.Entries().Select(entry => entry.Value).Order());
            foreach ((ForwardingKey key, ulong value) in twin)
            {
                Assert.Equal(value, slots.Find(key.Vni, key.Mac));
            }
        }

        Assert.True(slots.Bytes > 100_000);
        slots.RemoveWhere(_ => true, (_, _) => { });
        Assert.Empty(slots.Entries());
        Assert.InRange(slots.Bytes, 1, 2_000);
    }

    [Fact]
    public void The_unchecked_walk_and_its_checked_twin_agree()
    {
        // Few MAC addresses in many networks with the same low bits: keys that are equal in one word, and full lines.
        Random random = new(2);
        ForwardingSlots slots = new(HashSeed.Create());
        int found = 0;
        int missed = 0;
        for (int i = 0; i < 300_000; i++)
        {
            Vni vni = new(((uint)random.Next(256) << 16) | (uint)random.Next(2));
            MacAddress mac = random.Next(50) == 0 ? default : Mac((uint)random.Next(60));
            if (random.Next(4) == 0 && !mac.IsZero)
            {
                slots.Put(vni, mac, Static | ForwardingSlots.VniBitsOf(vni) | (uint)i);
            }
            else if (random.Next(4) == 0)
            {
                slots.Remove(vni, mac);
            }

            ulong value = slots.Find(vni, mac);
            value = ForwardingSlots.IsLive(value) ? value : 0;
            int at = slots.FindSlot(vni, mac, out ulong[] words, out ulong checkedValue);
            Assert.Equal(value != 0, at >= 0);
            Assert.True(at < 0 || (words[at] == value && checkedValue == value));
            found += value != 0 ? 1 : 0;
            missed += value == 0 ? 1 : 0;
        }

        Assert.True(found > 10_000 && missed > 10_000);
    }

    [Fact]
    public void Twenty_thousand_keys_of_one_hash_end_in_an_error_and_not_in_a_loop()
    {
        // No stranger can choose such keys; the seed is chosen so that the product is zero.
        ForwardingSlots slots = new(new HashSeed(0, Net.Value));
        Assert.Throws<InvalidOperationException>(() =>
        {
            for (uint i = 1; i <= 20_000; i++)
            {
                slots.Put(Net, Mac(i), Static | i);
            }
        });
        Assert.Equal(Static | 1, slots.Find(Net, Mac(1)));
        Assert.Equal(0ul, slots.Find(Net, Mac(100_000)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(6_144)]
    [InlineData(6_145)]
    [InlineData(200_000)]
    public void What_was_announced_fits_without_a_split(int expected)
    {
        ForwardingSlots slots = new(HashSeed.Create(), expected);
        long before = slots.Bytes;
        for (uint i = 1; i <= expected; i++)
        {
            slots.Put(Net, Mac(i * 77), Static | i);
        }

        Assert.Equal(before, slots.Bytes);
        Assert.Equal(expected, slots.Entries().Count());
    }
}
