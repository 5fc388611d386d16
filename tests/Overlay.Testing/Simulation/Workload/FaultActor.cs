namespace Overlay.Testing.Simulation.Workload;

/// <summary>Makes links slow, lossy or worse, cuts and heals them.</summary>
public sealed class FaultActor(SimulatedWorld world, WorkloadOptions options) : WorkloadActor("weather", world, options?.Faults ?? 0)
{
    /// <inheritdoc/>
    protected override void Act()
    {
        SimulatedHost from = Random.Pick(World.Hosts);
        SimulatedHost to = Random.Pick([.. World.Hosts.Where(host => host != from)]);
        World.Network.SetLink(from, to, Random.Next(4) switch
        {
            0 => LinkFaults.None,
            1 => new LinkFaults { IsCut = true },
            _ => new LinkFaults
            {
                Delay = Random.Between(1, 30),
                Jitter = Random.Next(60),
                Loss = Random.Next(30) / 100.0,
                Duplication = Random.Next(20) / 100.0,
                Corruption = Random.Next(20) / 100.0,
            },
        });
    }
}
