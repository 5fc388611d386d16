using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

public sealed class NeighborTableTests
{
    private const long Now = 1_000_000;
    private const NeighborFlags Arp = NeighborFlags.Override;

    [Fact]
    public void What_was_set_is_found_until_it_is_removed()
    {
        NeighborTable table = new();
        Assert.False(table.TryLookup(Net, IP("10.0.0.1"), out MacAddress mac));
        Assert.True(mac.IsZero);
        Assert.True(table.Set(Net, IP("10.0.0.1"), Mac(1)));
        Assert.False(table.Set(Net, IP("10.0.0.1"), Mac(2)));
        NeighborEntry router = new(
            MacAddress.FromValue(0xFEFF_FFFF_FFFF), NeighborOrigin.External, NeighborFlags.Router | NeighborFlags.Override | NeighborFlags.Immutable);
        Assert.True(table.Set(Net, IP("2001:db8::1"), router));
        Assert.True(table.TryLookup(Net, IP("10.0.0.1"), out mac));
        Assert.Equal(Mac(2), mac);
        Assert.True(table.TryGet(Net, IP("10.0.0.1"), out NeighborEntry entry));
        Assert.Equal(new NeighborEntry(Mac(2), NeighborOrigin.Static, NeighborFlags.Override), entry);
        Assert.True(table.TryGet(Net, IP("2001:db8::1"), out entry));
        Assert.Equal(router, entry);
        Assert.Equal((2, 0), (table.Count, table.LearnedCount));
        Assert.True(table.Remove(Net, IP("10.0.0.1")));
        Assert.False(table.Remove(Net, IP("10.0.0.1")));
        Assert.False(table.TryGet(Net, IP("10.0.0.1"), out entry));
        Assert.Equal(default, entry);
        Assert.Equal([new NeighborRow(Net, IP("2001:db8::1"), router)], table.Snapshot(Now));
        Assert.Equal(router.Mac, table.Snapshot(Now)[0].Mac);
    }

    [Theory]
    [InlineData(0u, 0x01_0000u)]
    [InlineData(42u, 43u)]
    [InlineData(0u, 0xFF_FFFFu)]
    public void Networks_are_apart(uint one, uint other)
    {
        NeighborTable table = new();
        table.Set(new Vni(one), IP("10.0.0.1"), Mac(1));
        Assert.False(table.TryLookup(new Vni(other), IP("10.0.0.1"), out MacAddress _));
        table.Set(new Vni(other), IP("10.0.0.1"), Mac(2));
        Assert.True(table.TryLookup(new Vni(one), IP("10.0.0.1"), out MacAddress mac));
        Assert.Equal(Mac(1), mac);
    }

    [Theory]
    [InlineData("0.0.0.0", "02:00:00:00:00:01")]
    [InlineData("::", "02:00:00:00:00:01")]
    [InlineData("224.0.0.1", "02:00:00:00:00:01")]
    [InlineData("255.255.255.255", "02:00:00:00:00:01")]
    [InlineData("ff02::1", "02:00:00:00:00:01")]
    [InlineData("10.0.0.1", "00:00:00:00:00:00")]
    [InlineData("10.0.0.1", "ff:ff:ff:ff:ff:ff")]
    [InlineData("10.0.0.1", "01:00:5e:00:00:01")]
    public void A_neighbour_has_unicast_addresses(string address, string mac)
    {
        NeighborTable table = new();
        MacAddress station = MacAddress.Parse(mac);
        Assert.Throws<ArgumentException>(() => table.Set(Net, IP(address), station));
        Assert.Throws<ArgumentException>(() => table.Replace(NeighborOrigin.Static, [new(Net, IP(address), new NeighborEntry(station))]));
        Assert.False(table.NeedsLearning(Net, IP(address), station, Arp, Now));
        Assert.False(table.Learn(Net, IP(address), station, Arp, Now));
        Assert.Equal(new NeighborRefusals(Full: 0, Protected: 0, Invalid: 2, Frozen: 0, Elsewhere: 0), table.Refusals);
        Assert.Equal(0, table.Count);
    }

