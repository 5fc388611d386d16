namespace Overlay.Testing.Relay;

/// <summary>
/// What a direction has done, in Ethernet frames. The books balance:
/// <see cref="Received"/> + <see cref="Duplicated"/> + <see cref="Fragments"/> + <see cref="Originated"/> =
/// <see cref="Sent"/> + <see cref="Dropped"/> + <see cref="TooBig"/> + <see cref="Fragmented"/> + <see cref="QueueFull"/> + <see cref="Refused"/> + <see cref="InFlight"/>.
/// </summary>
public readonly record struct RelayCounters
{
    /// <summary>Came in from the near end.</summary>
    public long Received { get; init; }

    /// <summary>ICMP errors of the relay about packets of the other direction; they meet this one's rules.</summary>
    public long Originated { get; init; }

    /// <summary>Went out to the far end.</summary>
    public long Sent { get; init; }

    /// <summary>Lost by a rule.</summary>
    public long Dropped { get; init; }

    /// <summary>Lost because they exceed the MTU, told or not.</summary>
    public long TooBig { get; init; }

    /// <summary>ICMP errors that were made about those: "fragmentation needed" and "packet too big".</summary>
    public long TooBigTold { get; init; }

    /// <summary>Packets that were fragmented.</summary>
    public long Fragmented { get; init; }

    /// <summary>The fragments that became of them.</summary>
    public long Fragments { get; init; }

    /// <summary>Lost because too many waited for their turn.</summary>
    public long QueueFull { get; init; }

    /// <summary>Lost because the far end's device was down or would not have them.</summary>
    public long Refused { get; init; }

    /// <summary>Copies made by rules.</summary>
    public long Duplicated { get; init; }

    /// <summary>Changed by rules.</summary>
    public long Edited { get; init; }

    /// <summary>Sent behind a packet that had come later.</summary>
    public long Reordered { get; init; }

    /// <summary>Inside now: delayed, waiting for their turn or held back.</summary>
    public long InFlight { get; init; }

    /// <summary>Whether the books balance.</summary>
    public bool IsBalanced =>
        Received + Duplicated + Fragments + Originated == Sent + Dropped + TooBig + Fragmented + QueueFull + Refused + InFlight;
}
