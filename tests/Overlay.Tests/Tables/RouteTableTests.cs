using System.Net;
using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

public sealed class RouteTableTests
{
    [Fact]
    public void The_longest_prefix_wins_in_any_order_of_setting()
    {
        (string Prefix, int Length)[] prefixes = [("0.0.0.0", 0), ("10.0.0.0", 8), ("10.1.0.0", 16), ("10.1.2.0", 24), ("10.1.2.3", 32)];
        for (int seed = 0; seed < 20; seed++)
        {
            Random random = new(seed);
            RouteTable<int> table = new();
            (string, int)[] shuffled = [.. prefixes];
            random.Shuffle(shuffled);
            foreach ((string prefix, int length) in shuffled)
            {
                Assert.True(table.Set(IP(prefix), length, length));
            }

            Assert.Equal(32, Lookup(table, "10.1.2.3"));
            Assert.Equal(24, Lookup(table, "10.1.2.2"));
            Assert.Equal(16, Lookup(table, "10.1.3.3"));
            Assert.Equal(8, Lookup(table, "10.2.2.3"));
            Assert.Equal(0, Lookup(table, "11.1.2.3"));
            Assert.Equal(prefixes.Select(p => new RouteRow<int>(IP(p.Prefix), p.Length, p.Length)), table.Snapshot());
        }
    }

    [Fact]
    public void The_families_do_not_meet()
    {
        RouteTable<string> table = new();
        table.Set(IPNetwork.Parse("::/0"), "six");
        table.Set(IP("::"), 96, "low");
        Assert.False(table.TryLookup(IP("10.0.0.1"), out _));
        table.Set(IPNetwork.Parse("0.0.0.0/0"), "four");
        Assert.Equal("four", Lookup(table, "10.0.0.1"));
        Assert.Equal("six", Lookup(table, "2001:db8::1"));
        Assert.Equal("low", Lookup(table, "::1"));
        table.Remove(IPNetwork.Parse("::/0"));
        Assert.False(table.TryLookup(IP("2001:db8::1"), out _));
        Assert.Equal("four", Lookup(table, "10.0.0.1"));
    }

    [Theory]
    [InlineData("10.0.0.1", 31)]
    [InlineData("10.0.0.1", 0)]
    [InlineData("128.0.0.0", 0)]
    [InlineData("2001:db8::1", 127)]
    [InlineData("2001:db8::1", 64)]
    [InlineData("8000::", 0)]
    public void Bits_behind_the_prefix_are_a_mistake(string prefix, int length)
    {
        RouteTable<int> table = new();
        Assert.Throws<ArgumentException>(() => table.Set(IP(prefix), length, 1));
        Assert.Throws<ArgumentException>(() => table.Remove(IP(prefix), length));
        Assert.Throws<ArgumentException>(() => table.TryGet(IP(prefix), length, out _));
        Assert.Equal(0, table.Count);
    }

    [Theory]
    [InlineData("10.0.0.0", 33)]
    [InlineData("10.0.0.0", -1)]
    [InlineData("2001:db8::", 129)]
    [InlineData("2001:db8::", -1)]
    public void A_length_beyond_the_family_is_a_mistake(string prefix, int length)
    {
        RouteTable<int> table = new();
        Assert.Throws<ArgumentOutOfRangeException>(() => table.Set(IP(prefix), length, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => table.Remove(IP(prefix), length));
    }

    [Fact]
    public void A_mapped_prefix_does_not_become_an_ipv4_one() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new RouteTable<int>().Set(IPNetwork.Parse("::ffff:10.0.0.0/104"), 1));

    [Fact]
    public void Setting_twice_replaces_and_removing_twice_does_nothing()
    {
        RouteTable<string> table = new();
        Assert.True(table.Set(IP("10.0.0.0"), 8, "a"));
        Assert.False(table.Set(IP("10.0.0.0"), 8, "b"));
        Assert.Equal(1, table.Count);
        Assert.Equal("b", Lookup(table, "10.0.0.1"));
        Assert.True(table.TryGet(IP("10.0.0.0"), 8, out string? value));
        Assert.Equal("b", value);
        Assert.False(table.TryGet(IP("10.0.0.0"), 9, out _));
        Assert.False(table.TryGet(IP("10.0.0.0"), 7, out _));
        Assert.False(table.Remove(IP("10.0.0.0"), 9));
        Assert.False(table.Remove(IP("11.0.0.0"), 8));
        Assert.True(table.Remove(IP("10.0.0.0"), 8));
        Assert.False(table.Remove(IP("10.0.0.0"), 8));
        Assert.Empty(table.Snapshot());
    }

