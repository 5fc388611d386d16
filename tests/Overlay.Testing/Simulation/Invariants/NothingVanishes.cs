namespace Overlay.Testing.Simulation.Invariants;

/// <summary>
/// Each frame and each copy of it ends on the wire, is dropped for a reason or consumed; each packet on the wire, duplicates included, is lost by the
/// network, dropped for a reason, or delivered. Exactly once.
/// </summary>
public sealed class NothingVanishes : SimulationInvariant
{
    private readonly SortedDictionary<long, int> _frames = [];
    private readonly SortedDictionary<long, int> _packets = [];

    /// <inheritdoc/>
    public override string Rule => "Whatever was sent has one end: delivered, lost on the way, dropped for a reason or consumed.";

    /// <inheritdoc/>
    public override void Observe(SimulatedWorld world, SimulationEvent simulationEvent)
    {
        switch (simulationEvent)
        {
            case FrameSent sent:
                Add(_frames, sent.Frame.Id, 1, "frame");
                break;
            case FrameDecided decided:
                Add(_frames, decided.Frame.Id, decided.Remotes.Count - 1, "frame");
                break;
            case FrameDropped dropped:
                Add(_frames, dropped.Frame.Id, -1, "frame");
                break;
            case FrameConsumed consumed:
                Add(_frames, consumed.Frame.Id, -1, "frame");
                break;
            case PacketTransmitted transmitted:
                Add(_packets, transmitted.Packet.Id, 1, "packet");
                if (!transmitted.Packet.Frame.IsForged)
                {
                    Add(_frames, transmitted.Packet.Frame.Id, -1, "frame");
                }

                break;
            case PacketDuplicated duplicated:
                Add(_packets, duplicated.Packet.Id, 1, "packet");
                break;
            case PacketLost lost:
                Add(_packets, lost.Packet.Id, -1, "packet");
                break;
            case PacketDropped dropped:
                Add(_packets, dropped.Packet.Id, -1, "packet");
                break;
            case FrameDelivered delivered:
                Add(_packets, delivered.Packet.Id, -1, "packet");
                break;
        }
    }

    /// <inheritdoc/>
    public override void ObserveRest(SimulatedWorld world)
    {
        foreach ((long id, int open) in _frames)
        {
            Break($"Frame f{id} has no end for {open} of what was made of it.");
        }

        foreach ((long id, int open) in _packets)
        {
            Break($"Packet p{id} has no end ({open}).");
        }
    }

    private void Add(SortedDictionary<long, int> open, long id, int difference, string what)
    {
        int now = open.GetValueOrDefault(id) + difference;
        Require(now >= 0, $"The {what} {id} ended more often than it began.");
        if (now == 0)
        {
            open.Remove(id);
        }
        else
        {
            open[id] = now;
        }
    }
}
