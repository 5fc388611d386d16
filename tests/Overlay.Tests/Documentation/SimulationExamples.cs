using Overlay.Tables;
using Overlay.Testing.Simulation;
using Overlay.Testing.Simulation.Workload;

namespace Overlay.Tests.Documentation;

/// <summary>The examples of docs/simulation.md: the bodies of these methods, and the class behind them, stand there word by word.</summary>
internal static class SimulationExamples
{
    public static void Scenario(SimulatedWorld world)
    {
        // Three VTEPs; the second one has two workers and a small table.
        SimulatedHost[] hosts =
        [
            world.AddHost("a", "192.0.2.1"),
            world.AddHost("b", "192.0.2.2", new HostOptions { Workers = 2, MaxForwardingEntries = 8 }),
            world.AddHost("c", "192.0.2.3"),
        ];
        foreach (SimulatedHost host in hosts)
        {
            SimulatedTunnel tunnel = host.AddTunnel(new Vni(42));
            uint number = (uint)world.Stations.Count + 1;
            world.AddStation($"station{number}", tunnel, MacAddress.FromValue(0x0200_0000_0000UL + number), ValueIPAddress.FromIPv4(0x0A00_0000 + number));
        }

        world.Connect(new Vni(42));
        world.Network.SetAllLinks(new LinkFaults { Delay = 2, Jitter = 20, Loss = 0.05 });
        world.Invariants.Add(new NobodyTalksToHimself());

        // Traffic and movement by the seed; what shall happen at a certain time, by hand.
        WorkloadSetup.Add(world, new WorkloadOptions { Traffic = 200, Moves = 2_000 });
        world.Run(5_000);
        hosts[0].Tunnels[0].Tables.EnqueueLeave(hosts[2].Address);
        world.Run(5_000);
        hosts[0].Tunnels[0].Tables.Enqueue(OverlayUpdate.AddFlood(new Vni(42), hosts[2].Address));
        world.Run(5_000);
        world.Drain();
    }

    public static void Test()
    {
        for (ulong seed = 1; seed <= 5; seed++)
        {
            SimulationRunner.Run("three ends", seed, Scenario);
        }
    }

    private sealed class NobodyTalksToHimself : SimulationInvariant
    {
        public override string Rule => "No decision names the host that makes it.";

        public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
        {
            if (simulationEvent is FrameDecided decided)
            {
                Require(!decided.Remotes.Contains(decided.Tunnel.Host.Address), $"{decided.Tunnel} sends f{decided.Frame.Id} to itself.");
            }
        }
    }
}
