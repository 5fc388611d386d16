using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary>Bulk replace, and looking up in bulk.</summary>
public sealed class ForwardingTableReplaceTests
{
    private const long Start = 5_000_000_000;

    [Fact]
    public void A_set_replaces_all_of_its_origin_and_what_was_learned_of_its_keys()
    {
        ForwardingTable table = new();
        table.Set(Net, Mac(1), new FdbEntry(Remote(1)));
        table.Set(Net, Mac(2), new FdbEntry(Remote(2), 0, FdbOrigin.External));
        table.Set(Net, Mac(3), new FdbEntry(Remote(3), 0, FdbOrigin.External));
        table.Learn(Net, Mac(4), Remote(4), Start);
        table.Learn(Net, Mac(5), Remote(5), Start);

        ForwardingReplacement replaced = table.Replace(
            FdbOrigin.External,
            Set((1, 11), (3, 13), (4, 14), (6, 16)));
        Assert.Equal(new ForwardingReplacement(Present: 3, Removed: 1, Overruled: 1), replaced);
        Assert.Equal(
            [(1, Remote(1), FdbOrigin.Static), (3, Remote(13), FdbOrigin.External), (4, Remote(14), FdbOrigin.External), (5, Remote(5), FdbOrigin.Learned), (6, Remote(16), FdbOrigin.External)],
            table.Snapshot(Start).Select(row => ((int)(row.Mac.Value & 0xFF), row.Entry.Remote, row.Entry.Origin)).Order().ToArray());
        Assert.Equal(5, table.Count);
        Assert.Equal(5, table.CountOf(Net));

        // What was learned and stayed ages as before.
        Assert.Equal(1, table.Age(Start + 1_000, 1_000));

        // A static set takes what an external one has, and an empty one leaves nothing.
        Assert.Equal(new ForwardingReplacement(2, 0, 0), table.Replace(FdbOrigin.Static, Set((1, 21), (3, 23))));
        Assert.True(table.TryLookup(Net, Mac(3), out FdbEntry entry));
        Assert.Equal(new FdbEntry(Remote(23)), entry);
        Assert.Equal(new ForwardingReplacement(0, 2, 0), table.Replace(FdbOrigin.Static, []));
        Assert.Equal(new ForwardingReplacement(0, 2, 0), table.Replace(FdbOrigin.External, []));
        Assert.Equal(0, table.Count);
        Assert.Equal(0, table.CountOf(Net));
    }

    [Fact]
    public void Of_two_with_the_same_key_the_later_counts()
    {
        ForwardingTable table = new();
        Assert.Equal(new ForwardingReplacement(1, 0, 0), table.Replace(FdbOrigin.External, [.. Set((1, 1)), .. Set((1, 2)), .. Set((1, 3))]));
        Assert.True(table.TryLookup(Net, Mac(1), out FdbEntry entry));
        Assert.Equal(Remote(3), entry.Remote);
        Assert.Equal(1, table.Count);
    }

    [Fact]
    public void A_bad_set_changes_nothing_not_even_the_remotes()
    {
        ForwardingTable table = new();
        table.Replace(FdbOrigin.External, Set((1, 1), (2, 2)));
        table.Learn(Net, Mac(3), Remote(3), Start);
        Assert.Throws<ArgumentException>(() => table.Replace(FdbOrigin.External, [.. Set((1, 7), (3, 8)), new(new ForwardingKey(Net, Mac(9)), new FdbRemote(IP("239.0.0.1")))]));
        Assert.Throws<ArgumentException>(() => table.Replace(FdbOrigin.External, [.. Set((1, 7)), new(new ForwardingKey(Net, MacAddress.Broadcast), new FdbRemote(Remote(1)))]));
        Assert.Throws<ArgumentException>(() => table.Replace(FdbOrigin.External, [.. Set((1, 7)), new(default, new FdbRemote(Remote(1)))]));
        Assert.Throws<ArgumentException>(() => table.Replace(FdbOrigin.Learned, Set((1, 7))));
        Assert.Throws<ArgumentNullException>(() => table.Replace(FdbOrigin.External, null!));
        Assert.Equal(3, table.Count);
        Assert.True(table.TryLookup(Net, Mac(1), out int first));
        Assert.Equal(Remote(1), table.GetRemote(first).Address);

        // The indices of the remotes of the bad sets are given out again after their quarantine: nothing holds them.
        int capacity = table.RemoteCapacity;
        for (uint i = 0; i < 100; i++)
        {
            Assert.Throws<ArgumentException>(() => table.Replace(FdbOrigin.External, [.. Set((1, 100 + i)), new(default, default)]));
            table.Age(Start + (2 * i * ForwardingTable.RemoteQuarantineMilliseconds), long.MaxValue);
            table.Age(Start + (((2 * i) + 1) * ForwardingTable.RemoteQuarantineMilliseconds), long.MaxValue);
        }

        Assert.Equal(capacity, table.RemoteCapacity);
    }

