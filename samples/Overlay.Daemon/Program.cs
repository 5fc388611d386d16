using Overlay.Daemon.Commands;
using Overlay.Daemon.Configuration;
using Overlay.Daemon.DataPlane;

namespace Overlay.Daemon;

/// <summary>overlayd.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        var commandLine = new CommandLine(Console.Out, TextWriter.Synchronized(Console.Error), CreateDataPlane);
        int exitCode = await commandLine.RunAsync(args).ConfigureAwait(false);
        // Not a return: a thread that hangs while stopping must not hold the process.
        Environment.Exit(exitCode);
        return exitCode;
    }

    private static OverlayDataPlane CreateDataPlane(DaemonConfig config, Action<string> log) => new(config, log);
}
