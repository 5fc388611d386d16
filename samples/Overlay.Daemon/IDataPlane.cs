using Overlay.Daemon.Control;
using Overlay.Daemon.Status;

namespace Overlay.Daemon;

/// <summary>The running tunnels, as the daemon sees them: devices, sockets, workers.</summary>
internal interface IDataPlane
{
    /// <summary>Makes all devices and sockets and sets the workers going; returns when packets flow. Called once.</summary>
    /// <exception cref="IOException">Something cannot be had; the message names it. <see cref="Stop"/> then undoes what there is.</exception>
    void Start();

    /// <summary>
    /// Stops reading, sends what is in hand, and removes whatever <see cref="Start"/> made, even if it came half way. Takes less than a
    /// second. Called once, also after a failed <see cref="Start"/>.
    /// </summary>
    void Stop();

    /// <summary>Counters and facts of now. Called by any thread, between <see cref="Start"/> and <see cref="Stop"/> only.</summary>
    DaemonStatus Status();

    /// <summary>What can be asked of it beside the status. Read once, after <see cref="Start"/>; the handlers are called until <see cref="Stop"/>.</summary>
    IReadOnlyList<IControlHandler> Handlers { get; }
}
