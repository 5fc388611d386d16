using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

public sealed class ForwardingTableTests
{
    private const long Start = 5_000_000_000; // beyond 32 bits: idle times are counted in the lower 32

    [Fact]
    public void An_empty_table_finds_nothing()
    {
        ForwardingTable table = new();
        Assert.False(table.TryLookup(Net, Mac(1), out FdbEntry entry));
        Assert.Equal(default, entry);
        Assert.False(table.TryLookup(Net, default, out int _));
        Assert.False(table.TryLookup(default, default, out int _));
        Assert.Equal(0, table.Count);
        Assert.Equal(65_536, table.MaxEntries);
    }

    [Fact]
    public void What_was_set_is_found_until_it_is_removed()
    {
        ForwardingTable table = new();
        FdbEntry first = new(Remote(1), 8472, FdbOrigin.Static);
        FdbEntry second = new(IP("2001:db8::2"), 0, FdbOrigin.External);
        Assert.True(table.Set(Net, Mac(1), first));
        Assert.True(table.TryLookup(Net, Mac(1), out FdbEntry found));
        Assert.Equal(first, found);

        Assert.False(table.Set(Net, Mac(1), second));
        Assert.True(table.TryLookup(Net, Mac(1), out found));
        Assert.Equal(second, found);
        Assert.Equal(1, table.Count);

        Assert.True(table.Remove(Net, Mac(1)));
        Assert.False(table.Remove(Net, Mac(1)));
        Assert.False(table.TryLookup(Net, Mac(1), out found));
        Assert.Equal(0, table.Count);

        Assert.True(table.Set(Net, Mac(1), first));
        Assert.True(table.TryLookup(Net, Mac(1), out found));
        Assert.Equal(first, found);
    }

    [Fact]
    public void The_index_stands_for_address_and_port()
    {
        ForwardingTable table = new();
        table.Set(Net, Mac(1), new FdbEntry(Remote(1), 4789));
        table.Set(Net, Mac(2), new FdbEntry(Remote(1), 8472));
        table.Set(Net, Mac(3), new FdbEntry(Remote(1), 4789, FdbOrigin.External));
        Assert.True(table.TryLookup(Net, Mac(1), out int first));
        Assert.True(table.TryLookup(Net, Mac(2), out int second));
        Assert.True(table.TryLookup(Net, Mac(3), out int third));
        Assert.Equal(new FdbRemote(Remote(1), 4789), table.GetRemote(first));
        Assert.Equal(new FdbRemote(Remote(1), 8472), table.GetRemote(second));
        Assert.Equal(first, third);
        Assert.InRange(Math.Max(first, second), 0, table.RemoteCapacity - 1);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(0x01_0000u)]
    [InlineData(0xFF_0000u)]
    public void The_zero_address_is_never_found_and_ends_the_walk_in_every_network(uint vni)
    {
        // Its key is zero, as an empty slot's is, where the low bits of the VNI are.
        ForwardingTable table = new();
        for (uint i = 1; i <= 100; i++)
        {
            table.Set(new Vni(vni), Mac(i), new FdbEntry(Remote(i)));
        }

        Assert.False(table.TryLookup(new Vni(vni), default, out FdbEntry _));
        Assert.False(table.TryLookup(new Vni(vni), default, out int _));
        Assert.False(table.NeedsLearning(new Vni(vni), default, Remote(1), Start));
        Assert.False(table.Remove(new Vni(vni), default));
    }

