namespace Overlay.Tables;

/// <summary>How often a neighbour was not taken, since the table was made.</summary>
/// <param name="Full">The table held as many learned entries, or watched as many moving ones, as it may.</param>
/// <param name="Protected">An entry of a stronger origin, or an advertisement without the override flag, says another MAC address.</param>
/// <param name="Invalid">An address that no host has.</param>
/// <param name="Frozen">The address had moved too often (RFC 9161 §3.7).</param>
/// <param name="Elsewhere">The MAC address does not live behind the remote that said so.</param>
public readonly record struct NeighborRefusals(long Full, long Protected, long Invalid, long Frozen, long Elsewhere);
