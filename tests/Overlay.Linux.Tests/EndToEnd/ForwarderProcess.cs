using System.Diagnostics;
using System.Globalization;
using Overlay.Testing;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>A running overlay-forwarder, the sample; ready when the constructor returns.</summary>
internal sealed class ForwarderProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly Process _process;

    public ForwarderProcess(Netns netns, params string[] arguments)
    {
        _process = netns.Start(Program, arguments);
        Task<string?> first = _process.StandardOutput.ReadLineAsync();
        if (!first.Wait(Patience) || first.Result != "ready")
        {
            Dispose();
            throw new InvalidOperationException($"overlay-forwarder is not ready: {first.Result}");
        }
    }

    /// <summary>Beside the running assembly, where the reference to its project puts it.</summary>
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "overlay-forwarder");

    /// <summary>Ends it by a signal.</summary>
    public (int ExitCode, string Output, string Error, TimeSpan Time) Stop(string signal)
    {
        long begin = Stopwatch.GetTimestamp();
        Command.Run("kill", $"-{signal}", _process.Id.ToString(CultureInfo.InvariantCulture));
        if (!_process.WaitForExit(Patience))
        {
            throw new TimeoutException("overlay-forwarder does not end.");
        }

        TimeSpan time = Stopwatch.GetElapsedTime(begin);
        return (_process.ExitCode, _process.StandardOutput.ReadToEnd(), _process.StandardError.ReadToEnd(), time);
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
