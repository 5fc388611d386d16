using Overlay.Testing.Simulation;
using Xunit;

namespace Overlay.Tests.Simulation;

/// <summary>What a failure says: the seed, the step, what came before, and how to see it again.</summary>
public sealed class FailureMessageTests
{
    [Fact]
    public void A_broken_invariant_says_where_and_how_to_replay()
    {
        SimulationFailedException failure = Assert.Throws<SimulationFailedException>(() => RunUntilDelivered(seed: 31));
        string[] lines = failure.Message.Split('\n');
        Assert.StartsWith("Scenario doomed, seed 31, step ", lines[0], StringComparison.Ordinal);
        Assert.Contains("/worker0", lines[0], StringComparison.Ordinal);
        Assert.Equal("NothingArrives: Nothing arrives. f0 arrived.", lines[1]);
        Assert.Contains(lines, line => line.EndsWith("a.42 f0 to 192.0.2.2", StringComparison.Ordinal));
        Assert.EndsWith("b.42 -> f0 by p0, 60 bytes", lines[^2], StringComparison.Ordinal);
        Assert.StartsWith("Replay: OVERLAY_SIM_SEED=31 with the same test", lines[^1], StringComparison.Ordinal);
        Assert.Equal(31UL, failure.Seed);
        Assert.Equal(failure.Message, Assert.Throws<SimulationFailedException>(() => RunUntilDelivered(seed: 31)).Message);
    }

    [Fact]
    public void What_a_part_throws_comes_with_the_seed_as_well()
    {
        SimulatedWorld world = new(8, new WorldOptions { Scenario = "throws" });
        SimulatedHost host = world.AddHost("a", "192.0.2.1", new HostOptions { Components = new HostComponents { Egress = (path, _) => new BrokenPath(path, before: _ => throw new NotSupportedException("no")) } });
        host.AddTunnel(new Vni(42)).Send("any", new byte[60]);
        SimulationFailedException failure = Assert.Throws<SimulationFailedException>(() => world.Run(100));
        Assert.Contains("seed 8", failure.Message, StringComparison.Ordinal);
        Assert.Contains("NotSupportedException: no", failure.Message, StringComparison.Ordinal);
    }

    private static void RunUntilDelivered(ulong seed) => SimulationRunner.Run("doomed", seed, world =>
    {
        world.Invariants.Add(new NothingArrives());
        SimulatedTunnel a = world.AddHost("a", "192.0.2.1").AddTunnel(new Vni(42));
        _ = world.AddHost("b", "192.0.2.2").AddTunnel(new Vni(42));
        world.Connect(new Vni(42));
        world.AddStation("s", a, MutationRig.MacOf(1), ValueIPAddress.Parse("10.0.0.1")).Announce();
        world.Run(1_000);
    });

    private sealed class NothingArrives : SimulationInvariant
    {
        public override string Rule => "Nothing arrives.";

        public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent) =>
            Require(simulationEvent is not FrameDelivered, $"f{(simulationEvent as FrameDelivered)?.Packet.Frame.Id} arrived.");
    }
}
