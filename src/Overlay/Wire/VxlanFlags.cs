namespace Overlay.Wire;

/// <summary>The first byte of a VXLAN header (RFC 7348 §5).</summary>
[Flags]
public enum VxlanFlags : byte
{
    /// <summary>No bit.</summary>
    None = 0,

    /// <summary>The I flag: the VNI is valid. It "MUST be set to 1"; all other bits are reserved.</summary>
    ValidVni = 0x08,
}