    [Fact]
    public void Remotes_of_a_replaced_set_go_through_quarantine_and_come_back()
    {
        ForwardingTable table = new();
        for (uint i = 0; i < 200; i++)
        {
            table.Replace(FdbOrigin.External, Set((1, i), (2, i), (3, i + 1)));
            table.Age(Start + (2 * i * ForwardingTable.RemoteQuarantineMilliseconds), long.MaxValue);
            table.Age(Start + (((2 * i) + 1) * ForwardingTable.RemoteQuarantineMilliseconds), long.MaxValue);
        }

        Assert.InRange(table.RemoteCapacity, 1, 16);
        Assert.Equal([Remote(199), Remote(199), Remote(200)], table.Snapshot(Start).OrderBy(row => row.Mac).Select(row => row.Entry.Remote));
    }

    [Fact]
    public void A_remote_with_another_port_or_vni_has_another_index()
    {
        ForwardingTable table = new();
        table.Set(Net, Mac(1), new FdbEntry(Remote(1)));
        table.Set(Net, Mac(2), new FdbEntry(Remote(1)) { Vni = new Vni(0) });
        table.Set(Net, Mac(3), new FdbEntry(Remote(1)) { Vni = new Vni(0xFF_FFFF) });
        table.Replace(FdbOrigin.External, [new(new ForwardingKey(Net, Mac(4)), new FdbRemote(Remote(1), 8472) { Vni = new Vni(7) })]);
        int[] indices = new int[4];
        Assert.Equal(4, table.Lookup([new(Net, Mac(1)), new(Net, Mac(2)), new(Net, Mac(3)), new(Net, Mac(4))], indices));
        Assert.Equal(
            [new(Remote(1)), new(Remote(1)) { Vni = new Vni(0) }, new(Remote(1)) { Vni = new Vni(0xFF_FFFF) }, new FdbRemote(Remote(1), 8472) { Vni = new Vni(7) }],
            indices.Select(table.GetRemote));
        Assert.True(table.TryLookup(Net, Mac(4), out FdbEntry entry));
        Assert.Equal(new FdbEntry(Remote(1), 8472, FdbOrigin.External) { Vni = new Vni(7) }, entry);

        // Learning asks for the address only: who is expected there is no stranger there.
        Assert.False(table.NeedsLearning(Net, Mac(3), Remote(1), Start));
        Assert.Equal(default, table.Refusals);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(64)]
    [InlineData(1_000)]
    public void Looking_up_in_bulk_says_what_one_by_one_says(int count)
    {
        Random random = new(count);
        ForwardingTable table = new();
        for (int i = 0; i < 20_000; i++)
        {
            table.Set(new Vni((uint)random.Next(4) << 15), Mac((uint)random.Next(1, 8_000)), new FdbEntry(Remote((uint)random.Next(1, 500))));
        }

        ForwardingKey[] keys = [.. Enumerable.Range(0, count).Select(_ => new ForwardingKey(new Vni((uint)random.Next(4) << 15), Mac((uint)random.Next(12_000))))];
        int[] indices = new int[count + 3];
        Array.Fill(indices, 77);
        int found = table.Lookup(keys, indices);
        Assert.Equal(keys.Select(key => table.TryLookup(key.Vni, key.Mac, out int index) ? index : -1), indices.Take(count));
        Assert.Equal(indices.Take(count).Count(index => index >= 0), found);
        Assert.Equal([77, 77, 77], indices.Skip(count));
        Assert.True(count < 64 || (found > 0 && found < count));
    }

    [Fact]
    public void Answers_that_do_not_fit_are_refused_and_nothing_is_allocated()
    {
        ForwardingTable table = new();
        for (uint i = 1; i < 50; i++)
        {
            table.Set(Net, Mac(i), new FdbEntry(Remote(i)));
        }

        ForwardingKey[] keys = [.. Enumerable.Range(1, 100).Select(i => new ForwardingKey(Net, Mac((uint)i)))];
        Assert.Throws<ArgumentException>(() => table.Lookup(keys, new int[99]));
        int[] indices = new int[100];
        int found = 0;
        Allocations.Zero(() => found = table.Lookup(keys, indices));
        Assert.Equal(49, found);
    }

    private static KeyValuePair<ForwardingKey, FdbRemote>[] Set(params (uint Mac, uint Remote)[] set) =>
        [.. set.Select(e => new KeyValuePair<ForwardingKey, FdbRemote>(new ForwardingKey(Net, Mac(e.Mac)), new FdbRemote(Remote(e.Remote))))];
}
