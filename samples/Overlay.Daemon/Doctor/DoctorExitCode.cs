namespace Overlay.Daemon.Doctor;

/// <summary>The exit codes of <c>overlayd doctor</c>; a public format.</summary>
internal static class DoctorExitCode
{
    /// <summary>All was looked at and is right.</summary>
    public const int Clean = 0;

    /// <summary>Something is wrong.</summary>
    public const int Finding = 1;

    /// <summary>Nothing is known to be wrong, but not all could be looked at; or the command line has mistakes.</summary>
    public const int Undecided = 2;
}
