using Overlay.Tables;
using Xunit;

namespace Overlay.Tests.Tables;

/// <summary>What is remembered, and that whoever looks on from another thread never sees what was not.</summary>
public sealed class RecentSetTests
{
    [Fact]
    public void It_remembers_for_an_interval_and_both_ways_of_asking_agree()
    {
        RecentSet<NeighborMiss> set = new(16);
        NeighborMiss item = new(new Vni(1), ValueIPAddress.Parse("10.0.0.1"), MacAddress.Parse("02:00:00:00:00:01"));
        Assert.False(set.Contains(item, 0, 100) || set.WasSeen(item, 0, 100));
        set.Remember(item, 50);
        Assert.True(set.Contains(item, 149, 100) && set.WasSeen(item, 149, 100));
        Assert.False(set.Contains(item, 150, 100) || set.WasSeen(item, 150, 100));
        NeighborMiss other = item with { Mac = MacAddress.Parse("02:00:00:00:00:02") };
        Assert.False(set.Contains(other, 100, 100) || set.WasSeen(other, 100, 100));
    }

    [Fact]
    public async Task A_looker_on_sees_nothing_that_was_never_remembered()
    {
        // One slot. All parts of an item that is remembered have one number; one torn from two would have two, and those are asked for.
        RecentSet<NeighborMiss> set = new(1);
        using CancellationTokenSource done = new(TimeSpan.FromSeconds(1));
        var writing = Task.Run(
            () =>
            {
                for (uint i = 0; !done.IsCancellationRequested; i++)
                {
                    set.Remember(Item(i & 1, i & 1), 1);
                }
            },
            TestContext.Current.CancellationToken);
        long seen = 0;
        while (!done.IsCancellationRequested)
        {
            Assert.False(set.WasSeen(Item(0, 1), 1, 10));
            Assert.False(set.WasSeen(Item(1, 0), 1, 10));
            seen += set.WasSeen(Item(1, 1), 1, 10) ? 1 : 0;
        }

        await writing;
        Assert.NotEqual(0, seen);
    }

    private static NeighborMiss Item(uint address, uint mac) =>
        new(new Vni(address), ValueIPAddress.FromHighLow(0xFD00_0000_0000_0000 + address, address), MacAddress.FromValue(0x0200_0000_0000UL + mac));
}