    [Fact]
    public void The_stronger_origin_stays_and_each_takes_back_only_its_own()
    {
        NeighborTable table = new();
        NeighborEntry external = new(Mac(2), NeighborOrigin.External);
        Assert.True(table.Learn(Net, IP("10.0.0.1"), Mac(1), Arp, Now));
        Assert.False(table.Set(Net, IP("10.0.0.1"), external));
        Assert.False(table.Learn(Net, IP("10.0.0.1"), Mac(1), Arp, Now));
        Assert.False(table.NeedsLearning(Net, IP("10.0.0.1"), Mac(1), Arp, Now));
        // Whoever says the same is not refused.
        Assert.False(table.Learn(Net, IP("10.0.0.1"), Mac(2), Arp, Now));
        Assert.False(table.NeedsLearning(Net, IP("10.0.0.1"), Mac(2), Arp, Now));
        Assert.Equal(2, table.Refusals.Protected);
        Assert.False(table.Set(Net, IP("10.0.0.1"), Mac(3)));
        Assert.False(table.Set(Net, IP("10.0.0.1"), external));
        Assert.True(table.TryGet(Net, IP("10.0.0.1"), out NeighborEntry entry));
        Assert.Equal(new NeighborEntry(Mac(3)), entry);
        Assert.Equal((3, 1, 0), (table.Refusals.Protected, table.Count, table.LearnedCount));

        Assert.False(table.Remove(Net, IP("10.0.0.1"), NeighborOrigin.External));
        Assert.True(table.Remove(Net, IP("10.0.0.1"), NeighborOrigin.Static));
        Assert.Throws<ArgumentException>(() => table.Set(Net, IP("10.0.0.1"), new NeighborEntry(Mac(1), NeighborOrigin.Learned)));
    }

    [Fact]
    public void A_learned_neighbour_ages_unless_it_is_heard()
    {
        NeighborTable table = new();
        Assert.True(table.Learn(Net, IP("10.0.0.1"), Mac(1), Arp, Now));
        Assert.True(table.Learn(Net, IP("10.0.0.2"), Mac(2), Arp, Now));
        table.Set(Net, IP("10.0.0.3"), Mac(3));
        Assert.False(table.NeedsLearning(Net, IP("10.0.0.1"), Mac(1), Arp, Now + 999));
        Assert.Equal(999, table.Snapshot(Now + 999).Single(row => row.Address == IP("10.0.0.1")).IdleMilliseconds);
        Assert.False(table.NeedsLearning(Net, IP("10.0.0.1"), Mac(1), Arp, Now + 1_000));
        Assert.Equal(0, table.Snapshot(Now + 1_000).Single(row => row.Address == IP("10.0.0.1")).IdleMilliseconds);
        Assert.Equal(0, table.Age(Now + 9_999, 10_000));
        Assert.Equal(1, table.Age(Now + 10_000, 10_000));
        Assert.Equal([IP("10.0.0.1"), IP("10.0.0.3")], table.Snapshot(Now).Select(row => row.Address).Order());
        Assert.Equal(0, table.Age(Now + 1_000_000, long.MaxValue));
        Assert.Equal(1, table.Age(Now + 1_000, 0));
        Assert.Equal((1, 0), (table.Count, table.LearnedCount));
        Assert.Throws<ArgumentOutOfRangeException>(() => table.Age(Now, -1));
    }

    [Fact]
    public void Learned_neighbours_are_bounded_and_configured_ones_are_not()
    {
        NeighborTable table = new(new NeighborTableOptions { MaxLearned = 3 });
        for (uint i = 1; i <= 10; i++)
        {
            Assert.Equal(i <= 3, table.NeedsLearning(Net, Remote(i), Mac(i), Arp, Now));
            Assert.Equal(i <= 3, table.Learn(Net, Remote(i), Mac(i), Arp, Now));
            Assert.True(table.Set(Net, Remote(1_000 + i), Mac(i)));
        }

        Assert.Equal((13, 3, 14), (table.Count, table.LearnedCount, table.Refusals.Full));
        // One that a configuration takes over makes room.
        table.Set(Net, Remote(1), Mac(1));
        Assert.True(table.Learn(Net, Remote(10), Mac(10), Arp, Now));
    }

    [Fact]
    public void Without_the_override_flag_another_address_is_not_taken()
    {
        NeighborTable table = new();
        Assert.True(table.Learn(Net, IP("fd00::1"), Mac(1), NeighborFlags.Override, Now));
        Assert.False(table.Learn(Net, IP("fd00::1"), Mac(2), NeighborFlags.Router, Now));
        Assert.Equal(1, table.Refusals.Protected);
        Assert.True(table.Learn(Net, IP("fd00::1"), Mac(1), NeighborFlags.Router, Now));
        Assert.True(table.Learn(Net, IP("fd00::1"), Mac(2), NeighborFlags.Router | NeighborFlags.Override, Now));
        Assert.True(table.TryGet(Net, IP("fd00::1"), out NeighborEntry entry));
        Assert.Equal(new NeighborEntry(Mac(2), NeighborOrigin.Learned, NeighborFlags.Router | NeighborFlags.Override), entry);
        // Nobody outside can say that it is for certain.
        Assert.True(table.Learn(Net, IP("fd00::1"), Mac(2), NeighborFlags.Override | NeighborFlags.Immutable, Now));
        Assert.True(table.TryGet(Net, IP("fd00::1"), out entry));
        Assert.Equal(NeighborFlags.Override, entry.Flags);
        Assert.Equal(1, table.Moves);
    }

