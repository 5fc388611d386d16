namespace Overlay.Testing.Relay;

/// <summary>A change of a packet, whose length stays what it is. <see cref="PacketEdits"/> has the usual ones.</summary>
/// <param name="packet">The IP packet, without the Ethernet header.</param>
public delegate void PacketEdit(Span<byte> packet);
