using System.Net.Sockets;
using Overlay.Daemon.Configuration;
using Overlay.Daemon.Control;
using Overlay.Daemon.Status;

namespace Overlay.Daemon.Commands;

/// <summary><c>overlayd run</c>: control socket, data plane, <c>ready</c>, and the way back when a signal comes.</summary>
/// <param name="config">The checked configuration.</param>
/// <param name="plane">The data plane of this configuration.</param>
/// <param name="output">Gets the one line <c>ready</c>.</param>
/// <param name="log">Takes everything else, a line at a time.</param>
internal sealed class RunCommand(DaemonConfig config, IDataPlane plane, TextWriter output, Action<string> log)
{
    // Less than the two seconds promised, so that there is time left to say that something hangs.
    private static readonly TimeSpan StopBound = TimeSpan.FromSeconds(1.5);

    private volatile bool _ready;

    /// <summary>Runs until <paramref name="shutdown"/> completes.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(Task shutdown)
    {
        ControlHandlers handlers = new(new StatusHandler(() => _ready ? plane.Status() with { Ready = true } : new DaemonStatus { Ready = false }));
        ControlServer control;
        try
        {
            // First of all: it finds out whether another daemon runs, before anything that could disturb that one is touched.
            control = ControlServer.Start(config.ControlSocket, handlers, log);
        }
        catch (IOException e)
        {
            log(e.Message);
            return ExitCode.CannotStart;
        }

        int exitCode = ExitCode.Done;
        try
        {
            plane.Start();
            if (!shutdown.IsCompleted)
            {
                handlers.Add(plane.Handlers);
                _ready = true;
                await output.WriteLineAsync("ready").ConfigureAwait(false);
                await output.FlushAsync().ConfigureAwait(false);
            }

            await shutdown.ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException)
        {
            log(e.Message);
            exitCode = ExitCode.CannotStart;
        }
        finally
        {
            _ready = false;
            await StopAsync(control).ConfigureAwait(false);
        }

        return exitCode;
    }

    private async Task StopAsync(ControlServer control)
    {
        // Status must not be asked of a plane that is being taken apart, so the socket goes first.
        var stopping = Task.Run(async () =>
        {
            await control.DisposeAsync().ConfigureAwait(false);
            plane.Stop();
        });
        try
        {
            await stopping.WaitAsync(StopBound).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            log($"stopping takes longer than {StopBound.TotalSeconds} s; leaving the rest to the kernel, which closes devices and sockets with the process");
        }
        catch (IOException e)
        {
            log($"while stopping: {e.Message}");
        }
    }
}
