namespace Overlay.Linux;

/// <summary>Where in a buffer an ICMP message lies, and between whom it went.</summary>
/// <param name="Source">Who says he sent it. Nothing proves that.</param>
/// <param name="Destination">The address of this host that it went to.</param>
/// <param name="Start">Bytes in front of the message's header.</param>
/// <param name="Length">Bytes of the message.</param>
public readonly record struct ReceivedIcmp(ValueIPAddress Source, ValueIPAddress Destination, int Start, int Length);
