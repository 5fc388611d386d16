using Overlay.Tables;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary>RFC 7432 §15.1: five moves within 180 s, and an address is frozen where it is.</summary>
public sealed class ForwardingTableMoveTests
{
    private const long Start = 5_000_000_000;
    private const long Window = 180_000;
    private const long Frost = 180_000;

    [Fact]
    public void The_fifth_move_within_180_seconds_is_the_last()
    {
        ForwardingTable table = Moved(5, out long now);
        Assert.Equal((5, 1, 1), (table.Moves, table.Freezes, table.FrozenCount));
        Assert.True(Assert.Single(table.Snapshot(now)).IsFrozen);

        Assert.False(table.NeedsLearning(Net, Mac(1), Remote(9), now));
        Assert.False(table.Learn(Net, Mac(1), Remote(9), now));
        Assert.Equal(new LearnRefusals(0, 0, 0, Frozen: 2), table.Refusals);
        Assert.Equal(5, table.Moves);
        Assert.True(table.TryLookup(Net, Mac(1), out FdbEntry entry));
        Assert.Equal(new FdbEntry(Remote(5), 0, FdbOrigin.Learned), entry);

        // Where it is it may be heard; that is no offence.
        Assert.True(table.Learn(Net, Mac(1), Remote(5), now));
        Assert.False(table.NeedsLearning(Net, Mac(1), Remote(5), now + 5_000));
        Assert.Equal(2, table.Refusals.Frozen);
        Assert.True(Assert.Single(table.Snapshot(now + 5_000)).IsFrozen);
    }

    [Fact]
    public void Four_moves_freeze_nothing_and_the_window_ends_180_seconds_after_the_first()
    {
        ForwardingTable table = new();
        table.Learn(Net, Mac(1), Remote(0x100), Start);
        for (uint i = 0; i < 40; i++)
        {
            // Every 45 s: the fifth move would come exactly when the window of the first ends, and opens the next one.
            Assert.True(table.Learn(Net, Mac(1), Remote(i), Start + (i * Window / 4)));
        }

        Assert.Equal((40, 0, 0), (table.Moves, table.Freezes, table.FrozenCount));
    }

    [Fact]
    public void A_millisecond_less_and_it_is_frozen()
    {
        ForwardingTable table = new();
        table.Learn(Net, Mac(1), Remote(0x100), Start);
        for (uint i = 0; i < 4; i++)
        {
            table.Learn(Net, Mac(1), Remote(i), Start);
        }

        Assert.True(table.Learn(Net, Mac(1), Remote(4), Start + Window - 1));
        Assert.Equal(1, table.FrozenCount);
    }

    [Fact]
    public void It_thaws_after_its_time()
    {
        ForwardingTable table = Moved(5, out long now);
        table.Age(now + Frost - 1, long.MaxValue);
        Assert.False(table.NeedsLearning(Net, Mac(1), Remote(9), now + Frost - 1));
        table.Age(now + Frost, long.MaxValue);
        Assert.Equal(0, table.FrozenCount);
        Assert.False(Assert.Single(table.Snapshot(now)).IsFrozen);
        Assert.True(table.NeedsLearning(Net, Mac(1), Remote(9), now + Frost));

        // It counts from the beginning again.
        for (uint i = 0; i < 4; i++)
        {
            Assert.True(table.Learn(Net, Mac(1), Remote(10 + i), now + Frost));
        }

        Assert.Equal((1, 0), (table.Freezes, table.FrozenCount));
        Assert.True(table.Learn(Net, Mac(1), Remote(20), now + Frost));
        Assert.Equal((2, 1), (table.Freezes, table.FrozenCount));
    }

    [Fact]
    public void It_thaws_without_ageing_when_it_is_learned_late_enough()
    {
        ForwardingTable table = Moved(5, out long now);
        Assert.False(table.Learn(Net, Mac(1), Remote(9), now + Frost - 1));
        Assert.True(table.Learn(Net, Mac(1), Remote(9), now + Frost));
        Assert.Equal(0, table.FrozenCount);
    }

    [Theory]
    [InlineData("remove")]
    [InlineData("set")]
    [InlineData("age")]
    [InlineData("flush")]
    [InlineData("replace")]
    [InlineData("own")]
    public void When_its_entry_goes_the_frost_is_over(string how)
    {
        ForwardingTable table = Moved(5, out long now);
        switch (how)
        {
            case "remove": table.Remove(Net, Mac(1)); break;
            case "set": table.Set(Net, Mac(1), new FdbEntry(Remote(1))); break;
            case "age": table.Age(now + 10_000, 10_000); break;
            case "flush": table.RemoveLearned(Remote(5)); break;
            case "replace": table.Replace(FdbOrigin.External, [new(new ForwardingKey(Net, Mac(1)), new FdbRemote(Remote(1)))]); break;
            default: table.AddOwn(Net, Mac(1)); break;
        }

        Assert.Equal(0, table.FrozenCount);
        table.Remove(Net, Mac(1));
        table.RemoveOwn(Net, Mac(1));
        for (uint i = 0; i < 5; i++)
        {
            Assert.True(table.Learn(Net, Mac(1), Remote(10 + i), now));
        }

        Assert.Equal(0, table.FrozenCount);
        Assert.Equal(1, table.Freezes);
    }

    [Fact]
    public void Other_addresses_and_other_networks_move_as_before()
    {
        ForwardingTable table = Moved(5, out long now);
        Assert.True(table.Learn(new Vni(43), Mac(1), Remote(1), now));
        Assert.True(table.Learn(new Vni(43), Mac(1), Remote(2), now));
        Assert.True(table.Learn(Net, Mac(2), Remote(1), now));
        Assert.True(table.Learn(Net, Mac(2), Remote(2), now));
        Assert.Equal(1, table.FrozenCount);
    }

    [Fact]
    public void A_limit_of_zero_freezes_nothing_and_of_one_at_once()
    {
        ForwardingTable never = new(new ForwardingTableOptions { MoveLimit = 0 });
        ForwardingTable once = new(new ForwardingTableOptions { MoveLimit = 1 });
        for (uint i = 0; i < 100; i++)
        {
            Assert.True(never.Learn(Net, Mac(1), Remote(i), Start));
            Assert.Equal(i < 2, once.Learn(Net, Mac(1), Remote(i), Start));
        }

        Assert.Equal((99, 0), (never.Moves, never.Freezes));
        Assert.Equal((1, 1), (once.Moves, once.Freezes));
    }

    private static ForwardingTable Moved(uint moves, out long now)
    {
        ForwardingTable table = new();
        now = Start;
        for (uint i = 0; i <= moves; i++)
        {
            Assert.True(table.NeedsLearning(Net, Mac(1), Remote(i), now += 10));
            Assert.True(table.Learn(Net, Mac(1), Remote(i), now));
        }

        return table;
    }
}
