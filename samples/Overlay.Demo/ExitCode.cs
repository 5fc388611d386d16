namespace Overlay.Demo;

/// <summary>How the demo ends.</summary>
internal static class ExitCode
{
    /// <summary>Every case passed that this machine can run.</summary>
    public const int Passed = 0;

    /// <summary>A case failed; with <c>CI=true</c> also: one could not be run.</summary>
    public const int Failed = 1;

    /// <summary>The command line has mistakes.</summary>
    public const int Usage = 2;

    /// <summary>This machine can run no case at all.</summary>
    public const int CannotRun = 3;

    /// <summary>Ended by a signal: what a shell reports for SIGINT.</summary>
    public const int Interrupted = 130;
}
