namespace Overlay.Tables;

/// <summary>A question that could not be answered here and was flooded: what a control plane that fills tables on demand wants to hear.</summary>
/// <param name="Vni">The network.</param>
/// <param name="Address">The inner address that was asked for.</param>
/// <param name="Mac">Its MAC address if the neighbour is known and only the forwarding entry is missing; zero if nothing is known.</param>
public readonly record struct NeighborMiss(Vni Vni, ValueIPAddress Address, MacAddress Mac);
