namespace Overlay.Testing.Relay;

/// <summary>A question about a packet.</summary>
/// <param name="packet">The IP packet, without the Ethernet header.</param>
public delegate bool PacketPredicate(ReadOnlySpan<byte> packet);
