namespace Overlay.Wire;

/// <summary>How the ECN field crosses the ends of a tunnel.</summary>
public enum EcnProfile : byte
{
    /// <summary>RFC 6040 normal mode: the outer field copies the inner one; on the way out the table of §4.2 combines both.</summary>
    Rfc6040,

    /// <summary>RFC 6040 compatibility mode: the outer field is Not-ECT (§4.1); on the way out as in normal mode.</summary>
    Rfc6040Compatibility,

    /// <summary>RFC 3168 full functionality, which Linux does: as RFC 6040, but CE goes out as ECT(0).</summary>
    Rfc3168,

    /// <summary>The outer field copies the inner one and is ignored on the way out.</summary>
    Copy,
}
