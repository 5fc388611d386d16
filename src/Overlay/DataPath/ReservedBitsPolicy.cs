namespace Overlay.DataPath;

/// <summary>Which reserved bits of a received VXLAN header are tolerated (RFC 7348 §5).</summary>
/// <param name="Tolerated">The tolerated bits of the eight header bytes, first byte highest.</param>
public readonly record struct ReservedBitsPolicy(ulong Tolerated)
{
    /// <summary>The reserved bits of the header: seven beside the I flag, 24 behind it and 8 behind the VNI.</summary>
    public const ulong ReservedMask = 0xF7FF_FFFF_0000_00FF;

    /// <summary>A packet with any reserved bit is dropped.</summary>
    public static ReservedBitsPolicy Reject => new(0);

    /// <summary>Reserved bits are ignored, as RFC 7348 §5 says.</summary>
    public static ReservedBitsPolicy Ignore => new(ReservedMask);

    /// <summary>Whether a header passes.</summary>
    /// <param name="header">The eight header bytes, first byte highest.</param>
    public bool Accepts(ulong header) => (header & ReservedMask & ~Tolerated) == 0;
}