    [Fact]
    public void At_the_fifth_move_within_three_minutes_an_address_is_frozen_for_as_long()
    {
        NeighborTable table = new();
        Assert.True(table.Learn(Net, IP("10.0.0.1"), Mac(1), Arp, Now));
        for (uint i = 0; i < 4; i++)
        {
            Assert.True(table.Learn(Net, IP("10.0.0.1"), Mac(2 + (i % 2)), Arp, Now + i));
        }

        Assert.Equal(4, table.Moves);
        // RFC 9161 §3.7: the entry goes, so that the hosts are asked themselves.
        Assert.False(table.Learn(Net, IP("10.0.0.1"), Mac(9), Arp, Now + 10));
        Assert.False(table.TryLookup(Net, IP("10.0.0.1"), out MacAddress _));
        Assert.False(table.Learn(Net, IP("10.0.0.1"), Mac(1), Arp, Now + 10 + 179_999));
        Assert.Equal((2, 4, 0), (table.Refusals.Frozen, table.Moves, table.LearnedCount));
        // Another address, and another network, are not.
        Assert.True(table.Learn(Net, IP("10.0.0.2"), Mac(1), Arp, Now));
        Assert.True(table.Learn(new Vni(43), IP("10.0.0.1"), Mac(1), Arp, Now));
        table.Age(Now + 10 + 179_999, long.MaxValue);
        Assert.False(table.Learn(Net, IP("10.0.0.1"), Mac(1), Arp, Now + 10 + 179_999));
        Assert.True(table.Learn(Net, IP("10.0.0.1"), Mac(1), Arp, Now + 10 + 180_000));
        // Whatever was configured is not concerned.
        table.Set(Net, IP("10.0.0.1"), Mac(5));
        Assert.True(table.TryLookup(Net, IP("10.0.0.1"), out MacAddress mac));
        Assert.Equal(Mac(5), mac);
    }

    [Fact]
    public void Slow_moves_freeze_nothing()
    {
        NeighborTable table = new();
        for (uint i = 0; i < 100; i++)
        {
            Assert.True(table.Learn(Net, IP("10.0.0.1"), Mac(1 + i), Arp, Now + (i * 60_000)));
        }

        Assert.Equal((99, 0), (table.Moves, table.Refusals.Frozen));
    }

    [Fact]
    public void No_more_moving_addresses_are_watched_than_there_is_room_for()
    {
        NeighborTable table = new();
        for (uint i = 1; i <= 5_000; i++)
        {
            table.Learn(Net, Remote(i), Mac(1), Arp, Now);
            table.Learn(Net, Remote(i), Mac(2), Arp, Now);
        }

        // Those beyond are not answered for by whoever spoke last.
        Assert.Equal((4_096, 5_000 - 4_096, 4_096), (table.Moves, table.Refusals.Full, table.LearnedCount));
        table.Age(Now + 180_000, long.MaxValue);
        table.Learn(Net, Remote(5_000), Mac(1), Arp, Now + 180_000);
        Assert.True(table.Learn(Net, Remote(5_000), Mac(2), Arp, Now + 180_000));
    }

