namespace Overlay.Forwarding;

/// <summary>How the program ends.</summary>
internal static class ExitCode
{
    /// <summary>Everything was measured that this machine can measure.</summary>
    public const int Measured = 0;

    /// <summary>Some measurement failed; the report says which.</summary>
    public const int Failed = 1;

    /// <summary>The command line has mistakes.</summary>
    public const int Usage = 2;

    /// <summary>This machine can measure nothing.</summary>
    public const int CannotRun = 3;

    /// <summary>Ended by a signal: what a shell reports for SIGINT.</summary>
    public const int Interrupted = 130;
}