    [Theory]
    [InlineData(0u, 1u)]
    [InlineData(0u, 0x01_0000u)]
    [InlineData(0u, 0xFF_0000u)]
    [InlineData(0x00_FFFFu, 0xFF_FFFFu)]
    [InlineData(0x12_3456u, 0x13_3456u)]
    [InlineData(0x80_0000u, 0x00_0000u)]
    public void The_same_mac_address_in_two_networks_is_two_entries(uint one, uint other)
    {
        ForwardingTable table = new();
        table.Set(new Vni(one), Mac(7), new FdbEntry(Remote(1)));
        Assert.False(table.TryLookup(new Vni(other), Mac(7), out int _));

        table.Set(new Vni(other), Mac(7), new FdbEntry(Remote(2)));
        Assert.True(table.TryLookup(new Vni(one), Mac(7), out FdbEntry found));
        Assert.Equal(Remote(1), found.Remote);
        Assert.True(table.TryLookup(new Vni(other), Mac(7), out found));
        Assert.Equal(Remote(2), found.Remote);

        Assert.True(table.Remove(new Vni(one), Mac(7)));
        Assert.False(table.TryLookup(new Vni(one), Mac(7), out found));
        Assert.True(table.TryLookup(new Vni(other), Mac(7), out found));
        Assert.Equal(Remote(2), found.Remote);
    }

    [Fact]
    public void All_256_networks_with_the_same_low_bits_are_apart()
    {
        ForwardingTable table = new();
        for (uint high = 0; high < 256; high++)
        {
            table.Set(new Vni((high << 16) | 0x1234), Mac(7), new FdbEntry(Remote(high + 1)));
        }

        for (uint high = 0; high < 256; high++)
        {
            Assert.True(table.TryLookup(new Vni((high << 16) | 0x1234), Mac(7), out FdbEntry found));
            Assert.Equal(Remote(high + 1), found.Remote);
        }

        Assert.Equal(256, table.Snapshot(Start).Select(r => r.Vni).Distinct().Count());
    }

    [Fact]
    public void A_learned_address_moves_when_it_is_learned_elsewhere()
    {
        ForwardingTable table = new();
        Assert.True(table.NeedsLearning(Net, Mac(1), Remote(1), Start));
        Assert.True(table.Learn(Net, Mac(1), Remote(1), Start));
        Assert.False(table.NeedsLearning(Net, Mac(1), Remote(1), Start));
        Assert.True(table.TryLookup(Net, Mac(1), out FdbEntry found));
        Assert.Equal(new FdbEntry(Remote(1), 0, FdbOrigin.Learned), found);
        Assert.Equal(0, table.Moves);

        Assert.True(table.NeedsLearning(Net, Mac(1), Remote(2), Start));
        Assert.True(table.Learn(Net, Mac(1), Remote(2), Start));
        Assert.True(table.TryLookup(Net, Mac(1), out found));
        Assert.Equal(Remote(2), found.Remote);
        Assert.Equal(1, table.Moves);
        Assert.Equal(1, table.Count);
        Assert.Equal(default, table.Refusals);
    }

    [Theory]
    [InlineData(FdbOrigin.Static)]
    [InlineData(FdbOrigin.External)]
    public void What_was_set_is_never_overwritten_by_learning(FdbOrigin origin)
    {
        ForwardingTable table = new();
        FdbEntry entry = new(Remote(1), 8472, origin);
        table.Set(Net, Mac(1), entry);

        // The rightful remote is no offence, another one is.
        Assert.False(table.NeedsLearning(Net, Mac(1), Remote(1), Start));
        Assert.False(table.Learn(Net, Mac(1), Remote(1), Start));
        Assert.Equal(0, table.Refusals.Protected);
        Assert.False(table.NeedsLearning(Net, Mac(1), Remote(2), Start));
        Assert.False(table.Learn(Net, Mac(1), Remote(2), Start));
        Assert.Equal(new LearnRefusals(Full: 0, Protected: 2, Invalid: 0), table.Refusals);

        Assert.Equal(0, table.Age(Start + 1_000_000, 0));
        Assert.Equal(0, table.RemoveLearned(Remote(1)));
        Assert.True(table.TryLookup(Net, Mac(1), out FdbEntry found));
        Assert.Equal(entry, found);
    }

