namespace Overlay.Daemon.Doctor.Checksums;

/// <summary>Whose packets <c>doctor checksum</c> looks at, and for how long.</summary>
/// <param name="Peer">The outer source address.</param>
/// <param name="Link">The interface; null for all.</param>
/// <param name="Ports">UDP ports of VXLAN, beside the usual ones.</param>
/// <param name="Time">How long at most.</param>
/// <param name="Count">How many packets at most.</param>
internal sealed record ChecksumTarget(ValueIPAddress Peer, string? Link, IReadOnlyList<ushort> Ports, TimeSpan Time, long Count);
