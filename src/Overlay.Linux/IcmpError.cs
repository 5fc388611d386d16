namespace Overlay.Linux;

/// <summary>An ICMP error about a packet sent from here.</summary>
/// <param name="Remote">The remote the packet was sent to.</param>
/// <param name="Reporter">Who sent the error: the remote itself or a router. Nothing proves that.</param>
/// <param name="Kind">What it said.</param>
public readonly record struct IcmpError(ValueIPAddress Remote, ValueIPAddress Reporter, IcmpErrorKind Kind);
