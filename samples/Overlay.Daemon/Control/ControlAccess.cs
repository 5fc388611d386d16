namespace Overlay.Daemon.Control;

/// <summary>Who may ask for something.</summary>
internal enum ControlAccess
{
    /// <summary>Root and the user that runs the daemon, whatever the mode of the socket: it changes tables, or shows what is nobody else's business.</summary>
    Owner,

    /// <summary>Whoever may open the socket.</summary>
    Anyone,
}
