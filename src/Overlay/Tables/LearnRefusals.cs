namespace Overlay.Tables;

/// <summary>How often an address was not learned, since the table was made.</summary>
/// <param name="Full">The table, or the network in it, held as many entries, or stood for as many remotes, as learning may fill.</param>
/// <param name="Protected">A remote claimed a MAC address that a static or external entry places elsewhere.</param>
/// <param name="Invalid">A multicast or zero MAC address, or a remote that is no unicast address.</param>
/// <param name="Own">A remote claimed a MAC address of this VTEP (<see cref="ForwardingTable.AddOwn"/>).</param>
/// <param name="Frozen">A MAC address that moved too often turned up elsewhere once more (RFC 7432 §15.1).</param>
/// <param name="Unpermitted">The remote had been removed when its turn came (<see cref="OverlayTables.Learn"/>).</param>
public readonly record struct LearnRefusals(long Full, long Protected, long Invalid, long Own = 0, long Frozen = 0, long Unpermitted = 0);