    [Fact]
    public void Setting_replaces_what_was_learned()
    {
        ForwardingTable table = new();
        table.Learn(Net, Mac(1), Remote(1), Start);
        Assert.False(table.Set(Net, Mac(1), new FdbEntry(Remote(2))));
        Assert.False(table.Learn(Net, Mac(1), Remote(1), Start));
        Assert.Equal(0, table.Age(Start + 1_000_000, 1));
        Assert.True(table.TryLookup(Net, Mac(1), out FdbEntry found));
        Assert.Equal(Remote(2), found.Remote);
    }

    [Theory]
    [InlineData("00:00:00:00:00:00", "10.0.0.1")]
    [InlineData("ff:ff:ff:ff:ff:ff", "10.0.0.1")]
    [InlineData("01:00:5e:00:00:01", "10.0.0.1")]
    [InlineData("33:33:00:00:00:01", "10.0.0.1")]
    [InlineData("02:00:00:00:00:01", "0.0.0.0")]
    [InlineData("02:00:00:00:00:01", "::")]
    [InlineData("02:00:00:00:00:01", "239.1.1.1")]
    [InlineData("02:00:00:00:00:01", "255.255.255.255")]
    [InlineData("02:00:00:00:00:01", "ff02::1")]
    public void What_is_no_unicast_address_is_neither_learned_nor_set(string macText, string remoteText)
    {
        ForwardingTable table = new();
        MacAddress mac = MacAddress.Parse(macText);
        ValueIPAddress remote = IP(remoteText);
        Assert.False(table.NeedsLearning(Net, mac, remote, Start));
        Assert.False(table.Learn(Net, mac, remote, Start));
        Assert.Equal(new LearnRefusals(Full: 0, Protected: 0, Invalid: 2), table.Refusals);
        Assert.Throws<ArgumentException>(() => table.Set(Net, mac, new FdbEntry(remote)));
        Assert.Equal(0, table.Count);
        Assert.False(table.TryLookup(Net, mac, out int _));
    }

