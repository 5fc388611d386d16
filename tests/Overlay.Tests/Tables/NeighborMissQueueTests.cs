using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

public sealed class NeighborMissQueueTests
{
    private const long Now = 1_000_000;

    [Fact]
    public void The_same_miss_is_told_once_in_a_second()
    {
        NeighborMissQueue queue = new();
        NeighborMiss unknown = new(Net, IP("10.0.0.1"), default), unforwarded = new(Net, IP("10.0.0.1"), Mac(1));
        Assert.True(queue.TryEnqueue(unknown, Now));
        Assert.False(queue.TryEnqueue(unknown, Now + 1));
        Assert.False(queue.TryEnqueue(unknown, Now + 999));
        Assert.True(queue.TryEnqueue(unforwarded, Now + 999));
        Assert.True(queue.TryDequeue(out NeighborMiss first));
        Assert.True(queue.TryDequeue(out NeighborMiss second));
        Assert.False(queue.TryDequeue(out _));
        Assert.Equal((unknown, unforwarded), (first, second));
        Assert.True(queue.TryEnqueue(unknown, Now + 1_000));
        Assert.Equal((2, 0), (queue.Repeats, queue.Overflows));
    }

    [Fact]
    public void What_does_not_fit_is_counted_and_told_when_there_is_room()
    {
        NeighborMissQueue queue = new();
        for (uint i = 1; i <= NeighborMissQueue.Capacity + 44; i++)
        {
            Assert.Equal(i <= NeighborMissQueue.Capacity, queue.TryEnqueue(new NeighborMiss(Net, Remote(i), default), Now));
        }

        Assert.Equal(44, queue.Overflows);
        NeighborMiss lost = new(Net, Remote(NeighborMissQueue.Capacity + 1), default);
        Assert.False(queue.TryEnqueue(lost, Now));
        for (uint i = 1; i <= NeighborMissQueue.Capacity; i++)
        {
            Assert.True(queue.TryDequeue(out NeighborMiss miss));
            Assert.Equal(Remote(i), miss.Address);
        }

        Assert.True(queue.TryEnqueue(lost, Now));
        Assert.True(queue.TryDequeue(out NeighborMiss told));
        Assert.Equal(lost, told);
    }

    [Fact]
    public void A_scan_of_addresses_takes_no_memory()
    {
        NeighborMissQueue queue = new();
        uint told = 0;
        Allocations.Zero(() =>
        {
            for (uint i = 1; i <= 10_000; i++)
            {
                queue.TryEnqueue(new NeighborMiss(Net, Remote(i), default), Now);
                told += queue.TryDequeue(out _) ? 1u : 0;
            }
        });
        Assert.True(told > 0);
    }
}
