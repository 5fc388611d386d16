using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing.Simulation;
using Xunit;

namespace Overlay.Tests.Simulation;

/// <summary>The simulated world itself: time, network, kernel, stations and scheduling do what they say.</summary>
public sealed class WorldTests
{
    private static readonly Vni Net = new(42);

    [Fact]
    public void Time_passes_only_by_running()
    {
        SimulatedWorld world = new(1);
        long start = world.Clock.Now;
        world.Run(5_000);
        Assert.Equal(start + 5_000, world.Clock.Now);
        Assert.Throws<ArgumentOutOfRangeException>(() => world.Clock.Advance(-1));
        world.Clock.AdvanceTo(0);
        Assert.Equal(start + 5_000, world.Clock.Now);
    }

    [Fact]
    public void A_station_asks_and_is_answered_and_both_ends_have_learned()
    {
        (SimulatedWorld world, SimulatedStation a, SimulatedStation b) = Pair(LinkFaults.None);
        a.Ask(b.Address);
        world.Run(500);
        world.Drain();
        Assert.Contains(world.Log.Of<FrameSent>(), sent => sent.Frame.What == "arp-reply" && sent.Frame.Source == b.Mac);
        Assert.Equal(1, a.Received);
        Assert.True(a.Tunnel.Tables.Tables.Forwarding.TryLookup(Net, b.Mac, out FdbEntry entry));
        Assert.Equal(new FdbEntry(b.Tunnel.Host.Address, 0, FdbOrigin.Learned), entry);
        Assert.True(b.Tunnel.Tables.Tables.Forwarding.TryLookup(Net, a.Mac, out entry));
        Assert.Equal(a.Tunnel.Host.Address, entry.Remote);
    }

    [Theory]
    [InlineData("cut", 0)]
    [InlineData("loss", 0)]
    [InlineData("duplication", 100)]
    [InlineData("corruption", 0)]
    [InlineData("jitter", 50)]
    public void Links_do_what_they_are_told(string what, int delivered)
    {
        LinkFaults faults = what switch
        {
            "cut" => new LinkFaults { IsCut = true },
            "loss" => new LinkFaults { Loss = 1 },
            "duplication" => new LinkFaults { Duplication = 1 },
            "corruption" => new LinkFaults { Corruption = 1 },
            _ => new LinkFaults { Jitter = 50 },
        };
        (SimulatedWorld world, SimulatedStation a, _) = Pair(faults);
        for (int i = 0; i < 50; i++)
        {
            a.Announce();
            world.Run(3);
        }

        world.Drain();
        long[] ids = [.. world.Log.Of<FrameDelivered>().Select(e => e.Packet.Frame.Id)];
        Assert.Equal(delivered, ids.Length);
        Assert.Equal(50 - Math.Min(delivered, 50), world.Log.Of<PacketLost>().Count());
        Assert.Equal(what == "corruption" ? 50 : 0, world.Log.Of<PacketLost>().Count(lost => lost.Where.StartsWith("kernel: bad", StringComparison.Ordinal)));
        Assert.Equal(what == "jitter", !ids.SequenceEqual(ids.Order()));
    }

    [Fact]
    public void A_full_socket_buffer_loses_what_comes()
    {
        (SimulatedWorld world, SimulatedStation a, _) = Pair(LinkFaults.None, new HostOptions { SocketLength = 1 });
        for (int i = 0; i < 100; i++)
        {
            a.Announce();
        }

        world.Run(1_000);
        world.Drain();
        Assert.Contains(world.Log.Of<PacketLost>(), lost => lost.Where == "full socket buffer of b");
        Assert.NotEmpty(world.Log.Of<FrameDelivered>());
    }

    [Fact]
    public void A_congested_port_makes_the_worker_wait_and_at_last_drop()
    {
        (SimulatedWorld world, SimulatedStation a, _) = Pair(LinkFaults.None, new HostOptions { Congestion = 1 });
        long before = world.Clock.Now;
        a.Announce();
        world.Run(1);
        Assert.Equal(DropReason.QueueFull, Assert.Single(world.Log.Of<FrameDropped>()).Reason);
        Assert.True(world.Clock.Now >= before + TunnelWorker.SendPatience);
    }

    [Fact]
    public void A_multicast_group_of_the_underlay_reaches_who_has_joined()
    {
        ValueIPAddress group = ValueIPAddress.Parse("239.1.1.1");
        SimulatedWorld world = new(3);
        SimulatedTunnel[] ends = [.. new[] { "1", "2", "3" }.Select(n => world.AddHost($"h{n}", $"192.0.2.{n}", new HostOptions { Remotes = RemotePolicy.Any }).AddTunnel(Net))];
        Array.ForEach(ends, end => end.Tables.Apply(OverlayUpdate.AddFlood(Net, group)));
        world.Hosts[0].Join(group);
        world.Hosts[1].Join(group);
        world.AddStation("s", ends[0], MutationRig.MacOf(1), ValueIPAddress.Parse("10.0.0.1")).Announce();
        world.Run(100);
        world.Drain();
        Assert.Equal(ends[1], Assert.Single(world.Log.Of<FrameDelivered>()).Tunnel);
    }

    [Fact]
    public void Writers_run_while_a_worker_is_in_the_middle_of_a_turn()
    {
        int seen = 0;
        for (ulong seed = 1; seed <= 5; seed++)
        {
            SimulationEvent[] events = [.. SimulationRunner.Run("control-plane", seed, Scenarios.ControlPlane).Log.Events];
            for (int i = 0; i < events.Length; i++)
            {
                if (events[i] is FrameDecided decided)
                {
                    // Decided, then something of the same tables' writer, then sent.
                    int sent = Array.FindIndex(events, i, e => e is PacketTransmitted transmitted && transmitted.Packet.Frame == decided.Frame);
                    seen += sent > 0 && events[i..sent].Any(e => e is UpdateApplied applied && applied.Tables == decided.Tunnel.Tables) ? 1 : 0;
                }
            }
        }

        Assert.True(seen >= 5, $"Only {seen} times an update was applied between a decision and its sending.");
    }

    private static (SimulatedWorld World, SimulatedStation A, SimulatedStation B) Pair(LinkFaults faults, HostOptions? options = null)
    {
        SimulatedWorld world = new(11);
        SimulatedStation a = world.AddStation("sa", world.AddHost("a", "192.0.2.1", options).AddTunnel(Net), MutationRig.MacOf(1), ValueIPAddress.Parse("10.0.0.1"));
        SimulatedStation b = world.AddStation("sb", world.AddHost("b", "192.0.2.2", options).AddTunnel(Net), MutationRig.MacOf(2), ValueIPAddress.Parse("10.0.0.2"));
        world.Connect(Net);
        world.Network.SetAllLinks(faults);
        return (world, a, b);
    }
}
