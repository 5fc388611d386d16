namespace Overlay.Testing;

/// <summary>overlayd ended, or hung, before it said <c>ready</c>.</summary>
/// <param name="message">What happened, and all that it wrote to standard error.</param>
/// <param name="exitCode">Its exit code; null if it had to be ended.</param>
/// <param name="log">What it wrote to standard error.</param>
public sealed class DaemonEndedException(string message, int? exitCode, string log) : InvalidOperationException(message)
{
    /// <summary>Its exit code: 1 bad configuration, 2 usage, 3 cannot start; null if it had to be ended.</summary>
    public int? ExitCode { get; } = exitCode;

    /// <summary>What it wrote to standard error.</summary>
    public string Log { get; } = log;
}
