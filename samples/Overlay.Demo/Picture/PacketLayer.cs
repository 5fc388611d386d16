namespace Overlay.Demo.Picture;

/// <summary>One header of a frame, or what no header describes.</summary>
/// <param name="Name">Such as <c>outer IPv4</c>.</param>
/// <param name="Fields">Its fields, each beginning where the one before ends.</param>
internal sealed record PacketLayer(string Name, IReadOnlyList<PacketField> Fields);
