namespace Overlay.Testing.Simulation.Invariants;

/// <summary>
/// Split horizon: a host puts onto the wire only what its own devices gave it, never what came out of a tunnel (RFC 7348 §4.2 has a full mesh of heads, in
/// which that would be a loop); and no frame comes out where it went in.
/// </summary>
public sealed class NothingComesBack : SimulationInvariant
{
    /// <inheritdoc/>
    public override string Rule => "What came out of a tunnel goes into none, and what went in does not come out there.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        switch (simulationEvent)
        {
            case PacketTransmitted { Packet: { From: { } from } packet }:
                Require(
                    packet.Frame.Origin?.Host == from,
                    $"{from.Name} sent f{packet.Frame.Id} on, which {packet.Frame.Origin?.Host.Name ?? "an attacker"} had sent.");
                break;
            case FrameDelivered { Packet.Frame: { Origin: { } origin } frame } delivered:
                Require(origin != delivered.Tunnel, $"f{frame.Id} came back to {origin}.");
                break;
        }
    }
}
