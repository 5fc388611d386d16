namespace Overlay.DataPath;

/// <summary>What becomes of VLAN tags of inner frames, both ways (RFC 7348 §6.1).</summary>
public enum InnerVlanPolicy : byte
{
    /// <summary>They pass unchanged.</summary>
    Keep,

    /// <summary>They are taken off.</summary>
    Strip,

    /// <summary>Tagged frames are dropped.</summary>
    Refuse,
}