    [Theory]
    [InlineData(11, true)]
    [InlineData(12, false)]
    public void Ten_thousand_look_ups_agree_with_a_list(int seed, bool isIPv4)
    {
        Random random = new(seed);
        RouteTable<int> table = new();
        SlowRoutes<int> twin = new();
        for (int round = 0; round < 10; round++)
        {
            for (int i = 0; i < 60; i++)
            {
                (ValueIPAddress prefix, int length) = RandomPrefix(random, isIPv4);
                if (random.Next(3) > 0)
                {
                    int value = random.Next();
                    Assert.Equal(!twin.Rows.ContainsKey((prefix, length)), table.Set(prefix, length, value));
                    twin.Rows[(prefix, length)] = value;
                }
                else
                {
                    if (random.Next(2) == 0 && twin.Rows.Count > 0)
                    {
                        (prefix, length) = twin.Rows.Keys.ElementAt(random.Next(twin.Rows.Count));
                    }

                    Assert.Equal(twin.Rows.Remove((prefix, length)), table.Remove(prefix, length));
                }
            }

            for (int i = 0; i < 1_000; i++)
            {
                ValueIPAddress destination = RandomAddress(random, isIPv4);
                Assert.Equal(twin.TryLookup(destination, out int expected), table.TryLookup(destination, out int found));
                Assert.Equal(expected, found);
            }

            Assert.Equal(twin.Rows.Count, table.Count);
            Assert.Equal(
                twin.Rows.Select(r => new RouteRow<int>(r.Key.Prefix, r.Key.Length, r.Value)).OrderBy(r => (r.Prefix, r.Length)),
                table.Snapshot());
        }

        foreach ((ValueIPAddress prefix, int length) in twin.Rows.Keys)
        {
            Assert.True(table.Remove(prefix, length));
        }

        Assert.Equal(0, table.Count);
        Assert.Empty(table.Snapshot());
    }

    [Fact]
    public void A_reader_sees_the_table_before_a_change_or_after_it()
    {
        // The short prefix stays; the long ones come and go. Whatever the reader gets holds the destination, and it always gets something.
        RouteTable<int> table = new();
        table.Set(IP("10.0.0.0"), 8, 8);
        bool isOver = false;
        long wrong = 0;
        long longer = 0;
        Thread reader = new(() =>
        {
            Random random = new(1);
            while (!Volatile.Read(ref isOver))
            {
                bool isFound = table.TryLookup(Remote((uint)random.Next(1 << 24)), out int value);
                wrong += isFound && value is 8 or 16 or 24 ? 0 : 1;
                longer += value > 8 ? 1 : 0;
            }
        });
        reader.Start();
        Random random = new(2);
        long end = Environment.TickCount64 + 500;
        while (Environment.TickCount64 < end)
        {
            int length = random.Next(2) == 0 ? 16 : 24;
            ValueIPAddress prefix = Remote((uint)random.Next(1 << 24)).Mask(length);
            if (random.Next(3) > 0)
            {
                table.Set(prefix, length, length);
            }
            else
            {
                table.Remove(prefix, length);
            }
        }

        Volatile.Write(ref isOver, true);
        reader.Join();
        Assert.Equal(0, wrong);
        Assert.True(longer > 0);
    }

    [Fact]
    public void Readers_allocate_nothing()
    {
        RouteTable<RouteEntry> table = new();
        table.Set(IP("10.0.0.0"), 8, new RouteEntry(Remote(1)));
        table.Set(IP("2001:db8::"), 32, new RouteEntry(Remote(2)));
        ValueIPAddress six = IP("2001:db8::1");
        int found = 0;
        Allocations.Zero(() =>
        {
            for (uint i = 0; i < 1_000; i++)
            {
                found += table.TryLookup(Remote(i), out RouteEntry _) ? 1 : 0;
                found += table.TryLookup(six, out RouteEntry _) ? 1 : 0;
                found += table.TryLookup(ValueIPAddress.FromIPv4(i), out RouteEntry _) ? 1 : 0;
            }
        });
        Assert.True(found > 0);
    }

    private static T Lookup<T>(RouteTable<T> table, string destination)
        where T : notnull
    {
        Assert.True(table.TryLookup(IP(destination), out T? value));
        return value;
    }

    private static (ValueIPAddress Prefix, int Length) RandomPrefix(Random random, bool isIPv4)
    {
        ValueIPAddress address = RandomAddress(random, isIPv4);
        int length = random.Next(address.BitLength + 1);
        return (address.Mask(length), length);
    }

    /// <summary>Few different bytes, so that prefixes nest and fork at every depth.</summary>
    private static ValueIPAddress RandomAddress(Random random, bool isIPv4)
    {
        byte[] choices = [0x00, 0x01, 0x80, 0xFF];
        byte[] bytes = new byte[isIPv4 ? 4 : 16];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = random.Next(4) == 0 ? choices[random.Next(4)] : (byte)0x20;
        }

        return new ValueIPAddress(bytes);
    }
}
