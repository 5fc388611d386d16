namespace Overlay.Demo.Picture;

/// <summary>A frame as it was on the cable; <c>packet</c> in the JSON.</summary>
/// <param name="Case">The case whose tunnel it belongs to.</param>
/// <param name="Hex">Its bytes in hexadecimal.</param>
/// <param name="Intact">Whether all layers could be read and all checksums are right (or left to the device, which is said in the field).</param>
/// <param name="Layers">Its headers, field by field.</param>
internal sealed record CapturedFrame(string Case, string Hex, bool Intact, IReadOnlyList<PacketLayer> Layers)
{
    /// <summary>Why there is no frame.</summary>
    public string? Failure { get; init; }
}
