namespace Overlay.Daemon.Control;

/// <summary>A request did not get a good answer; the message is one line for the user.</summary>
/// <param name="message">The line.</param>
/// <param name="inner">What happened below.</param>
/// <param name="isRefusal">Whether the daemon understood the request and refused it for what it asks, so that another request is right.</param>
internal sealed class ControlException(string message, Exception? inner = null, bool isRefusal = false) : Exception(message, inner)
{
    /// <summary>Whether the daemon refused the request for what it asks.</summary>
    public bool IsRefusal { get; } = isRefusal;
}
