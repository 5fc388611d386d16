using Overlay.Forwarding.Statistics;
using Xunit;

namespace Overlay.Tests.Benchmarks;

/// <summary>Medians, pairs and how far they can be trusted.</summary>
public sealed class StatisticsTests
{
    [Theory]
    [InlineData(new[] { 3.0 }, 3)]
    [InlineData(new[] { 9.0, 1.0, 5.0 }, 5)]
    [InlineData(new[] { 9.0, 1.0, 5.0, 6.0 }, 5.5)]
    [InlineData(new[] { 1.0, 1.0, 1.0, 1e9 }, 1)]
    public void Median_is_the_middle_in_any_order(double[] samples, double expected)
    {
        double[] before = [.. samples];

        Assert.Equal(expected, Order.Median(samples));
        Assert.Equal(before, samples);
    }

    [Fact]
    public void Median_of_nothing_is_a_mistake() => Assert.Throws<ArgumentException>(() => Order.Median([]));

    [Fact]
    public void Median_of_more_samples_than_fit_the_stack() => Assert.Equal(499.5, Order.Median([.. Enumerable.Range(0, 1000).Reverse().Select(i => (double)i)]));

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.25, 2)]
    [InlineData(0.3, 2.2)]
    [InlineData(1, 5)]
    public void Quantile_lies_between_its_neighbours(double fraction, double expected) =>
        Assert.Equal(expected, Order.Quantile([1, 2, 3, 4, 5], fraction), precision: 12);

    /// <summary>
    /// Of n distinct samples, n odd, the bootstrap median is at most the k-th with the probability that a binomial variable (n, k/n) is at least
    /// (n + 1) / 2; the ends were computed from that, exactly and elsewhere.
    /// </summary>
    [Theory]
    [InlineData(7, 2, 6)]
    [InlineData(11, 3, 9)]
    [InlineData(21, 7, 15)]
    public void Bootstrap_agrees_with_the_exact_distribution(int count, double low, double high)
    {
        double[] samples = [.. Enumerable.Range(1, count).Select(i => (double)i)];

        Assert.Equal(new Interval(low, high), Bootstrap.OfMedian(samples, seed: 42));
        Assert.Equal(new Interval(low, high), Bootstrap.OfMedian(samples, seed: 43));
    }

    [Fact]
    public void Bootstrap_gives_the_same_for_the_same_seed()
    {
        double[] samples = [0.71, 0.93, 0.88, 0.64, 1.02, 0.79];

        Interval? first = Bootstrap.OfMedian(samples, seed: 42);

        Assert.NotNull(first);
        Assert.Equal(first, Bootstrap.OfMedian(samples, seed: 42));
        Assert.InRange(first.Low, 0.64, Order.Median(samples));
        Assert.InRange(first.High, Order.Median(samples), 1.02);
    }

    [Fact]
    public void Bootstrap_of_equal_samples_has_no_width() => Assert.Equal(new Interval(2, 2), Bootstrap.OfMedian([2, 2, 2, 2, 2, 2], seed: 1));

    [Fact]
    public void Five_samples_get_no_interval() => Assert.Null(Bootstrap.OfMedian([1, 2, 3, 4, 5], seed: 1));

    [Fact]
    public void Spread_leaves_failed_rounds_out()
    {
        Assert.Equal(new Spread(3, 4, 2, 9), Spread.Of([9, null, 2, 4]));
        Assert.Null(Spread.Of([null, null]));
    }

    [Fact]
    public void Ratios_are_taken_within_a_round_before_the_median()
    {
        // The machine slows down tenfold; the ratio of medians would be 1, but in each round it was a half.
        PairedRatio? ratio = PairedRatio.Of([50, 5, 0.5], [100, 10, 1], seed: 42);

        Assert.Equal(new PairedRatio(3, 0.5, null), ratio);
    }

    [Fact]
    public void Rounds_that_failed_on_either_side_or_have_nothing_to_divide_by_are_no_pairs()
    {
        Assert.Equal(new PairedRatio(2, 3, null), PairedRatio.Of([2, null, 4, 8, 5], [1, 1, null, 2, 0], seed: 42));
        Assert.Null(PairedRatio.Of([1, null], [null, 1], seed: 42));
    }

    [Fact]
    public void Seven_pairs_get_an_interval()
    {
        PairedRatio? ratio = PairedRatio.Of([1, 2, 3, 4, 5, 6, 7], [1, 1, 1, 1, 1, 1, 1], seed: 42);

        Assert.Equal(new PairedRatio(7, 4, new Interval(2, 6)), ratio);
    }

    [Fact]
    public void Different_numbers_of_rounds_cannot_be_paired() => Assert.Throws<ArgumentException>(() => PairedRatio.Of([1, 2], [1], seed: 42));
}
