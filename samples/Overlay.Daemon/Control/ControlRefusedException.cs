namespace Overlay.Daemon.Control;

/// <summary>
/// What a client asks for is wrong or impossible, and nothing was changed. The message is the answer: what is wrong, by name and value, and what would be
/// right.
/// </summary>
internal sealed class ControlRefusedException(string message, string fault = ControlFault.Refused) : Exception(message)
{
    /// <summary>One of <see cref="ControlFault"/>.</summary>
    public string Fault { get; } = fault;
}
