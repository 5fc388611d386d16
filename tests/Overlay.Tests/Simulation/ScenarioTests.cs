using Overlay.Tables;
using Overlay.Testing.Simulation;
using Overlay.Testing.Simulation.Invariants;
using Xunit;

namespace Overlay.Tests.Simulation;

/// <summary>Every scenario with many seeds; all invariants hold at every step. <c>OVERLAY_SIM_SEED=N</c> runs one seed again.</summary>
public sealed class ScenarioTests
{
    public static TheoryData<string> Names => [.. Scenarios.All.Keys];

    [Theory]
    [InlineData("calm", 40)]
    [InlineData("weather", 80)]
    [InlineData("moves", 80)]
    [InlineData("control-plane", 100)]
    [InlineData("attack", 80)]
    [InlineData("open", 80)]
    [InlineData("ip-in-ip", 60)]
    [InlineData("groups", 60)]
    [InlineData("limits", 100)]
    [InlineData("everything", 200)]
    public async Task The_invariants_hold(string name, int seeds)
    {
        (int runs, long events) = await SimulationRunner.RunAllAsync(name, seeds, Scenarios.All[name]);
        Assert.True(runs > 0 && events > 100L * runs, $"{runs} runs of {name} had {events} events in all: hardly anything happened.");
    }

    [Fact]
    public void No_scenario_is_left_out()
    {
        IEnumerable<string?> named = typeof(ScenarioTests).GetMethod(nameof(The_invariants_hold))!.GetCustomAttributes(typeof(InlineDataAttribute), false)
            .Cast<InlineDataAttribute>().Select(data => data.Data[0] as string);
        Assert.Equal(Scenarios.All.Keys, named.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void In_a_calm_world_every_frame_arrives_and_nothing_is_dropped()
    {
        SimulatedWorld world = SimulationRunner.Run("calm", 77, Scenarios.Calm);
        Assert.Empty(world.Log.Of<PacketLost>());
        Assert.Empty(world.Log.Of<PacketDropped>());
        Assert.Empty(world.Log.Of<FrameDropped>());
        Assert.Equal(world.Log.Of<FrameDecided>().Sum(decided => decided.Remotes.Count), world.Log.Of<FrameDelivered>().Count());
        Assert.Contains(world.Log.Of<FrameDecided>(), decided => decided.Frame.IsMulticast && decided.Remotes.Count == 2);
        Assert.Contains(world.Log.Of<AddressLearned>(), learned => learned.IsTaken);
        Assert.True(world.Scheduler.Interleavings > 100, "Hardly anybody was ever put aside.");
    }

    /// <summary>An invariant that never sees what it is about holds for nothing: the seeds must reach each case.</summary>
    [Fact]
    public void The_seeds_reach_what_the_invariants_are_about()
    {
        List<SimulationEvent> events = [];
        foreach ((string name, Action<SimulatedWorld> scenario) in Scenarios.All)
        {
            for (ulong seed = 1; seed <= 3; seed++)
            {
                events.AddRange(SimulationRunner.Run(name, seed, scenario).Log.Events);
            }
        }

        Assert.Contains(events, e => e is RemoteLeft);
        Assert.Contains(events, e => e is FrameConsumed);
        Assert.Contains(events, e => e is AnswerDelivered);
        Assert.Contains(events, e => e is PacketDuplicated);
        Assert.Contains(events, e => e is FrameDelivered { Packet.IsCorrupted: true });
        Assert.Contains(events, e => e is PacketLost { Where: "link cut" });
        Assert.Contains(events, e => e is StationMoved);
        Assert.Contains(events, e => e is TablesAged { Removed: > 0 });
        Assert.Contains(events, e => e is IndexUsed { Age: > 5_000 });
        Assert.Contains(events, e => e is Refused);
        Assert.Contains(events, e => e is FrameDropped { Reason: DropReason.NoRemote });
        Assert.Contains(events, e => e is FrameDropped { Reason: DropReason.NoRoute });
        Assert.Contains(events, e => e is FrameDropped { Reason: DropReason.QueueFull });
        Assert.Contains(events, e => e is FrameDropped { Reason: DropReason.Truncated });
        Assert.Contains(events, e => e is AddressLearned { IsTaken: false });
        Assert.Contains(events, e => e is ForwardingReplaced { Done.Removed: > 0 });
        Assert.Contains(events, e => e is UpdateApplied { Update.Members.Count: > 2 });
        Assert.All(
            [DropReason.BroadcastLimit, DropReason.UnknownUnicastLimit],
            reason => Assert.Contains(events, e => e is FrameDropped dropped && dropped.Reason == reason));
        Assert.All(
            [DropReason.UnknownRemote, DropReason.UnknownVni, DropReason.InvalidSourceMac, DropReason.LocalMac, DropReason.ReservedBits, DropReason.Truncated],
            reason => Assert.Contains(events, e => e is PacketDropped dropped && dropped.Reason == reason));
        Assert.Contains(events, e => e is PacketAccepted { Packet.Frame.What: "mac-flood" });
        Assert.Contains(events, e => e is PacketAccepted { Packet.Frame.What: "hijack" });
    }

    [Fact]
    public void The_limits_are_reached_in_their_scenario()
    {
        (long evictions, long freezes, long full, long frozen) = (0, 0, 0, 0);
        for (ulong seed = 1; seed <= 20; seed++)
        {
            foreach (ForwardingTable table in SimulationRunner.Run("limits", seed, Scenarios.Limits).Tunnels.Select(tunnel => tunnel.Tables.Tables.Forwarding).Distinct())
            {
                evictions += table.Evictions;
                freezes += table.Freezes;
                full += table.Refusals.Full;
                frozen += table.Refusals.Frozen;
            }
        }

        Assert.True(evictions > 50 && freezes > 50 && full > 50 && frozen > 50, $"{evictions} evictions, {freezes} freezes, {full} refused as full, {frozen} as frozen.");
    }

    [Fact]
    public void Every_invariant_is_among_the_standard_ones()
    {
        IEnumerable<Type> all = typeof(StandardInvariants).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(SimulationInvariant)) && !type.IsAbstract);
        Assert.Equal(all.Select(type => type.Name).Order(), StandardInvariants.All().Select(invariant => invariant.GetType().Name).Order());
    }
}
