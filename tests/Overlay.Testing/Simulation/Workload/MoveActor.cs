namespace Overlay.Testing.Simulation.Workload;

/// <summary>Moves stations between the tunnel ends of their network, and switches them off and on.</summary>
public sealed class MoveActor(SimulatedWorld world, WorkloadOptions options) : WorkloadActor("mover", world, options?.Moves ?? 0)
{
    /// <inheritdoc/>
    protected override void Act()
    {
        SimulatedStation station = Random.Pick(World.Stations);
        SimulatedTunnel[] others = [.. World.Tunnels.Where(tunnel => tunnel != station.Tunnel && tunnel.Vni == station.Tunnel.Vni && tunnel.IsEthernet == station.Tunnel.IsEthernet)];
        if (Random.Hits(0.3) || others.Length == 0)
        {
            station.IsOff = !station.IsOff;
        }
        else
        {
            station.MoveTo(Random.Pick(others));
        }
    }
}
