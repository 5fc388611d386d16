using System.Numerics;
using Overlay.Tables;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Tables;

public sealed class FloodLimiterTests
{
    [Fact]
    public void A_burst_passes_at_once_and_the_rest_at_the_rate()
    {
        FloodLimiter limiter = new FloodList().LimiterOf(TableSamples.Net);
        FloodLimit limit = new(packetsPerSecond: 100, burst: 5);
        Assert.Equal(5, Enumerable.Range(0, 20).Count(_ => limiter.TryTake(FloodClass.Broadcast, limit, 1, now: 1_000)));
        Assert.False(limiter.TryTake(FloodClass.Broadcast, limit, 1, now: 1_009));
        Assert.True(limiter.TryTake(FloodClass.Broadcast, limit, 1, now: 1_010));
        Assert.False(limiter.TryTake(FloodClass.Broadcast, limit, 1, now: 1_010));
        // After any silence a burst, and no more.
        Assert.Equal(5, Enumerable.Range(0, 20).Count(_ => limiter.TryTake(FloodClass.Broadcast, limit, 1, now: 1_000_000_000)));
    }

    [Fact]
    public void Classes_and_networks_have_buckets_of_their_own_and_all_who_ask_the_same()
    {
        FloodList list = new();
        Assert.Same(list.LimiterOf(new Vni(1)), list.LimiterOf(new Vni(1)));
        Assert.NotSame(list.LimiterOf(new Vni(1)), list.LimiterOf(new Vni(2)));
        FloodLimit one = new(1, 1);
        foreach (FloodClass kind in Enum.GetValues<FloodClass>())
        {
            Assert.True(list.LimiterOf(new Vni(1)).TryTake(kind, one, 1, 0));
            Assert.False(list.LimiterOf(new Vni(1)).TryTake(kind, one, 1, 0));
            Assert.True(list.LimiterOf(new Vni(2)).TryTake(kind, one, 1, 0));
        }
    }

    [Fact]
    public void A_superpacket_longer_than_a_burst_passes_a_full_bucket_and_is_paid_back()
    {
        FloodLimiter limiter = new FloodList().LimiterOf(TableSamples.Net);
        FloodLimit limit = new(packetsPerSecond: 1_000, burst: 10);
        Assert.True(limiter.TryTake(FloodClass.Multicast, limit, 44, now: 0));
        // 34 are owed.
        Assert.False(limiter.TryTake(FloodClass.Multicast, limit, 1, now: 34));
        Assert.True(limiter.TryTake(FloodClass.Multicast, limit, 1, now: 35));
        Assert.False(limiter.TryTake(FloodClass.Multicast, limit, 44, now: 44));
        Assert.True(limiter.TryTake(FloodClass.Multicast, limit, 44, now: 45));
        Assert.False(limiter.TryTake(FloodClass.Multicast, limit, 10, now: 88));
        Assert.True(limiter.TryTake(FloodClass.Multicast, limit, 10, now: 89));
    }

    /// <summary>The slow twin counts in whole thousandths without a bound, and asks at random times.</summary>
    [Theory]
    [InlineData(1, 1, 1, 0L)]
    [InlineData(2, 7, 3, 1_732_000_000_000L)]
    [InlineData(3, 333, 50, -5_000L)]
    [InlineData(4, 999_983, 100_000, 123L)]
    [InlineData(5, FloodLimit.Maximum, FloodLimit.Maximum, long.MaxValue - 5_000_000)]
    [InlineData(6, FloodLimit.Maximum, 1, long.MinValue)]
    public void It_answers_as_a_bucket_of_tokens_does_at_any_rate_and_origin_of_time(int seed, int rate, int burst, long origin)
    {
        Random random = new(seed);
        FloodLimiter limiter = new FloodList().LimiterOf(TableSamples.Net);
        FloodLimit limit = new(rate, burst);
        BigInteger full = 1_000 * (BigInteger)burst;
        BigInteger tokens = full;
        long now = origin;
        long last = origin;
        int passed = 0;
        for (int i = 0; i < 20_000; i++)
        {
            now += random.Next(100) == 0 ? random.Next(20_000) : random.Next(2);
            int packets = random.Next(8) == 0 ? random.Next(1, 64) : 1;
            tokens = BigInteger.Min(full, tokens + ((BigInteger)(now - last) * rate));
            last = now;
            bool expected = tokens >= 1_000 * (BigInteger)Math.Min(packets, burst);
            Assert.Equal(expected, limiter.TryTake(FloodClass.Broadcast, limit, packets, now));
            tokens -= expected ? 1_000 * packets : 0;
            passed += expected ? 1 : 0;
        }

        Assert.InRange(passed, 10, 20_000);
    }

    [Fact]
    public void Workers_together_take_what_is_there_and_not_one_more()
    {
        FloodLimiter limiter = new FloodList().LimiterOf(TableSamples.Net);
        FloodLimit limit = new(packetsPerSecond: 1_000, burst: 100);
        long taken = 0;
        using Barrier barrier = new(4);
        Thread[] workers = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            barrier.SignalAndWait();
            for (long now = 0; now < 2_000; now++)
            {
                for (int i = 0; i < 5; i++)
                {
                    if (limiter.TryTake(FloodClass.UnknownUnicast, limit, 1, now))
                    {
                        Interlocked.Increment(ref taken);
                    }
                }
            }
        }))];
        Array.ForEach(workers, worker => worker.Start());
        Array.ForEach(workers, worker => worker.Join());
        // Up to the burst, and from then on one in each of 1999 milliseconds: each was asked for by somebody.
        Assert.Equal(100 + 1_999, taken);
        Assert.False(limiter.TryTake(FloodClass.UnknownUnicast, limit, 1, 1_999));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(-1, 1)]
    [InlineData(FloodLimit.Maximum + 1, 1)]
    [InlineData(1, FloodLimit.Maximum + 1)]
    public void A_limit_out_of_range_is_refused(int rate, int burst) => Assert.Throws<ArgumentOutOfRangeException>(() => new FloodLimit(rate, burst));

    [Fact]
    public void Taking_allocates_nothing()
    {
        FloodLimiter limiter = new FloodList().LimiterOf(TableSamples.Net);
        FloodLimit limit = new(100, 10);
        long now = 0;
        int passed = 0;
        Allocations.Zero(() => passed += limiter.TryTake(FloodClass.Broadcast, limit, 1, now++) ? 1 : 0);
        Assert.True(passed > 0);
    }
}
