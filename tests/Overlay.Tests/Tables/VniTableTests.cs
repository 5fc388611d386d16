using Overlay.Tables;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Tables;

public sealed class VniTableTests
{
    [Fact]
    public void A_vni_has_one_owner_and_a_second_one_is_refused_with_both_names()
    {
        VniTable<string> table = new();
        table.Add(new Vni(42), "blue", "its own");
        ArgumentException refusal = Assert.Throws<ArgumentException>(() => table.Add(new Vni(42), "green", "not its own"));
        Assert.Contains("VNI 42 of 'green' is that of 'blue'", refusal.Message, StringComparison.Ordinal);
        Assert.True(table.TryLookup(new Vni(42), out string? value));
        Assert.Equal(("its own", 1), (value, table.Count));

        Assert.True(table.Remove(new Vni(42)));
        Assert.False(table.Remove(new Vni(42)));
        Assert.False(table.TryLookup(new Vni(42), out value));
        Assert.Null(value);
        table.Add(new Vni(42), "green", "its own now");
        Assert.Equal([new VniRow<string>(new Vni(42), "green", "its own now")], table.Snapshot());
    }

    [Fact]
    public void Both_ends_of_the_range_are_vnis_like_any_other()
    {
        VniTable<int> table = new();
        Assert.False(table.TryLookup(default, out _));
        table.Add(default, "first", 1);
        table.Add(new Vni(Vni.MaxValue), "last", 2);
        Assert.True(table.TryLookup(default, out int first));
        Assert.True(table.TryLookup(new Vni(Vni.MaxValue), out int last));
        Assert.Equal((1, 2), (first, last));
        Assert.Equal([0u, Vni.MaxValue], table.Snapshot().Select(row => row.Vni.Value));
    }

    /// <summary>The same calls on a dictionary give the same answers, and no VNI another's.</summary>
    [Theory]
    [InlineData(1, 0xFFu)]
    [InlineData(2, 0x1FFFu)]
    [InlineData(3, Vni.MaxValue)]
    public void It_answers_as_a_dictionary_does(int seed, uint mask)
    {
        Random random = new(seed);
        VniTable<uint> table = new();
        SortedDictionary<uint, uint> twin = [];
        for (int i = 0; i < 20_000; i++)
        {
            uint number = (uint)random.Next() & mask;
            Vni vni = new(number);
            switch (random.Next(3))
            {
                case 0 when !twin.ContainsKey(number):
                    table.Add(vni, $"t{number}", (uint)i);
                    twin.Add(number, (uint)i);
                    break;
                case 1 when random.Next(4) == 0:
                    Assert.Equal(twin.Remove(number), table.Remove(vni));
                    break;
                default:
                    Assert.Equal(twin.TryGetValue(number, out uint expected), table.TryLookup(vni, out uint found));
                    Assert.Equal(expected, found);
                    break;
            }
        }

        Assert.Equal(twin.Count, table.Count);
        Assert.Equal(twin.Select(pair => new VniRow<uint>(new Vni(pair.Key), $"t{pair.Key}", pair.Value)), table.Snapshot());
    }

    [Fact]
    public void Four_thousand_vnis_in_a_row_are_found_and_their_neighbours_are_not()
    {
        VniTable<uint> table = new();
        for (uint i = 0; i < 4_096; i++)
        {
            table.Add(new Vni(10_000 + (2 * i)), "t", i);
        }

        for (uint i = 0; i < 4_096; i++)
        {
            Assert.True(table.TryLookup(new Vni(10_000 + (2 * i)), out uint value));
            Assert.Equal(i, value);
            Assert.False(table.TryLookup(new Vni(10_001 + (2 * i)), out _));
        }
    }

    [Fact]
    public void Readers_see_a_vni_with_its_own_value_or_not_at_all_while_the_writer_works()
    {
        VniTable<(uint, uint)> table = new();
        const uint Fixed = 77;
        table.Add(new Vni(Fixed), "fixed", (Fixed, ~Fixed));
        using ManualResetEventSlim stop = new();
        long seen = 0;
        Exception? failure = null;
        Thread[] readers = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            try
            {
                while (!stop.IsSet)
                {
                    for (uint i = 0; i < 200; i++)
                    {
                        bool found = table.TryLookup(new Vni(i), out (uint One, uint Other) value);
                        Assert.True(found || i != Fixed, "A VNI that nobody touched was gone.");
                        Assert.True(!found || (value.One == i && value.Other == ~i), $"VNI {i} has {value}.");
                        seen += found && i != Fixed ? 1 : 0;
                    }
                }
            }
            catch (Exception e)
            {
                failure = e;
            }
        }))];
        Array.ForEach(readers, reader => reader.Start());
        for (int round = 0; round < 200 || (Volatile.Read(ref seen) == 0 && failure is null && round < 200_000); round++)
        {
            for (uint i = 0; i < 200; i++)
            {
                if (i != Fixed)
                {
                    table.Add(new Vni(i), "moving", (i, ~i));
                }
            }

            for (uint i = 0; i < 200; i++)
            {
                if (i != Fixed)
                {
                    table.Remove(new Vni(i));
                }
            }
        }

        stop.Set();
        Array.ForEach(readers, reader => reader.Join());
        Assert.Null(failure);
        Assert.True(seen > 0, "No reader ever saw what the writer added.");
    }

    [Fact]
    public void Readers_allocate_nothing()
    {
        VniTable<object> table = new();
        table.Add(new Vni(7), "seven", this);
        int found = 0;
        Allocations.Zero(() =>
        {
            for (uint i = 0; i < 1_000; i++)
            {
                found += table.TryLookup(new Vni(i), out _) ? 1 : 0;
            }
        });
        Assert.True(found > 0);
    }
}