    [Theory]
    [InlineData(FdbOrigin.Learned)]
    [InlineData((FdbOrigin)3)]
    public void Only_static_and_external_entries_are_set(FdbOrigin origin)
    {
        ForwardingTable table = new();
        Assert.Throws<ArgumentException>(() => table.Set(Net, Mac(1), new FdbEntry(Remote(1), 0, origin)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(ForwardingTable.MaxEntriesLimit + 1)]
    public void A_table_that_may_learn_nothing_or_too_much_is_refused(int maxEntries) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ForwardingTable(maxEntries));

    [Fact]
    public void A_full_table_learns_nothing_new_but_goes_on_knowing_what_it_knows()
    {
        ForwardingTable table = new(3);
        table.Set(Net, Mac(1), new FdbEntry(Remote(1)));
        Assert.True(table.Learn(Net, Mac(2), Remote(1), Start));
        Assert.True(table.Learn(Net, Mac(3), Remote(1), Start));

        Assert.False(table.NeedsLearning(Net, Mac(4), Remote(1), Start));
        Assert.False(table.Learn(Net, Mac(4), Remote(1), Start));
        Assert.Equal(new LearnRefusals(Full: 2, Protected: 0, Invalid: 0), table.Refusals);

        // Moving and hearing again need no room.
        Assert.True(table.NeedsLearning(Net, Mac(3), Remote(2), Start));
        Assert.True(table.Learn(Net, Mac(3), Remote(2), Start));
        Assert.True(table.Learn(Net, Mac(2), Remote(1), Start));

        // The owner is not bound by what strangers filled.
        Assert.True(table.Set(Net, Mac(5), new FdbEntry(Remote(3))));
        Assert.Equal(4, table.Count);
        table.Remove(Net, Mac(5));
        table.Remove(Net, Mac(2));
        Assert.True(table.NeedsLearning(Net, Mac(4), Remote(1), Start));
        Assert.True(table.Learn(Net, Mac(4), Remote(1), Start));
    }

    [Fact]
    public void A_million_source_addresses_leave_the_table_at_its_cap_and_the_known_ones_in_place()
    {
        const int Cap = 1_000;
        ForwardingTable table = new(Cap);
        for (uint i = 0; i < Cap; i++)
        {
            table.Learn(Net, Mac(i + 1), Remote(i % 7), Start);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (uint i = 0; i < 1_000_000; i++)
        {
            if (table.NeedsLearning(Net, Mac(0x10_0000 + i), Remote(i), Start))
            {
                Assert.Fail("A full table wants to learn.");
            }
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(Cap, table.Count);
        Assert.Equal(1_000_000, table.Refusals.Full);
        for (uint i = 0; i < Cap; i++)
        {
            Assert.True(table.TryLookup(Net, Mac(i + 1), out FdbEntry found));
            Assert.Equal(Remote(i % 7), found.Remote);
        }
    }

    [Fact]
    public void A_stranger_who_forges_a_remote_per_packet_does_not_fill_the_memory()
    {
        ForwardingTable table = new(new ForwardingTableOptions { MaxEntries = 16, MoveLimit = 0 });
        int learned = 0;
        for (uint i = 1; i <= 100_000; i++)
        {
            learned += table.Learn(Net, Mac(1), Remote(i), Start) ? 1 : 0;
        }

        // Each move holds an index in quarantine; when the bound is reached the entry stays where it is.
        Assert.Equal(1_024, learned);
        Assert.Equal(100_000 - 1_024, table.Refusals.Full);
        Assert.True(table.RemoteCapacity <= 1_024);
        Assert.True(table.TryLookup(Net, Mac(1), out FdbEntry found));
        Assert.Equal(Remote(1_024), found.Remote);

        table.Age(Start, 300_000);
        table.Age(Start + ForwardingTable.RemoteQuarantineMilliseconds, 300_000);
        Assert.True(table.Learn(Net, Mac(1), Remote(99_999), Start));
    }

    [Theory]
    [InlineData(299_999, false)]
    [InlineData(300_000, true)]
    [InlineData(300_001, true)]
    public void An_entry_ages_out_at_the_exact_millisecond(long later, bool isGone)
    {
        ForwardingTable table = new();
        table.Learn(Net, Mac(1), Remote(1), Start);
        Assert.Equal(isGone ? 1 : 0, table.Age(Start + later, 300_000));
        Assert.Equal(!isGone, table.TryLookup(Net, Mac(1), out int _));
        Assert.Equal(isGone ? 0 : 1, table.Count);
    }

    [Fact]
    public void The_low_32_bits_of_time_may_wrap()
    {
        const long Wrap = 1L << 32;
        ForwardingTable table = new();
        table.Learn(Net, Mac(1), Remote(1), Wrap - 100);
        Assert.Equal(0, table.Age(Wrap + 899, 1_000));
        Assert.False(table.NeedsLearning(Net, Mac(1), Remote(1), Wrap + 900));
        Assert.Equal(0, table.Age(Wrap + 1_899, 1_000));
        Assert.Equal(1, table.Age(Wrap + 1_900, 1_000));
    }

    [Fact]
    public void Looking_up_keeps_no_entry()
    {
        ForwardingTable table = new();
        table.Learn(Net, Mac(1), Remote(1), Start);
        for (long t = 0; t < 300_000; t += 1_000)
        {
            Assert.True(table.TryLookup(Net, Mac(1), out FdbEntry _));
            Assert.Equal(0, table.Age(Start + t, 300_000));
        }

        Assert.Equal(1, table.Age(Start + 300_000, 300_000));
    }

    [Theory]
    [InlineData(999, 10_000)]   // too soon to be noted again
    [InlineData(1_000, 11_000)] // noted
    [InlineData(9_999, 19_999)]
    public void Hearing_again_keeps_an_entry_and_is_noted_once_a_second(long heardAgain, long goneAt)
    {
        ForwardingTable table = new();
        table.Learn(Net, Mac(1), Remote(1), Start);
        Assert.False(table.NeedsLearning(Net, Mac(1), Remote(1), Start + heardAgain));
        Assert.Equal(0, table.Age(Start + goneAt - 1, 10_000));
        Assert.Equal(1, table.Age(Start + goneAt, 10_000));
    }

    [Fact]
    public void A_clock_read_earlier_on_another_thread_makes_nothing_old()
    {
        ForwardingTable table = new();
        table.Learn(Net, Mac(1), Remote(1), Start);
        Assert.False(table.NeedsLearning(Net, Mac(1), Remote(1), Start - 50));
        Assert.Equal(0, table.Age(Start - 50, 1_000));
        Assert.Equal(0, table.Age(Start + 999, 1_000));
        Assert.Equal(0, Assert.Single(table.Snapshot(Start - 50)).IdleMilliseconds);
    }

    [Fact]
    public void Age_zero_flushes_all_that_was_learned_and_a_huge_one_nothing()
    {
        ForwardingTable table = new();
        table.Set(Net, Mac(1), new FdbEntry(Remote(1)));
        for (uint i = 2; i <= 500; i++)
        {
            table.Learn(Net, Mac(i), Remote(1), Start);
        }

        Assert.Equal(0, table.Age(Start + int.MaxValue, int.MaxValue + 1L));
        Assert.Equal(0, table.Age(Start + 1_000, long.MaxValue));
        Assert.Equal(499, table.Age(Start, 0));
        Assert.Equal(1, table.Count);
        Assert.True(table.TryLookup(Net, Mac(1), out int _));
        Assert.Throws<ArgumentOutOfRangeException>(() => table.Age(Start, -1));
    }

    [Fact]
    public void Ten_thousand_entries_of_one_remote_are_flushed_completely()
    {
        ForwardingTable table = new();
        for (uint i = 1; i <= 10_000; i++)
        {
            table.Learn(Net, Mac(i), Remote(1), Start);
            table.Learn(Net, Mac(0x10_0000 + i), Remote(2), Start);
        }

        Assert.Equal(10_000, table.RemoveLearned(Remote(1)));
        Assert.Equal(0, table.RemoveLearned(Remote(1)));
        Assert.Equal(0, table.RemoveLearned(Remote(3)));
        Assert.Equal(10_000, table.Count);
        Assert.All(table.Snapshot(Start), row => Assert.Equal(Remote(2), row.Entry.Remote));
    }

    [Fact]
    public void An_index_without_entries_is_given_to_another_remote_only_after_the_quarantine()
    {
        const long Quarantine = ForwardingTable.RemoteQuarantineMilliseconds;
        ForwardingTable table = new();
        table.Set(Net, Mac(1), new FdbEntry(Remote(1)));
        Assert.True(table.TryLookup(Net, Mac(1), out int index));
        table.Remove(Net, Mac(1));
        Assert.Equal(new FdbRemote(Remote(1)), table.GetRemote(index));

        // The quarantine runs from the first Age after the removal, since nothing else knows the time.
        Assert.NotEqual(index, IndexOfNew(table, 2));
        table.Age(Start, long.MaxValue);
        Assert.NotEqual(index, IndexOfNew(table, 3));
        table.Age(Start + Quarantine - 1, long.MaxValue);
        Assert.NotEqual(index, IndexOfNew(table, 4));
        Assert.Equal(new FdbRemote(Remote(1)), table.GetRemote(index));

        table.Age(Start + Quarantine, long.MaxValue);
        int version = table.RemotesVersion;
        Assert.Equal(index, IndexOfNew(table, 5));
        Assert.NotEqual(version, table.RemotesVersion);
        Assert.Equal(new FdbRemote(Remote(5)), table.GetRemote(index));
    }

    [Fact]
    public void A_remote_that_comes_back_in_quarantine_gets_its_index_again_and_a_full_quarantine_later()
    {
        const long Quarantine = ForwardingTable.RemoteQuarantineMilliseconds;
        ForwardingTable table = new();
        table.Set(Net, Mac(1), new FdbEntry(Remote(1)));
        Assert.True(table.TryLookup(Net, Mac(1), out int index));
        table.Remove(Net, Mac(1));
        table.Age(Start, long.MaxValue);
        table.Set(Net, Mac(1), new FdbEntry(Remote(1)));
        Assert.True(table.TryLookup(Net, Mac(1), out int again));
        Assert.Equal(index, again);

        table.Remove(Net, Mac(1));
        table.Age(Start + Quarantine, long.MaxValue);
        Assert.NotEqual(index, IndexOfNew(table, 2));
        table.Age(Start + (2 * Quarantine) - 1, long.MaxValue);
        Assert.NotEqual(index, IndexOfNew(table, 3));
        table.Age(Start + (2 * Quarantine), long.MaxValue);
        Assert.Equal(index, IndexOfNew(table, 4));
    }

    [Fact]
    public void An_index_in_use_is_never_given_away()
    {
        ForwardingTable table = new();
        table.Set(Net, Mac(1), new FdbEntry(Remote(1)));
        table.Set(Net, Mac(2), new FdbEntry(Remote(1)));
        Assert.True(table.TryLookup(Net, Mac(1), out int index));
        table.Remove(Net, Mac(1));
        for (uint i = 0; i < 50; i++)
        {
            table.Age(Start + (i * 20_000L), long.MaxValue);
            Assert.NotEqual(index, IndexOfNew(table, 100 + i));
        }

        Assert.Equal(new FdbRemote(Remote(1)), table.GetRemote(index));
    }

    [Fact]
    public void The_snapshot_shows_every_row()
    {
        ForwardingTable table = new();
        table.Set(new Vni(0xFF_FFFF), Mac(1), new FdbEntry(Remote(1), 8472, FdbOrigin.External));
        table.Learn(new Vni(0), Mac(2), IP("2001:db8::1"), Start);
        table.Set(Net, Mac(3), new FdbEntry(Remote(3)));
        table.Remove(Net, Mac(3));
        Assert.Equal(
            [
                new ForwardingRow(new Vni(0xFF_FFFF), Mac(1), new FdbEntry(Remote(1), 8472, FdbOrigin.External), 0),
                new ForwardingRow(new Vni(0), Mac(2), new FdbEntry(IP("2001:db8::1"), 0, FdbOrigin.Learned), 1_234),
            ],
            table.Snapshot(Start + 1_234).OrderBy(row => row.Mac));
    }

    [Fact]
    public void Coming_and_going_addresses_do_not_fill_the_slots_with_marks()
    {
        // Every slot belongs to its key until the array is renewed: 200 000 keys in turn must not make the walk endless.
        ForwardingTable table = new(1_000);
        for (uint i = 1; i <= 200_000; i++)
        {
            Assert.True(table.Learn(Net, Mac(i), Remote(i % 5), Start));
            if (i > 100)
            {
                Assert.True(table.Remove(Net, Mac(i - 100)));
            }
        }

        Assert.Equal(100, table.Count);
        for (uint i = 199_901; i <= 200_000; i++)
        {
            Assert.True(table.TryLookup(Net, Mac(i), out int _));
        }

        Assert.False(table.TryLookup(Net, Mac(199_900), out int _));
    }

    [Fact]
    public void Readers_allocate_nothing()
    {
        ForwardingTable table = new();
        table.Set(Net, Mac(1), new FdbEntry(Remote(1)));
        table.Learn(Net, Mac(2), Remote(1), Start);
        int found = 0;
        Allocations.Zero(() =>
        {
            for (uint i = 0; i < 1_000; i++)
            {
                found += table.TryLookup(Net, Mac(i), out FdbEntry _) ? 1 : 0;
                found += table.TryLookup(Net, Mac(i), out int _) ? 1 : 0;
                found += table.NeedsLearning(Net, Mac(i), Remote(1), Start + i) ? 0 : 1;
            }
        });
        Assert.True(found > 0);
    }

    private static int IndexOfNew(ForwardingTable table, uint number)
    {
        table.Set(Net, Mac(1_000 + number), new FdbEntry(Remote(number)));
        Assert.True(table.TryLookup(Net, Mac(1_000 + number), out int index));
        return index;
    }
}
