namespace Overlay.Daemon.Commands;

/// <summary>The exit codes; a public format.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>The configuration has mistakes.</summary>
    public const int BadConfiguration = 1;

    /// <summary>What a running daemon was asked for has mistakes, and nothing was changed.</summary>
    public const int Refused = 1;

    /// <summary>The command line has mistakes.</summary>
    public const int Usage = 2;

    /// <summary>Something cannot be had: a device, a socket, a privilege, the daemon, its time.</summary>
    public const int CannotStart = 3;
}
