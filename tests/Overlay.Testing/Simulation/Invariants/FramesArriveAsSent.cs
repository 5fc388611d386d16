namespace Overlay.Testing.Simulation.Invariants;

/// <summary>A frame that comes out has the bytes that went in, unless the network has turned a bit of the packet, or an attacker has made it so.</summary>
public sealed class FramesArriveAsSent : SimulationInvariant
{
    /// <inheritdoc/>
    public override string Rule => "A frame arrives as it was sent, byte by byte.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        if (simulationEvent is FrameDelivered { Packet: { IsCorrupted: false, Frame.IsMisshapen: false } packet } delivered)
        {
            Require(
                delivered.Bytes.AsSpan().SequenceEqual(packet.Frame.Bytes),
                $"f{packet.Frame.Id} was {Convert.ToHexString(packet.Frame.Bytes)} and came out of {delivered.Tunnel} as {Convert.ToHexString(delivered.Bytes)}.");
        }
    }
}
