namespace Overlay.DataPath;

/// <summary>How the outer DF bit is chosen.</summary>
public enum DontFragmentPolicy : byte
{
    /// <summary>Clear.</summary>
    Unset,

    /// <summary>Set.</summary>
    Set,

    /// <summary>As in the inner IPv4 header; set for inner IPv6, clear for anything else.</summary>
    Inherit,
}
