using CsCheck;
using Overlay.Tables;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary>The table beside a list that is read from end to end: at the first and last address of each prefix, and one beyond.</summary>
public sealed class RouteTableModelTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Setting_removing_and_replacing_agree_with_a_list(bool isIPv4)
    {
        // Few different bytes, so that prefixes nest and share nodes of every kind.
        Gen<byte> part = Gen.OneOf(new byte[] { 0x00, 0x01, 0x20, 0x20, 0x20, 0x21, 0x80, 0xFF }.Select(value => Gen.Const(value)).ToArray());
        Gen<(ValueIPAddress Prefix, int Length)> prefixes = Gen.Select(part.Array[isIPv4 ? 4 : 16], Gen.Int[0, isIPv4 ? 32 : 128])
            .Select((bytes, length) => (new ValueIPAddress(bytes).Mask(length), length));
        Gen<(int What, (ValueIPAddress Prefix, int Length) Prefix, int Value)[]> changes = Gen.Select(Gen.Int[0, 19], prefixes, Gen.Int[1, 9]).Array[1, 200];
        changes.Sample(steps =>
        {
            RouteTable<int> table = new();
            SlowRoutes<int> twin = new();
            foreach ((int what, (ValueIPAddress prefix, int length), int value) in steps)
            {
                if (what == 0)
                {
                    twin.Rows.Remove((prefix, length));
                    table.Replace(twin.Rows.Select(row => new RouteRow<int>(row.Key.Prefix, row.Key.Length, row.Value)));
                }
                else if (what < 6)
                {
                    (ValueIPAddress Prefix, int Length) gone = twin.Rows.Count > 0 ? twin.Rows.Keys.ElementAt(value % twin.Rows.Count) : (prefix, length);
                    Assert.Equal(twin.Rows.Remove(gone), table.Remove(gone.Prefix, gone.Length));
                }
                else
                {
                    Assert.Equal(!twin.Rows.ContainsKey((prefix, length)), table.Set(prefix, length, value));
                    twin.Rows[(prefix, length)] = value;
                }
            }

            AssertSame(table, twin, steps.Select(step => step.Prefix));
        }, iter: 100);
    }

    [Theory]
    [InlineData("10.1.2.3", 32)]
    [InlineData("255.255.255.255", 32)]
    [InlineData("0.0.0.0", 32)]
    [InlineData("2001:db8:1234:5678:9abc:def0:1234:5678", 128)]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128)]
    [InlineData("::", 128)]
    public void Every_length_is_found_and_can_go_again(string address, int bits)
    {
        RouteTable<int> table = new();
        SlowRoutes<int> twin = new();
        (ValueIPAddress, int)[] prefixes = [.. Enumerable.Range(0, bits + 1).Select(length => (IP(address).Mask(length), length))];
        foreach ((ValueIPAddress prefix, int length) in prefixes)
        {
            table.Set(prefix, length, length + 1);
            twin.Rows[(prefix, length)] = length + 1;
            Assert.True(table.TryLookup(IP(address), out int found));
            Assert.Equal(length + 1, found);
        }

        AssertSame(table, twin, prefixes);
        foreach ((ValueIPAddress prefix, int length) in prefixes.Where((_, i) => i % 3 != 0))
        {
            Assert.True(table.Remove(prefix, length));
            twin.Rows.Remove((prefix, length));
        }

        AssertSame(table, twin, prefixes);
    }

    [Theory]
    [InlineData("10.1.0.0", 16)]
    [InlineData("2001:db8::", 112)]
    public void A_network_full_of_host_routes_is_right_at_every_address(string network, int length)
    {
        RouteTable<uint> table = new();
        table.Set(IP(network), length, 9_999_999);
        for (uint i = 0; i < 65_536; i++)
        {
            table.Set(Host(network, i), IP(network).BitLength, (i % 1_000) + 1);
        }

        for (uint i = 0; i < 65_536; i++)
        {
            Assert.True(table.TryLookup(Host(network, i), out uint found) && found == (i % 1_000) + 1);
            if (i % 2 == 0)
            {
                Assert.True(table.Remove(Host(network, i), IP(network).BitLength));
            }
        }

        for (uint i = 0; i < 65_536; i++)
        {
            Assert.True(table.TryLookup(Host(network, i), out uint found) && found == (i % 2 == 0 ? 9_999_999 : (i % 1_000) + 1));
        }

        Assert.Equal(32_769, table.Count);
    }

    [Fact]
    public void The_numbers_of_values_are_used_again_without_a_reader_being_misled()
    {
        // Every value is new, and few live at a time.
        RouteTable<string> table = new();
        for (int i = 0; i < 10_000; i++)
        {
            table.Set(Remote((uint)(i % 7)), 32, $"value {i}");
            Assert.True(table.TryLookup(Remote((uint)(i % 7)), out string? found));
            Assert.Equal($"value {i}", found);
            Assert.True(i < 6 || (table.TryLookup(Remote((uint)((i + 1) % 7)), out found) && found == $"value {i - 6}"));
        }
    }

    [Fact]
    public void A_reader_sees_a_replacement_whole()
    {
        RouteTable<int> table = new();
        RouteRow<int>[] Rows(int value) => [.. Enumerable.Range(0, 256).Select(i => new RouteRow<int>(ValueIPAddress.FromIPv4((uint)i << 24), 8, value))];
        table.Replace(Rows(1));
        bool isOver = false;
        long mixed = 0;
        long batches = 0;
        Thread reader = new(() =>
        {
            ValueIPAddress[] all = [.. Enumerable.Range(0, 256).Select(i => ValueIPAddress.FromIPv4(((uint)i << 24) | 77))];
            int[] values = new int[all.Length];
            while (!Volatile.Read(ref isOver))
            {
                mixed += table.Lookup(all, values) == all.Length && values.AsSpan().IndexOfAnyExcept(values[0]) < 0 ? 0 : 1;
                batches++;
            }
        });
        reader.Start();
        for (int i = 2; i < 300 || Volatile.Read(ref batches) < 10; i++)
        {
            table.Replace(Rows(i));
        }

        Volatile.Write(ref isOver, true);
        reader.Join();
        Assert.Equal(0, mixed);
    }

    private static ValueIPAddress Host(string network, uint number)
    {
        byte[] bytes = IP(network).ToIPAddress().GetAddressBytes();
        bytes[^2] = (byte)(number >> 8);
        bytes[^1] = (byte)number;
        return new ValueIPAddress(bytes);
    }

    private static void AssertSame(RouteTable<int> table, SlowRoutes<int> twin, IEnumerable<(ValueIPAddress Prefix, int Length)> prefixes)
    {
        ValueIPAddress[] edges = [.. prefixes.SelectMany(prefix => Edges(prefix.Prefix, prefix.Length)).Distinct()];
        int[] values = new int[edges.Length];
        int count = table.Lookup(edges, values);
        int found = 0;
        for (int i = 0; i < edges.Length; i++)
        {
            bool isThere = twin.TryLookup(edges[i], out int expected);
            found += isThere ? 1 : 0;
            Assert.True(table.TryLookup(edges[i], out int value) == isThere && value == expected, $"{edges[i]}: {value}, not {expected}");
            Assert.Equal(expected, values[i]);
        }

        Assert.Equal(found, count);
        Assert.Equal(twin.Rows.Count, table.Count);
        Assert.Equal(
            twin.Rows.Select(r => new RouteRow<int>(r.Key.Prefix, r.Key.Length, r.Value)).OrderBy(r => (r.Prefix, r.Length)), table.Snapshot());
        Assert.All(twin.Rows, row => Assert.True(table.TryGet(row.Key.Prefix, row.Key.Length, out int value) && value == row.Value));
    }

    /// <summary>The first and the last address of a prefix, and those next to it.</summary>
    private static IEnumerable<ValueIPAddress> Edges(ValueIPAddress prefix, int length)
    {
        byte[] first = prefix.ToIPAddress().GetAddressBytes();
        byte[] last = [.. first];
        for (int bit = length; bit < last.Length * 8; bit++)
        {
            last[bit / 8] |= (byte)(0x80 >> (bit % 8));
        }

        return [new ValueIPAddress(first), new ValueIPAddress(last), Step(first, -1), Step(last, 1)];
    }

    private static ValueIPAddress Step(byte[] address, int step)
    {
        byte[] result = [.. address];
        for (int i = result.Length - 1; i >= 0; i--)
        {
            result[i] += (byte)step;
            if (result[i] != (step > 0 ? 0x00 : 0xFF))
            {
                break;
            }
        }

        return new ValueIPAddress(result);
    }
}
