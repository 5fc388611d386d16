using Overlay.Tables;

namespace Overlay.DataPath;

/// <summary>One thing that a path asked on its way to a decision, with what it found.</summary>
/// <param name="Source">What was asked.</param>
/// <param name="Outcome">What it came to.</param>
/// <param name="Text">A sentence for people.</param>
public sealed record ExplanationStep(ExplanationSource Source, ExplanationOutcome Outcome, string Text)
{
    /// <summary>The MAC address that the forwarding table was asked for; null if it was not.</summary>
    public MacAddress? Mac { get; init; }

    /// <summary>The inner address that the route or neighbour table was asked for, or the outer one that is to be a remote; null if none was.</summary>
    public ValueIPAddress? Address { get; init; }

    /// <summary>The forwarding entry that was found; null if none was, or no such table was asked.</summary>
    public FdbEntry? Forwarding { get; init; }

    /// <summary>The route that was found, its longest prefix first; null if none was.</summary>
    public RouteRow<RouteEntry>? Route { get; init; }

    /// <summary>The neighbour that was found; null if none was.</summary>
    public NeighborRow? Neighbor { get; init; }

    /// <summary>The flood list; null if it was not asked, empty if nobody is in it.</summary>
    public IReadOnlyList<ValueIPAddress>? Flood { get; init; }

    /// <summary>The name of the policy or option, as the configuration of overlayd spells it; null if none was asked.</summary>
    public string? Policy { get; init; }

    /// <summary>Its value, as the configuration spells it.</summary>
    public string? Value { get; init; }
}
