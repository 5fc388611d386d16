namespace Overlay.Tables;

/// <summary>How often an address was not learned, since the table was made.</summary>
/// <param name="Full">The table held as many entries, or stood for as many remotes, as learning may fill.</param>
/// <param name="Protected">A remote claimed a MAC address that a static or external entry places elsewhere.</param>
/// <param name="Invalid">A multicast or zero MAC address, or a remote that is no unicast address.</param>
public readonly record struct LearnRefusals(long Full, long Protected, long Invalid);
