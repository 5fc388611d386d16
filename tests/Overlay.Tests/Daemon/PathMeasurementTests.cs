using Overlay.Daemon.Doctor;
using Overlay.Linux;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>How a path is measured, against paths that are scripts.</summary>
public sealed class PathMeasurementTests
{
    private const int Minimum = 28;
    private static readonly ValueIPAddress Router = ValueIPAddress.Parse("192.0.2.254");
    private static readonly EchoResult Answered = new(EchoOutcome.Answered, 0, null, TimeSpan.FromMilliseconds(1));
    private static readonly EchoResult Lost = new(EchoOutcome.Lost, 0, null, TimeSpan.Zero);

    [Fact]
    public void What_vanishes_is_found_to_the_byte()
    {
        for (int mtu = Minimum + 36; mtu < 1500; mtu++)
        {
            Assert.Equal(new PathMeasurement(PathAnswer.Silent, mtu, null), PathMeasurement.Of(Minimum, 1500, (length, _) => length <= mtu ? Answered : Lost));
        }

        Assert.Equal(new PathMeasurement(PathAnswer.Fits, 1500, null), PathMeasurement.Of(Minimum, 1500, (length, _) => length <= 1500 ? Answered : Lost));
        Assert.Equal(new PathMeasurement(PathAnswer.Fits, Minimum, null), PathMeasurement.Of(Minimum, Minimum, (_, _) => Answered));
    }

    [Fact]
    public void Several_routers_each_say_what_fits()
    {
        int[] mtus = [1400, 1300, 1280];
        Assert.Equal(
            new PathMeasurement(PathAnswer.Reported, 1280, Router),
            PathMeasurement.Of(Minimum, 1500, (length, _) => mtus.FirstOrDefault(mtu => mtu < length) is > 0 and int next ? TooBig(next) : Answered));
    }

    /// <summary>What ICMP says is only where to look: what it says is tried, and what does not make sense is not believed.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(10)]
    [InlineData(1500)]
    [InlineData(100_000)]
    [InlineData(1450)]
    public void A_router_that_lies_is_not_believed(int said) => Assert.Equal(
        new PathMeasurement(PathAnswer.Silent, 1400, null),
        PathMeasurement.Of(Minimum, 1500, (length, _) => length <= 1400 ? Answered : length == 1500 ? TooBig(said) : Lost));

    [Fact]
    public void One_lost_packet_is_no_verdict()
    {
        HashSet<int> lost = [];
        Assert.Equal(
            new PathMeasurement(PathAnswer.Silent, 1333, null), PathMeasurement.Of(Minimum, 1500, (length, _) => lost.Add(length) || length > 1333 ? Lost : Answered));
        lost.Clear();
        Assert.Equal(new PathMeasurement(PathAnswer.Fits, 1500, null), PathMeasurement.Of(Minimum, 1500, (length, _) => lost.Add(length) ? Lost : Answered));
    }

    [Fact]
    public void Nobody_answers()
    {
        int probes = 0;
        Assert.Equal(
            new PathMeasurement(PathAnswer.Unanswered, 0, null),
            PathMeasurement.Of(Minimum, 1500, (_, _) =>
            {
                probes++;
                return Lost;
            }));
        Assert.Equal(2, probes);
        Assert.Equal(
            new PathMeasurement(PathAnswer.Unanswered, 0, Router), PathMeasurement.Of(Minimum, 1500, (_, _) => new EchoResult(EchoOutcome.Unreachable, 0, Router, TimeSpan.Zero)));
    }

    /// <summary>A path that answers slowly gets more time for each packet, and a fast one no less than a little.</summary>
    [Theory]
    [InlineData(1, 120)]
    [InlineData(50, 200)]
    [InlineData(700, 800)]
    public void The_time_for_an_answer_follows_the_first(int roundTrip, int expected)
    {
        List<double> timeouts = [];
        PathMeasurement.Of(Minimum, 1500, (length, timeout) =>
        {
            timeouts.Add(timeout.TotalMilliseconds);
            return Answered with { RoundTrip = TimeSpan.FromMilliseconds(roundTrip) };
        });
        Assert.Equal([800, expected], timeouts);
    }

    private static EchoResult TooBig(int mtu) => new(EchoOutcome.TooBig, mtu, Router, TimeSpan.Zero);
}
