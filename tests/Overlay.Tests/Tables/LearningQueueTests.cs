using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

public sealed class LearningQueueTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 4)]
    [InlineData(1_000, 1_024)]
    public void It_holds_its_capacity_in_order_and_counts_what_does_not_fit(int asked, int capacity)
    {
        LearningQueue queue = new(asked);
        Assert.Equal(capacity, queue.Capacity);
        Assert.False(queue.TryDequeue(out _));
        for (int round = 0; round < 3; round++)
        {
            for (uint i = 0; i < capacity; i++)
            {
                Assert.True(queue.TryEnqueue(Learned(i)));
            }

            Assert.False(queue.TryEnqueue(Learned(1_000_000)));
            Assert.Equal(round + 1, queue.Overflows);
            for (uint i = 0; i < capacity; i++)
            {
                Assert.True(queue.TryDequeue(out LearnedAddress learned));
                Assert.Equal(Learned(i), learned);
            }

            Assert.False(queue.TryDequeue(out _));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(LearningQueue.CapacityLimit + 1)]
    public void A_capacity_out_of_range_is_refused(int capacity) => Assert.Throws<ArgumentOutOfRangeException>(() => new LearningQueue(capacity));

    [Fact]
    public void A_train_of_frames_from_one_host_takes_one_place()
    {
        LearningQueue queue = new(2);
        for (int i = 0; i < 100; i++)
        {
            Assert.True(queue.TryEnqueue(Learned(1)));
        }

        Assert.Equal(0, queue.Overflows);
        Assert.True(queue.TryDequeue(out LearnedAddress learned));
        Assert.Equal(Learned(1), learned);
        Assert.False(queue.TryDequeue(out _));

        // Once it was taken it may come again: the entry may have been removed since.
        Assert.True(queue.TryEnqueue(Learned(1)));
        Assert.True(queue.TryDequeue(out learned));
        Assert.Equal(Learned(1), learned);
    }

    [Fact]
    public void Two_threads_lose_nothing_but_what_was_counted()
    {
        const uint Total = 300_000;
        LearningQueue queue = new(64);
        long refused = 0;
        bool isOver = false;
        Thread worker = new(() =>
        {
            for (uint i = 1; i <= Total; i++)
            {
                refused += queue.TryEnqueue(Learned(i)) ? 0 : 1;
            }

            Volatile.Write(ref isOver, true);
        });
        worker.Start();
        uint last = 0;
        long taken = 0;
        while (true)
        {
            bool wasOver = Volatile.Read(ref isOver);
            if (queue.TryDequeue(out LearnedAddress learned))
            {
                uint number = learned.Remote.ToIPv4() & 0xFF_FFFF;
                Assert.True(number > last, "Out of order.");
                Assert.Equal(Learned(number), learned);
                last = number;
                taken++;
            }
            else if (wasOver)
            {
                break;
            }
        }

        worker.Join();
        Assert.Equal(Total, taken + refused);
        Assert.Equal(refused, queue.Overflows);
    }

    [Fact]
    public void Both_ends_allocate_nothing()
    {
        LearningQueue queue = new(16);
        int moved = 0;
        Allocations.Zero(() =>
        {
            for (uint i = 0; i < 100; i++)
            {
                moved += queue.TryEnqueue(Learned(i)) && queue.TryDequeue(out _) ? 1 : 0;
            }
        });
        Assert.True(moved > 0);
    }

    private static LearnedAddress Learned(uint number) => new(new Vni(number & 0xFF_FFFF), Mac(number), Remote(number & 0xFF_FFFF));
}
