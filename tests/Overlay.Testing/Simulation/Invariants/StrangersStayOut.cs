namespace Overlay.Testing.Simulation.Invariants;

/// <summary>Where only known remotes are let in, no packet of another passes, and no remote becomes known by what it sends.</summary>
public sealed class StrangersStayOut : SimulationInvariant
{
    /// <inheritdoc/>
    public override string Rule => "A packet passes only if its outer source is permitted.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        if (simulationEvent is PacketAccepted accepted && accepted.Tunnel.Options.Policy.Remotes.KnownOnly)
        {
            Require(
                accepted.Tunnel.Tables.Twin.IsKnown(accepted.Remote),
                $"{accepted.Tunnel} took p{accepted.Packet.Id} from {accepted.Remote}, which nothing names.");
        }

        if (simulationEvent is AddressLearned { IsTaken: true } learned && learned.Tables.Options.Remotes.KnownOnly)
        {
            Require(
                learned.Tables.Twin.IsKnown(learned.Address.Remote),
                $"{learned.Tables.Name} learned {learned.Address.Mac} at {learned.Address.Remote}, which nothing names.");
        }

        if (simulationEvent is UpdateApplied applied)
        {
            foreach (SimulatedHost host in world.Hosts)
            {
                Require(
                    applied.Tables.Tables.IsKnownRemote(host.Address) == applied.Tables.Twin.IsKnown(host.Address),
                    $"{applied.Tables.Name} says that {host.Address} is {(applied.Tables.Tables.IsKnownRemote(host.Address) ? "" : "un")}known.");
            }
        }
    }
}
