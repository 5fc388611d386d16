namespace Overlay.Testing.Simulation.Invariants;

/// <summary>
/// A frame for several comes out once at each host to which a copy was decided, no more and no less, unless the network lost, broke or doubled that copy or
/// the receiver dropped it for a reason; and nowhere else.
/// </summary>
public sealed class BroadcastReachesEveryMemberOnce : SimulationInvariant
{
    private readonly SortedDictionary<(long Frame, ValueIPAddress To), Copy> _copies = [];
    private readonly HashSet<long> _partlyDropped = [];

    /// <inheritdoc/>
    public override string Rule => "A broadcast reaches every member exactly once.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        switch (simulationEvent)
        {
            case FrameDecided decided when decided.Frame.IsMulticast:
                foreach (ValueIPAddress remote in decided.Remotes)
                {
                    Of(decided.Frame, remote).Expected++;
                }

                break;
            case FrameDropped dropped when dropped.Frame.IsMulticast:
                // Which copy of it, nobody can say from outside.
                _partlyDropped.Add(dropped.Frame.Id);
                break;
            case PacketDuplicated duplicated when duplicated.Packet.Frame is { IsMulticast: true, IsForged: false }:
                Of(duplicated.Packet.Frame, duplicated.Packet.Destination).Expected++;
                break;
            case PacketLost lost when lost.Packet.Frame is { IsMulticast: true, IsForged: false }:
                Of(lost.Packet.Frame, lost.Packet.Destination).Expected--;
                break;
            case PacketDropped dropped when dropped.Packet.Frame is { IsMulticast: true, IsForged: false }:
                Of(dropped.Packet.Frame, dropped.Packet.Destination).Expected--;
                break;
            case FrameDelivered delivered when delivered.Packet.Frame is { IsMulticast: true, IsForged: false }:
                Copy seen = Of(delivered.Packet.Frame, delivered.Packet.Destination);
                seen.Delivered++;
                Require(
                    seen.Delivered <= seen.Expected,
                    $"f{delivered.Packet.Frame.Id} came out at {delivered.Tunnel} for the {seen.Delivered}. time; {seen.Expected} copies were on their way.");
                break;
        }
    }

    /// <inheritdoc/>
    public override void ObserveRest(SimulatedWorld world)
    {
        foreach (((long frame, ValueIPAddress to), Copy copy) in _copies)
        {
            Require(
                copy.Delivered == copy.Expected || (copy.Delivered < copy.Expected && _partlyDropped.Contains(frame)),
                $"f{frame} reached {to} {copy.Delivered} times; {copy.Expected} were expected.");
        }
    }

    private Copy Of(SimulatedFrame frame, ValueIPAddress to)
    {
        if (!_copies.TryGetValue((frame.Id, to), out Copy? copy))
        {
            _copies.Add((frame.Id, to), copy = new Copy());
        }

        return copy;
    }

    private sealed class Copy
    {
        public int Expected { get; set; }

        public int Delivered { get; set; }
    }
}
