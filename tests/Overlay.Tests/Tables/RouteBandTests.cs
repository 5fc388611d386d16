using Overlay.Tables;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary>How rules for eight bits are written, and the forms of what is made of them.</summary>
public sealed class RouteBandTests
{
    private static IEnumerable<(uint Slot, int Length)> AllRules =>
        Enumerable.Range(0, 9).SelectMany(length => Enumerable.Range(0, 1 << length).Select(value => ((uint)value << (8 - length), length)));

    [Fact]
    public void A_place_says_slot_and_length()
    {
        (uint Slot, int Length)[] all = [.. AllRules];
        Assert.Equal(RouteBand.MaxRules, all.Length);
        Assert.Equal(RouteBand.MaxRules, all.Select(rule => RouteBand.Place(rule.Slot, rule.Length)).Distinct().Count());
        Assert.All(all, rule =>
        {
            uint word = RouteBand.Rule(RouteBand.Place(rule.Slot, rule.Length), RouteBand.NumberMask);
            Assert.NotEqual(0u, RouteBand.Place(rule.Slot, rule.Length));
            Assert.Equal((rule.Slot, rule.Length, RouteBand.NumberMask), (RouteBand.SlotOf(word), RouteBand.LengthOf(word), RouteBand.NumberOf(word)));
        });
    }

    [Fact]
    public void Vectors_say_of_every_rule_and_slot_what_a_comparison_of_bits_says()
    {
        (uint Slot, int Length)[] all = [.. AllRules];
        for (int i = 0; i < all.Length; i += 15)
        {
            (uint Slot, int Length)[] some = all[i..Math.Min(i + 15, all.Length)];
            uint[] words = new uint[16];
            for (int j = 0; j < some.Length; j++)
            {
                words[j] = RouteBand.Rule(RouteBand.Place(some[j].Slot, some[j].Length), (uint)(i + j + 1));
            }

            for (uint slot = 0; slot < RouteBand.Slots; slot++)
            {
                // What has no place, here at least the last word, holds everything.
                uint expected = 0xFFFFu << some.Length & 0xFFFF;
                for (int j = 0; j < some.Length; j++)
                {
                    expected |= slot >> (8 - some[j].Length) == some[j].Slot >> (8 - some[j].Length) ? 1u << j : 0;
                }

                Assert.Equal(expected, RouteBand.Holding(words, slot));
            }
        }
    }

    /// <summary>Few rules are searched, many are written out: around the number at which that changes, with what is inherited and with longer prefixes.</summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(12, false)]
    [InlineData(0, true)]
    [InlineData(12, true)]
    public void A_network_is_right_at_every_address_while_it_grows_and_shrinks(int inheritedLength, bool hasHosts)
    {
        RouteTable<int> table = new();
        SlowRoutes<int> twin = new();
        Random random = new(5);
        if (inheritedLength > 0)
        {
            Set(IP("10.16.0.0"), inheritedLength, 77);
        }

        List<(ValueIPAddress Prefix, int Length)> prefixes = [];
        for (int i = 0; i < 40; i++)
        {
            int length = hasHosts && i % 4 == 0 ? random.Next(25, 33) : random.Next(16, 25);
            prefixes.Add((ValueIPAddress.FromIPv4(0x0A11_0000 | (uint)random.Next(1 << 16)).Mask(length), length));
        }

        foreach ((ValueIPAddress prefix, int length) in prefixes)
        {
            Set(prefix, length, random.Next(1, 9));
            AssertSame();
        }

        foreach ((ValueIPAddress prefix, int length) in prefixes)
        {
            Assert.Equal(twin.Rows.Remove((prefix, length)), table.Remove(prefix, length));
            AssertSame();
        }

        void Set(ValueIPAddress prefix, int length, int value)
        {
            table.Set(prefix, length, value);
            twin.Rows[(prefix, length)] = value;
        }

        void AssertSame()
        {
            for (uint third = 0; third < 256; third++)
            {
                ValueIPAddress address = ValueIPAddress.FromIPv4(0x0A11_0000 | (third << 8) | (uint)random.Next(256));
                Assert.Equal(twin.TryLookup(address, out int expected), table.TryLookup(address, out int found));
                Assert.Equal(expected, found);
            }

            Assert.Equal(
                twin.Rows.Select(row => new RouteRow<int>(row.Key.Prefix, row.Key.Length, row.Value)).OrderBy(row => (row.Prefix, row.Length)), table.Snapshot());
        }
    }
}
