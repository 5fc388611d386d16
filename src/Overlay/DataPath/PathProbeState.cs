namespace Overlay.DataPath;

/// <summary>The states of RFC 8899 §5.2.</summary>
public enum PathProbeState : byte
{
    /// <summary>Nothing is probed: no packet has gone to the remote yet, or it answers no probe at all.</summary>
    Disabled,

    /// <summary>It is being found out whether the base size passes, which nearly every path carries.</summary>
    Base,

    /// <summary>The largest size that passes is being looked for.</summary>
    Searching,

    /// <summary>The size is known; it is confirmed while packets flow, and a larger one looked for now and then.</summary>
    SearchComplete,

    /// <summary>Not even the base size is known to pass.</summary>
    Error,
}
