using Overlay.Tables;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary>A table that is made of all its rows at once is the one that is made row by row.</summary>
public sealed class RouteTableReplaceTests
{
    [Theory]
    [InlineData(1, 40)]
    [InlineData(2, 3_000)]
    [InlineData(3, 40_000)]
    public void All_at_once_and_one_by_one_are_the_same(int seed, int count)
    {
        Random random = new(seed);
        RouteRow<int>[] rows = [.. Enumerable.Range(0, count).Select(_ => Row(random))];
        RouteTable<int> one = new();
        RouteTable<int> other = new();
        other.Set(IP("192.0.2.0"), 24, 1);
        other.Replace(rows);
        foreach (RouteRow<int> row in rows)
        {
            one.Set(row.Prefix, row.Length, row.Value);
        }

        Assert.True(one.Count < count, "No prefix stands twice: the last one must hold, and here that is not asked.");
        Assert.Equal(one.Count, other.Count);
        Assert.Equal(one.Snapshot(), other.Snapshot());
        AssertSameAnswers(one, other, random);

        // It goes on living: what was made so can be changed as any other.
        foreach (RouteRow<int> row in rows.Where((_, i) => i % 2 == 0))
        {
            Assert.Equal(one.Remove(row.Prefix, row.Length), other.Remove(row.Prefix, row.Length));
        }

        Assert.Equal(one.Snapshot(), other.Snapshot());
        AssertSameAnswers(one, other, random);
        other.Replace([]);
        Assert.Empty(other.Snapshot());
        Assert.False(other.TryLookup(rows[0].Prefix, out _));
    }

    [Fact]
    public void A_row_that_is_no_prefix_changes_nothing()
    {
        RouteTable<string> table = new();
        table.Set(IP("10.0.0.0"), 8, "old");
        Assert.Throws<ArgumentException>(() => table.Replace([new(IP("10.0.0.0"), 8, "new"), new(IP("10.0.0.1"), 24, "wrong")]));
        Assert.Throws<ArgumentOutOfRangeException>(() => table.Replace([new(IP("10.0.0.0"), 8, "new"), new(IP("10.0.0.0"), 33, "wrong")]));
        Assert.Throws<ArgumentNullException>(() => table.Replace([new(IP("10.0.0.0"), 8, null!)]));
        Assert.Equal([new RouteRow<string>(IP("10.0.0.0"), 8, "old")], table.Snapshot());
        Assert.True(table.TryLookup(IP("10.0.0.1"), out string? value));
        Assert.Equal("old", value);
    }

    [Fact]
    public void Batches_of_any_length_and_of_both_families_say_what_single_look_ups_say()
    {
        Random random = new(4);
        RouteTable<int> table = new();
        table.Replace(Enumerable.Range(0, 5_000).Select(_ => Row(random)));
        foreach (bool? family in (bool?[])[true, false, null])
        {
            for (int length = 0; length < 100; length++)
            {
                ValueIPAddress[] asked = [.. Enumerable.Range(0, length).Select(_ => Address(random, family ?? random.Next(2) == 0))];
                int[] values = new int[length + 1];
                values[length] = -1;
                int found = table.Lookup(asked, values);
                Assert.Equal(asked.Count(address => table.TryLookup(address, out _)), found);
                Assert.Equal(asked.Select(address => table.TryLookup(address, out int value) ? value : 0), values[..length]);
                Assert.Equal(-1, values[length]);
            }
        }
    }

    private static void AssertSameAnswers(RouteTable<int> one, RouteTable<int> other, Random random)
    {
        for (int i = 0; i < 20_000; i++)
        {
            ValueIPAddress address = Address(random, i % 2 == 0);
            Assert.Equal(one.TryLookup(address, out int expected), other.TryLookup(address, out int found));
            Assert.Equal(expected, found);
        }
    }

    private static RouteRow<int> Row(Random random)
    {
        ValueIPAddress address = Address(random, random.Next(2) == 0);
        int length = random.Next(address.BitLength + 1);
        return new RouteRow<int>(address.Mask(length), length, random.Next(1, 50));
    }

    /// <summary>Mostly the same bytes in front, so that prefixes lie in one another, and some of them twice.</summary>
    private static ValueIPAddress Address(Random random, bool isIPv4)
    {
        byte[] bytes = new byte[isIPv4 ? 4 : 16];
        random.NextBytes(bytes);
        for (int i = 0; i < bytes.Length / 2; i++)
        {
            bytes[i] = random.Next(8) == 0 ? bytes[i] : (byte)0x20;
        }

        return new ValueIPAddress(bytes);
    }
}
