namespace Overlay.Testing.Relay;

/// <summary>
/// One thing that a relay does to some packets of a direction. Of the packets that match, one of <see cref="Every"/> is taken, exactly and in order, or
/// each by <see cref="Chance"/>. A rule counts for itself; one in both directions counts both.
/// </summary>
public sealed class RelayRule
{
    private readonly PacketEdit? _edit;
    private long _seen;
    private long _hits;

    private RelayRule(RelayAction action, PacketMatch? match, int every, double chance, PacketEdit? edit = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(every, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(chance);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(chance, 1);
        Action = action;
        Match = match ?? PacketMatch.Any;
        Every = every;
        Chance = chance;
        _edit = edit;
    }

    /// <summary>What happens.</summary>
    public RelayAction Action { get; }

    /// <summary>To which packets.</summary>
    public PacketMatch Match { get; }

    /// <summary>To the last of each so many that match.</summary>
    public int Every { get; }

    /// <summary>To which share of them, 0 to 1, by the relay's seed.</summary>
    public double Chance { get; }

    /// <summary>Packets that matched.</summary>
    public long Seen => Volatile.Read(ref _seen);

    /// <summary>Packets that it happened to.</summary>
    public long Hits => Volatile.Read(ref _hits);

    /// <summary>Loses packets.</summary>
    /// <param name="match">Which; null for all.</param>
    /// <param name="every">One of so many, exactly.</param>
    /// <param name="chance">With this probability.</param>
    public static RelayRule Drop(PacketMatch? match = null, int every = 1, double chance = 1) => new(RelayAction.Drop, match, every, chance);

    /// <summary>Loses packets and tells their senders, as <see cref="RelayAction.Reject"/>.</summary>
    /// <inheritdoc cref="Drop"/>
    public static RelayRule Reject(PacketMatch? match = null, int every = 1, double chance = 1) => new(RelayAction.Reject, match, every, chance);

    /// <summary>Sends packets twice.</summary>
    /// <inheritdoc cref="Drop"/>
    public static RelayRule Duplicate(PacketMatch? match = null, int every = 1, double chance = 1) => new(RelayAction.Duplicate, match, every, chance);

    /// <summary>Sends packets behind the ones that follow them.</summary>
    /// <inheritdoc cref="Drop"/>
    public static RelayRule Reorder(PacketMatch? match = null, int every = 1, double chance = 1) => new(RelayAction.Reorder, match, every, chance);

    /// <summary>Flips one bit of what follows the IP header, chosen by the relay's seed.</summary>
    /// <inheritdoc cref="Drop"/>
    public static RelayRule Corrupt(PacketMatch? match = null, int every = 1, double chance = 1) => new(RelayAction.Edit, match, every, chance);

    /// <summary>Changes packets.</summary>
    /// <param name="edit">How.</param>
    /// <param name="match">Which; null for all.</param>
    /// <param name="every">One of so many, exactly.</param>
    /// <param name="chance">With this probability.</param>
    public static RelayRule Edit(PacketEdit edit, PacketMatch? match = null, int every = 1, double chance = 1)
    {
        ArgumentNullException.ThrowIfNull(edit);
        return new RelayRule(RelayAction.Edit, match, every, chance, edit);
    }

    /// <summary>Whether it happens to this packet.</summary>
    internal bool Takes(ReadOnlySpan<byte> packet, Simulation.SimulationRandom random)
    {
        if (!Match.Matches(packet))
        {
            return false;
        }

        bool hit = Interlocked.Increment(ref _seen) % Every == 0 && (Chance >= 1 || random.Hits(Chance));
        if (hit)
        {
            Interlocked.Increment(ref _hits);
        }

        return hit;
    }

    /// <summary>Changes a packet that it takes.</summary>
    internal void Apply(Span<byte> packet, Simulation.SimulationRandom random)
    {
        if (_edit is not null)
        {
            _edit(packet);
        }
        else if (TransportView.TryParse(packet, out TransportView view) && view.Transport.Length > 0)
        {
            packet[view.TransportOffset + random.Next(view.Transport.Length)] ^= (byte)(1 << random.Next(8));
        }
    }
}
