using Overlay.Forwarding.Measurement;
using Xunit;

namespace Overlay.Tests.Benchmarks;

/// <summary>The search for the rate at which little is lost, on paths that are known.</summary>
public sealed class LossFreeSearchTests
{
    [Theory]
    [InlineData(300_000, 900_000)]
    [InlineData(20_000, 900_000)]
    [InlineData(899_000, 900_000)]
    public void Rate_of_a_path_that_drops_above_it_is_found(double capacity, double sender)
    {
        int runs = 0;

        double found = LossFreeSearch.Run(rate =>
        {
            runs++;
            double sent = rate == 0 ? sender : Math.Min(rate, sender);
            return Result(Math.Min(sent, capacity), sent);
        });

        Assert.InRange(found, 0.95 * capacity / 1e3, 1.01 * capacity / 1e3);
        Assert.Equal(LossFreeSearch.Runs, runs);
    }

    [Fact]
    public void Path_that_carries_less_in_a_flood_than_it_could_is_searched_above_that()
    {
        double found = LossFreeSearch.Run(rate => rate is 0 or > 280_000 ? Result(200_000, rate == 0 ? 900_000 : rate) : Result(rate, rate));

        Assert.InRange(found, 265, 280);
    }

    [Fact]
    public void Path_that_always_loses_has_no_rate() =>
        Assert.Contains("every rate down to", Assert.Throws<InvalidDataException>(() => LossFreeSearch.Run(_ => Result(97, 100))).Message, StringComparison.Ordinal);

    [Fact]
    public void Silence_is_not_without_loss() => Assert.Throws<InvalidDataException>(() => LossFreeSearch.Run(_ => Result(0, 0)));

    private static UdpResult Result(double received, double sent) => new((long)received, (long)(sent - received), 1);
}
