namespace Overlay.Daemon.Control;

/// <summary>
/// The versions of what is spoken on the control socket. 1: one request frame, one answer frame, the command <c>status</c>. 2: requests have arguments
/// and say their protocol, answers name the kind of a failure, and both may take several frames. A daemon serves every version up to its own.
/// </summary>
internal static class ControlProtocol
{
    /// <summary>What <c>status</c> was always asked by.</summary>
    public const int First = 1;

    /// <summary>What this program speaks.</summary>
    public const int Current = 2;
}
