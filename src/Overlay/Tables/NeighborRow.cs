namespace Overlay.Tables;

/// <summary>A row of a <see cref="NeighborTable"/>, for display.</summary>
/// <param name="Vni">The network.</param>
/// <param name="Address">The inner IP address.</param>
/// <param name="Mac">Its MAC address.</param>
public readonly record struct NeighborRow(Vni Vni, ValueIPAddress Address, MacAddress Mac);
