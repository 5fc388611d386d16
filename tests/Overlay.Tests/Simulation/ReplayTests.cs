using Overlay.Testing.Simulation;
using Xunit;

namespace Overlay.Tests.Simulation;

/// <summary>A seed is a run: byte by byte the same, and another seed another one.</summary>
public sealed class ReplayTests
{
    public static TheoryData<string> Names => [.. Scenarios.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_same_seed_gives_the_same_log_byte_by_byte(string name)
    {
        string first = SimulationRunner.Run(name, 4_711, Scenarios.All[name]).Log.ToString();
        string second = SimulationRunner.Run(name, 4_711, Scenarios.All[name]).Log.ToString();
        Assert.True(first.Length > 10_000, $"The log has only {first.Length} characters.");
        Assert.Equal(first, second);
        Assert.NotEqual(first, SimulationRunner.Run(name, 4_712, Scenarios.All[name]).Log.ToString());
    }

    [Fact]
    public void Looking_on_changes_nothing()
    {
        SimulatedWorld watched = new(5, new WorldOptions { Scenario = "weather", Captures = true });
        watched.Invariants.Clear();
        Scenarios.Weather(watched);
        Assert.Equal(SimulationRunner.Run("weather", 5, Scenarios.Weather).Log.ToString(), watched.Log.ToString());
    }

    /// <summary>SplitMix64 as its authors give it (seed 1234567): a seed noted today means the same on another runtime.</summary>
    [Fact]
    public void The_generator_is_the_published_one()
    {
        SimulationRandom random = new(1_234_567);
        Assert.Equal(
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431, 16_408_922_859_458_223_821],
            Enumerable.Range(0, 5).Select(_ => random.NextUInt64()));
    }

    [Fact]
    public void Numbers_stay_in_their_range_and_reach_all_of_it()
    {
        SimulationRandom random = new(1);
        int[] seen = new int[7];
        for (int i = 0; i < 7_000; i++)
        {
            seen[random.Next(7)]++;
        }

        Assert.All(seen, count => Assert.InRange(count, 800, 1_200));
        Assert.False(random.Hits(0));
        Assert.True(random.Hits(1));
        Assert.InRange(Enumerable.Range(0, 10_000).Count(_ => random.Hits(0.3)), 2_800, 3_200);
    }
}
