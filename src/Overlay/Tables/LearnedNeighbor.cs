namespace Overlay.Tables;

/// <summary>What an ARP packet or a neighbour advertisement says of its sender.</summary>
/// <param name="Vni">The network.</param>
/// <param name="Address">The sender's inner address.</param>
/// <param name="Mac">The sender's MAC address.</param>
/// <param name="Flags">Of an advertisement, router and override; ARP always overrides.</param>
/// <param name="Remote">
/// The outer source. The unspecified address if it came from the device: then the host is on this side, and what was learned of it from another is wrong.
/// </param>
public readonly record struct LearnedNeighbor(Vni Vni, ValueIPAddress Address, MacAddress Mac, NeighborFlags Flags, ValueIPAddress Remote);
