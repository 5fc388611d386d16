namespace Overlay.Demo.Picture;

/// <summary>One field of a frame.</summary>
/// <param name="Offset">Where it begins, in bytes from the beginning of the frame.</param>
/// <param name="Bytes">Its bytes in hexadecimal.</param>
/// <param name="Name">What its specification calls it.</param>
/// <param name="Value">What it says.</param>
/// <param name="Specification">Where that is written: <c>RFC 7348 §5</c>.</param>
internal sealed record PacketField(int Offset, string Bytes, string Name, string Value, string Specification);
