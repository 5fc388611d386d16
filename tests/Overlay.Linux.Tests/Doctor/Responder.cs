using System.Diagnostics;
using Overlay.Testing;

namespace Overlay.Linux.Tests.Doctor;

/// <summary>A running <c>overlayd doctor respond</c>.</summary>
internal sealed class Responder : IDisposable
{
    private readonly Process _process;

    public Responder(Netns netns)
    {
        _process = netns.Start(OverlayDaemon.Program, "doctor", "respond");
        string? line = _process.StandardOutput.ReadLine();
        if (line != "ready")
        {
            throw new InvalidOperationException($"The responder is not ready: {line} {_process.StandardError.ReadToEnd()}");
        }
    }

    /// <summary>Ends it by SIGTERM.</summary>
    /// <returns>The exit code, and what it printed last.</returns>
    public (int ExitCode, string Output) Stop()
    {
        Command.Run("kill", "-TERM", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
        string output = _process.StandardOutput.ReadToEnd();
        _process.WaitForExit();
        return (_process.ExitCode, output);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
