using Overlay.Tables;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary>How much may be learned, and who makes way.</summary>
public sealed class ForwardingTableLimitTests
{
    private const long Start = 5_000_000_000;
    private const int Old = ForwardingTable.EvictionAgeMilliseconds;

    private static readonly Vni Other = new(0x01_002A); // the same low bits as Net

    [Fact]
    public void A_full_network_learns_nothing_new_and_leaves_the_others_alone()
    {
        ForwardingTable table = new(new ForwardingTableOptions { MaxEntries = 10, MaxEntriesPerVni = 3 });
        table.Set(Net, Mac(1), new FdbEntry(Remote(1)));
        Assert.True(table.Learn(Net, Mac(2), Remote(1), Start));
        Assert.True(table.Learn(Net, Mac(3), Remote(1), Start));
        Assert.False(table.NeedsLearning(Net, Mac(4), Remote(1), Start));
        Assert.False(table.Learn(Net, Mac(4), Remote(1), Start));
        Assert.Equal(2, table.Refusals.Full);
        Assert.Equal(3, table.CountOf(Net));

        Assert.True(table.NeedsLearning(Other, Mac(4), Remote(1), Start));
        Assert.True(table.Learn(Other, Mac(4), Remote(1), Start));
        Assert.Equal(1, table.CountOf(Other));

        // The owner is not bound; and what goes makes room.
        Assert.True(table.Set(Net, Mac(5), new FdbEntry(Remote(1))));
        Assert.Equal(4, table.CountOf(Net));
        table.Remove(Net, Mac(5));
        Assert.Equal(3, table.RemoveLearned(Remote(1)));
        Assert.Equal(1, table.CountOf(Net));
        Assert.True(table.Learn(Net, Mac(4), Remote(1), Start));
    }

    [Fact]
    public void The_oldest_learned_entry_makes_way_in_a_full_table()
    {
        ForwardingTable table = new(new ForwardingTableOptions { MaxEntries = 4, WhenFull = ForwardingOverflow.EvictOldest });
        table.Set(Other, Mac(1), new FdbEntry(Remote(1)));
        table.Learn(Net, Mac(2), Remote(1), Start);
        table.Learn(Other, Mac(3), Remote(1), Start + 1);
        table.Learn(Net, Mac(4), Remote(1), Start + 2);

        // Heard again: no longer the oldest.
        Assert.False(table.NeedsLearning(Net, Mac(2), Remote(1), Start + 1_500));
        Assert.True(table.NeedsLearning(Net, Mac(5), Remote(1), Start + Old + 100));
        Assert.True(table.Learn(Net, Mac(5), Remote(1), Start + Old + 100));
        Assert.Equal(1, table.Evictions);
        Assert.False(table.TryLookup(Other, Mac(3), out int _));
        Assert.True(table.Learn(Net, Mac(6), Remote(1), Start + Old + 101));
        Assert.False(table.TryLookup(Net, Mac(4), out int _));
        Assert.True(table.TryLookup(Net, Mac(2), out int _));
        Assert.True(table.TryLookup(Other, Mac(1), out int _));
        Assert.Equal(4, table.Count);
        Assert.Equal(2, table.Evictions);
        Assert.Equal(0, table.Refusals.Full);
    }

    [Fact]
    public void In_a_full_network_the_oldest_of_that_network_makes_way()
    {
        ForwardingTable table = new(new ForwardingTableOptions { MaxEntriesPerVni = 2, WhenFull = ForwardingOverflow.EvictOldest });
        table.Learn(Other, Mac(1), Remote(1), Start);
        table.Learn(Net, Mac(2), Remote(1), Start + 10);
        table.Learn(Net, Mac(3), Remote(1), Start + 20);
        Assert.True(table.Learn(Net, Mac(4), Remote(1), Start + 5_000));
        Assert.True(table.TryLookup(Other, Mac(1), out int _));
        Assert.False(table.TryLookup(Net, Mac(2), out int _));
        Assert.Equal(2, table.CountOf(Net));
    }

