using Overlay.Tables;
using Xunit;

namespace Overlay.Tests.Tables;

/// <summary>Ageing a part at a time: what a round removes is what was due, a call never does more than its part, and remotes that left are forgotten in time.</summary>
public sealed class ForwardingTableSweepTests
{
    private const long Start = 1_000_000;
    private const long MaxAge = 300_000;
    private const int Large = 200_000;
    private static readonly Vni Vni = new(42);

    [Fact]
    public void A_round_of_a_large_table_comes_in_parts_and_removes_what_was_due_and_nothing_else()
    {
        ForwardingTable table = new(1 << 20);
        for (int i = 0; i < Large; i++)
        {
            Assert.True(table.Learn(Vni, Mac(i), Remote(i % 7), Start + (i % 2)));
        }

        table.Set(Vni, Mac(Large), new FdbEntry(Remote(1), 0, FdbOrigin.External));
        int calls = 0;
        int removed = 0;
        bool isRound;
        do
        {
            int part = table.AgePart(Start + MaxAge, MaxAge, out isRound);
            Assert.InRange(part, 0, ForwardingTable.SweepSlots);
            removed += part;
            calls++;
        }
        while (!isRound);

        Assert.Equal((Large / 2, (Large / 2) + 1), (removed, table.Count));
        Assert.InRange(calls, 4, 16);
        Assert.All(Enumerable.Range(0, Large), i => Assert.Equal(i % 2 == 1, table.TryLookup(Vni, Mac(i), out FdbEntry _)));

        // The next round begins by itself.
        Assert.Equal(Large / 2, Round(table, Start + MaxAge + 1));
        Assert.Equal(1, table.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_happens_between_the_parts_what_was_old_at_the_beginning_is_gone_at_the_end_and_what_was_heard_is_not(int seed)
    {
        Random random = new(seed);
        ForwardingTable table = new(1 << 20);
        HashSet<int> young = [];
        for (int i = 0; i < Large; i++)
        {
            bool isYoung = random.Next(4) == 0;
            table.Learn(Vni, Mac(i), Remote(1), isYoung ? Start + 1_000 : Start);
            if (isYoung)
            {
                young.Add(i);
            }
        }

        long now = Start + MaxAge;
        int next = Large;
        bool isRound;
        do
        {
            table.AgePart(now, MaxAge, out isRound);
            switch (random.Next(4))
            {
                case 0:
                    // Segments are split.
                    for (int i = 0; i < 40_000; i++)
                    {
                        young.Add(next);
                        table.Learn(Vni, Mac(next++), Remote(2), now);
                    }

                    break;
                case 1:
                    // Segments are merged.
                    foreach (int i in young.Take(20_000).ToArray())
                    {
                        young.Remove(i);
                        table.Remove(Vni, Mac(i));
                    }

                    break;
                case 2:
                    // All segments are others.
                    table.Replace(FdbOrigin.External, [KeyValuePair.Create(new ForwardingKey(Vni, Mac(5_000_000 + random.Next(100))), new FdbRemote(Remote(3)))]);
                    break;
                default:
                    now += 10;
                    break;
            }
        }
        while (!isRound);

        table.Replace(FdbOrigin.External, []);
        Assert.Equal(young.Count, table.Count);
        Assert.All(young, i => Assert.True(table.TryLookup(Vni, Mac(i), out FdbEntry _)));
    }

    [Fact]
    public void Remotes_that_leave_a_large_table_are_forgotten_by_the_end_of_the_second_round_and_all_of_them_in_one_sweep()
    {
        OverlayTables tables = new(new ForwardingTableOptions { MaxEntries = 1 << 20 });
        for (int r = 0; r < 100; r++)
        {
            tables.Apply(OverlayUpdate.AddFlood(Vni, Remote(r)));
        }

        for (int i = 0; i < Large; i++)
        {
            tables.Learn(new LearnedAddress(Vni, Mac(i), Remote(i % 100)), knownOnly: true, Start);
        }

        // One leaves between two rounds, others while one is under way.
        tables.Apply(OverlayUpdate.RemoveFlood(Vni, Remote(0)));
        Assert.False(tables.IsKnownRemote(Remote(0)));
        tables.AgePart(Start, MaxAge, out bool isRound);
        Assert.False(isRound);
        for (int r = 1; r < 50; r++)
        {
            tables.Apply(OverlayUpdate.RemoveFlood(Vni, Remote(r)));
        }

        Finish(tables);
        Assert.DoesNotContain(tables.Forwarding.Snapshot(Start), row => row.Entry.Remote == Remote(0));
        Finish(tables);
        Assert.Equal(Large / 2, tables.Forwarding.Count);
        Assert.All(tables.Forwarding.Snapshot(Start), row => Assert.True(tables.IsKnownRemote(row.Entry.Remote)));

        // Who comes back later is taken as anybody.
        tables.Apply(OverlayUpdate.AddFlood(Vni, Remote(0)));
        Assert.True(tables.Learn(new LearnedAddress(Vni, Mac(0), Remote(0)), knownOnly: true, Start));
        Finish(tables);
        Finish(tables);
        Assert.Equal((Large / 2) + 1, tables.Forwarding.Count);
    }

    [Fact]
    public void From_a_small_table_a_remote_is_gone_at_once()
    {
        OverlayTables tables = new();
        tables.Apply(OverlayUpdate.AddFlood(Vni, Remote(1)));
        for (int i = 0; i < 60_000; i++)
        {
            tables.Learn(new LearnedAddress(Vni, Mac(i), Remote(1)), knownOnly: true, Start);
        }

        tables.Apply(OverlayUpdate.RemoveFlood(Vni, Remote(1)));
        Assert.Equal(0, tables.Forwarding.Count);
    }

    [Fact]
    public void A_whole_ageing_in_the_middle_of_a_round_is_whole()
    {
        ForwardingTable table = new(1 << 20);
        for (int i = 0; i < Large; i++)
        {
            table.Learn(Vni, Mac(i), Remote(1), Start);
        }

        table.AgePart(Start, MaxAge, out bool isRound);
        Assert.False(isRound);
        Assert.Equal(Large, table.Age(Start + MaxAge, MaxAge));
        Assert.Equal(0, table.Count);
        Assert.Equal(0, table.AgePart(Start + MaxAge, MaxAge, out isRound));
        Assert.True(isRound);
        Assert.Throws<ArgumentOutOfRangeException>(() => table.AgePart(Start, -1, out _));
    }

    [Fact]
    public void Neighbors_age_in_parts_too_also_when_the_table_is_written_anew_between()
    {
        const int Neighbors = 300_000;
        NeighborTable table = new(new NeighborTableOptions { MaxLearned = 1 << 20 });
        for (int i = 0; i < Neighbors; i++)
        {
            Assert.True(table.Learn(Vni, ValueIPAddress.FromIPv4(0x0A00_0000u + (uint)i), Mac(i), NeighborFlags.Override, Start + (i % 2)));
        }

        int calls = 0;
        int removed = 0;
        bool isRound;
        do
        {
            int part = table.AgePart(Start + MaxAge, MaxAge, out isRound);
            Assert.InRange(part, 0, NeighborTable.SweepSlots);
            removed += part;
            calls++;
            if (calls == 3)
            {
                // It grows, and the round begins anew.
                for (int i = 0; i < 200_000; i++)
                {
                    table.Learn(Vni, ValueIPAddress.FromIPv4(0x0B00_0000u + (uint)i), Mac(i), NeighborFlags.Override, Start + MaxAge);
                }
            }
        }
        while (!isRound);

        Assert.Equal((Neighbors / 2, (Neighbors / 2) + 200_000), (removed, table.LearnedCount));
        Assert.InRange(calls, 8, 40);
        Assert.Equal(Neighbors / 2, table.Age(Start + MaxAge + 1, MaxAge));
    }

    private static int Round(ForwardingTable table, long now)
    {
        int removed = 0;
        bool isRound;
        do
        {
            removed += table.AgePart(now, MaxAge, out isRound);
        }
        while (!isRound);

        return removed;
    }

    private static void Finish(OverlayTables tables)
    {
        bool isRound;
        do
        {
            tables.AgePart(Start, MaxAge, out isRound);
        }
        while (!isRound);
    }

    private static MacAddress Mac(int number) => MacAddress.FromValue(0x0200_0000_0000UL + (uint)number);

    private static ValueIPAddress Remote(int number) => ValueIPAddress.FromIPv4(0xC000_0200u + (uint)number);
}
