using Overlay.Tables;

namespace Overlay.Testing.Simulation.Invariants;

/// <summary>
/// A set entry decides; without one, what was heard from that remote; without that, the flood list, each member once. For packets the longest prefix
/// decides, and of several remotes it is one.
/// </summary>
public sealed class DecisionsFollowTheTables : SimulationInvariant
{
    private readonly HashSet<(SimulatedTables, Vni, MacAddress, ValueIPAddress)> _heard = [];

    /// <inheritdoc/>
    public override string Rule => "A decision is what the tables say at its moment.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        switch (simulationEvent)
        {
            case PacketAccepted accepted:
                _heard.Add((accepted.Tunnel.Tables, accepted.Tunnel.Vni, accepted.Source, accepted.Remote));
                break;
            case FrameDecided decided when decided.Tunnel.IsEthernet:
                CheckFrame(decided);
                break;
            case FrameDecided decided:
                CheckPacket(decided);
                break;
        }
    }

    private void CheckFrame(FrameDecided decided)
    {
        SimulatedTables tables = decided.Tunnel.Tables;
        Vni vni = decided.Tunnel.Vni;
        MacAddress destination = decided.Frame.Destination;
        if (!destination.IsMulticast && tables.Twin.Forwarding.TryGetValue((vni, destination), out FdbEntry entry))
        {
            Require(
                decided.Remotes.Count == 1 && decided.Remotes[0] == entry.Remote,
                $"{decided.Tunnel}: {destination} is set at {entry.Remote}, and f{decided.Frame.Id} goes to {string.Join(", ", decided.Remotes)}.");
            return;
        }

        if (!destination.IsMulticast && decided.Remotes.Count == 1 && _heard.Contains((tables, vni, destination, decided.Remotes[0])))
        {
            return;
        }

        IReadOnlyList<ValueIPAddress> flood = tables.Twin.FloodOf(vni);
        Require(
            decided.Remotes.Order().SequenceEqual(flood.Order()),
            $"{decided.Tunnel}: f{decided.Frame.Id} to {destination} goes to {string.Join(", ", decided.Remotes)}; the flood list is {string.Join(", ", flood)}.");
    }

    private void CheckPacket(FrameDecided decided)
    {
        ReadOnlySpan<byte> packet = decided.Frame.Bytes;
        ValueIPAddress destination = UnderlayReceiver.DestinationOf(packet);
        _ = decided.Tunnel.Tables.Twin.TryRoute(destination, out _, out IReadOnlyList<RouteMember> route);
        Require(
            decided.Remotes.Count == 1 && route.Any(member => member.Entry.Remote == decided.Remotes[0]),
            $"{decided.Tunnel}: f{decided.Frame.Id} to {destination} goes to {string.Join(", ", decided.Remotes)}; the route leads to {string.Join(", ", route)}.");
    }
}
