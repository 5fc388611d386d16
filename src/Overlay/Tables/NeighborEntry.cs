namespace Overlay.Tables;

/// <summary>What is known of a neighbour.</summary>
/// <param name="Mac">Its MAC address.</param>
/// <param name="Origin">Who says so.</param>
/// <param name="Flags">What answers say beside the address.</param>
public readonly record struct NeighborEntry(
    MacAddress Mac, NeighborOrigin Origin = NeighborOrigin.Static, NeighborFlags Flags = NeighborFlags.Override);