    [Fact]
    public void Replacing_an_origin_leaves_the_others_alone()
    {
        NeighborTable table = new();
        table.Set(Net, Remote(1), Mac(1));
        table.Set(Net, Remote(2), new NeighborEntry(Mac(2), NeighborOrigin.External));
        table.Set(Net, Remote(3), new NeighborEntry(Mac(3), NeighborOrigin.External));
        table.Learn(Net, Remote(4), Mac(4), Arp, Now);
        table.Learn(Net, Remote(5), Mac(5), Arp, Now);
        table.Replace(
            NeighborOrigin.External,
            [Row(1, 11, NeighborOrigin.External), Row(3, 13, NeighborOrigin.External), Row(4, 14, NeighborOrigin.External), Row(6, 16, NeighborOrigin.External)]);

        // 1 is static and stays; 2 is gone; 4 was learned and is now told.
        Assert.Equal(
            [Row(1, 1, NeighborOrigin.Static), Row(3, 13, NeighborOrigin.External), Row(4, 14, NeighborOrigin.External), Row(5, 5, NeighborOrigin.Learned), Row(6, 16, NeighborOrigin.External)],
            table.Snapshot(Now).OrderBy(row => row.Address));
        Assert.Equal((5, 1, 1), (table.Count, table.LearnedCount, table.Refusals.Protected));
        table.Replace(NeighborOrigin.External, []);
        Assert.Equal([Remote(1), Remote(5)], table.Snapshot(Now).Select(row => row.Address).Order());
        table.Replace(NeighborOrigin.Static, []);
        Assert.Equal((1, 1), (table.Count, table.LearnedCount));
    }

    [Fact]
    public void A_bad_replacement_changes_nothing()
    {
        NeighborTable table = new();
        table.Set(Net, Remote(1), new NeighborEntry(Mac(1), NeighborOrigin.External));
        Assert.Throws<ArgumentException>(() => table.Replace(NeighborOrigin.External, [Row(2, 2, NeighborOrigin.External), Row(2, 3, NeighborOrigin.External)]));
        Assert.Throws<ArgumentException>(() => table.Replace(NeighborOrigin.External, [Row(2, 2, NeighborOrigin.Static)]));
        Assert.Throws<ArgumentException>(() => table.Replace(NeighborOrigin.Learned, []));
        Assert.Equal([Row(1, 1, NeighborOrigin.External)], table.Snapshot(Now));
    }

    [Theory]
    [InlineData(0, 5, 1, 1)]
    [InlineData(NeighborTableOptions.MaxLearnedLimit + 1, 5, 1, 1)]
    [InlineData(1, 0, 1, 1)]
    [InlineData(1, 5, 0, 1)]
    [InlineData(1, 5, 1, 0)]
    public void Bounds_out_of_range_are_refused(int learned, int moves, long window, long freeze) => Assert.Throws<ArgumentOutOfRangeException>(
        () => new NeighborTable(new NeighborTableOptions { MaxLearned = learned, MoveLimit = moves, MoveWindow = window, FreezeTime = freeze }));

    [Fact]
    public void A_million_entries_take_at_most_48_bytes_each_however_they_come()
    {
        const int Million = 1_000_000;
        NeighborRow[] rows = new NeighborRow[Million];
        for (int i = 0; i < Million; i++)
        {
            ValueIPAddress address = i % 2 == 0 ? Remote((uint)i) : ValueIPAddress.FromHighLow(0xFD00_0000_0000_0000, (uint)i);
            rows[i] = new NeighborRow(new Vni((uint)i % 4_096), address, new NeighborEntry(Mac((uint)i + 1)));
        }

        NeighborTable replaced = new();
        replaced.Replace(NeighborOrigin.Static, rows);
        NeighborTable added = new();
        foreach (NeighborRow row in rows)
        {
            added.Set(row.Vni, row.Address, row.Entry);
        }

        foreach (NeighborTable table in (NeighborTable[])[replaced, added])
        {
            Assert.Equal(Million, table.Count);
            Assert.True(table.Bytes <= 48L * Million + 64, $"{table.Bytes} bytes");
            for (int i = 0; i < Million; i += 997)
            {
                Assert.True(table.TryLookup(rows[i].Vni, rows[i].Address, out MacAddress mac) && mac == rows[i].Mac);
            }
        }

        // What it took it gives back.
        added.Replace(NeighborOrigin.Static, []);
        Assert.Equal(0, added.Count);
        Assert.True(added.Bytes < 1_024, $"{added.Bytes} bytes");
    }

    [Fact]
    public void Readers_allocate_nothing()
    {
        NeighborTable table = new();
        table.Set(Net, Remote(5), Mac(1));
        table.Learn(Net, Remote(6), Mac(1), Arp, Now);
        int found = 0;
        Allocations.Zero(() =>
        {
            for (uint i = 0; i < 1_000; i++)
            {
                found += table.TryGet(Net, Remote(i), out NeighborEntry _) ? 1 : 0;
                found += table.NeedsLearning(Net, Remote(i), Mac(2), Arp, Now) ? 1 : 0;
            }
        });
        Assert.True(found > 0);
    }

    private static NeighborRow Row(uint address, uint mac, NeighborOrigin origin) => new(Net, Remote(address), new NeighborEntry(Mac(mac), origin));
}
