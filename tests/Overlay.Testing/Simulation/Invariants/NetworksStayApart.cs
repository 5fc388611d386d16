namespace Overlay.Testing.Simulation.Invariants;

/// <summary>A frame comes out in the network it was sent in; of a forged one, that of its tunnel header. A turned bit may lie in the VNI.</summary>
public sealed class NetworksStayApart : SimulationInvariant
{
    /// <inheritdoc/>
    public override string Rule => "Nothing crosses from one VNI into another.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        if (simulationEvent is FrameDelivered delivered && !delivered.Packet.IsCorrupted)
        {
            Require(
                delivered.Packet.Frame.Vni == delivered.Tunnel.Vni,
                $"f{delivered.Packet.Frame.Id} of VNI {delivered.Packet.Frame.Vni} came out of {delivered.Tunnel}.");
        }
    }
}