    [Fact]
    public void Who_was_just_heard_makes_way_for_nobody()
    {
        ForwardingTable table = new(new ForwardingTableOptions { MaxEntries = 2, WhenFull = ForwardingOverflow.EvictOldest });
        table.Set(Net, Mac(9), new FdbEntry(Remote(1)));
        table.Learn(Net, Mac(1), Remote(1), Start);
        Assert.False(table.Learn(Net, Mac(2), Remote(1), Start + Old - 1));
        Assert.Equal(1, table.Refusals.Full);

        // Workers know by then that asking is of no use until the entry is old enough.
        Assert.False(table.NeedsLearning(Net, Mac(2), Remote(1), Start + Old - 1));
        Assert.Equal(2, table.Refusals.Full);
        Assert.True(table.NeedsLearning(Net, Mac(2), Remote(1), Start + Old));
        Assert.True(table.Learn(Net, Mac(2), Remote(1), Start + Old + 100));
        Assert.Equal(1, table.Evictions);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void Whoever_was_evicted_was_the_oldest(int seed)
    {
        Random random = new(seed);
        ForwardingTable table = new(new ForwardingTableOptions { MaxEntries = 200, WhenFull = ForwardingOverflow.EvictOldest });
        Dictionary<MacAddress, long> heard = [];
        long now = Start;
        for (int i = 0; i < 30_000; i++)
        {
            now += random.Next(i % 10_000 < 5_000 ? 3 : 20); // a rush, in which nobody is old enough, and a calm
            MacAddress mac = Mac((uint)random.Next(1, 600));
            bool isKnown = heard.ContainsKey(mac);
            long evictions = table.Evictions;
            bool isLearned = table.Learn(Net, mac, Remote(1), now);
            if (table.Evictions != evictions)
            {
                MacAddress evicted = Assert.Single(heard.Keys, known => !table.TryLookup(Net, known, out int _));
                Assert.False(isKnown);
                Assert.Equal(heard.Values.Min(), heard[evicted]);
                Assert.True(now - heard[evicted] >= Old);
                heard.Remove(evicted);
            }

            Assert.True(isLearned || !isKnown);
            if (isLearned)
            {
                heard[mac] = now;
            }

            Assert.Equal(heard.Count, table.Count);
        }

        Assert.True(table.Evictions > 100 && table.Refusals.Full > 100, $"{table.Evictions} evictions, {table.Refusals.Full} refusals.");
    }

    [Fact]
    public void A_flood_evicts_nobody_who_talks_and_keeps_the_memory_flat()
    {
        const uint Known = 1_000;
        ForwardingTable table = new(new ForwardingTableOptions { MaxEntries = 5_000, WhenFull = ForwardingOverflow.EvictOldest });
        long now = Start;
        long bytes = 0;
        for (uint i = 0; i < 1_000_000; i++)
        {
            // A hundred thousand frames a second from addresses never seen before; the known hosts talk once a second.
            if (i % 100_000 == 0)
            {
                for (uint k = 1; k <= Known; k++)
                {
                    Assert.True(i == 0 ? table.Learn(Net, Mac(k), Remote(k % 7), now) : !table.NeedsLearning(Net, Mac(k), Remote(k % 7), now));
                }
            }

            now = Start + (i / 100);
            if (table.NeedsLearning(Net, Mac(0x10_0000 + i), Remote(9), now))
            {
                table.Learn(Net, Mac(0x10_0000 + i), Remote(9), now);
            }

            bytes = i == 20_000 ? table.Bytes : bytes;
        }

        Assert.Equal(5_000, table.Count);
        Assert.InRange(table.Bytes, 1, bytes);
        Assert.True(table.Evictions > 1_000);
        for (uint k = 1; k <= Known; k++)
        {
            Assert.True(table.TryLookup(Net, Mac(k), out FdbEntry entry));
            Assert.Equal(Remote(k % 7), entry.Remote);
        }
    }

    [Fact]
    public void Own_addresses_are_not_learned()
    {
        ForwardingTable table = new();
        table.Learn(Net, Mac(1), Remote(1), Start);
        Assert.True(table.AddOwn(Net, Mac(1)));
        Assert.False(table.AddOwn(Net, Mac(1)));
        Assert.False(table.TryLookup(Net, Mac(1), out int _));
        Assert.False(table.NeedsLearning(Net, Mac(1), Remote(1), Start));
        Assert.False(table.Learn(Net, Mac(1), Remote(1), Start));
        Assert.Equal(new LearnRefusals(0, 0, 0, Own: 2), table.Refusals);
        Assert.True(table.IsOwn(Net, Mac(1)));

        // In another network somebody else may have it; and the owner may say what he likes.
        Assert.False(table.IsOwn(Other, Mac(1)));
        Assert.True(table.Learn(Other, Mac(1), Remote(1), Start));
        Assert.True(table.Set(Net, Mac(1), new FdbEntry(Remote(2))));
        Assert.True(table.Remove(Net, Mac(1)));

        Assert.True(table.RemoveOwn(Net, Mac(1)));
        Assert.False(table.RemoveOwn(Net, Mac(1)));
        Assert.True(table.Learn(Net, Mac(1), Remote(1), Start));
        Assert.Throws<ArgumentException>(() => table.AddOwn(Net, MacAddress.Broadcast));
        Assert.Throws<ArgumentException>(() => table.AddOwn(Net, default));
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        ForwardingTableOptions[] bad =
        [
            new() { MaxEntries = 0 }, new() { MaxEntries = ForwardingTable.MaxEntriesLimit + 1 },
            new() { MaxEntriesPerVni = 0 }, new() { MaxEntriesPerVni = ForwardingTable.MaxEntriesLimit + 1 },
            new() { MoveLimit = -1 }, new() { MoveLimit = 65_536 },
            new() { MoveWindow = TimeSpan.Zero }, new() { MoveWindow = TimeSpan.FromDays(2) },
            new() { FreezeTime = TimeSpan.Zero }, new() { FreezeTime = TimeSpan.FromDays(2) },
            new() { WhenFull = (ForwardingOverflow)2 },
        ];
        Assert.All(bad, options => Assert.Throws<ArgumentOutOfRangeException>(() => new ForwardingTable(options)));
        Assert.All(bad, options => Assert.Throws<ArgumentOutOfRangeException>(() => new OverlayTables(options)));
        Assert.Throws<ArgumentNullException>(() => new ForwardingTable(null!));
        Assert.Equal((65_536, 5, TimeSpan.FromSeconds(180)), (new ForwardingTable().Options.MaxEntries, new ForwardingTable().Options.MoveLimit, new ForwardingTable().Options.MoveWindow));
    }
}
