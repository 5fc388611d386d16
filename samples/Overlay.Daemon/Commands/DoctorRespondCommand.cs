using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Overlay.Daemon.Doctor;
using Overlay.Daemon.Doctor.Underlay;
using Overlay.Linux;

namespace Overlay.Daemon.Commands;

/// <summary><c>overlayd doctor respond</c>: tells a <c>doctor underlay</c> elsewhere what arrives here.</summary>
internal static class DoctorRespondCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(TextWriter output, TextWriter error)
    {
        Option<double?> seconds = new("--seconds") { Description = "End after so many seconds; else by SIGINT or SIGTERM", HelpName = "S" };
        Command command = new("respond", "Answer the packets of 'overlayd doctor underlay' on all interfaces; may stand beside a running overlayd") { seconds };
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(seconds), output, error));
        return command;
    }

    private static async Task<int> RunAsync(double? seconds, TextWriter output, TextWriter error)
    {
        using ShutdownSignals signals = new(Environment.Exit, PosixSignal.SIGINT, PosixSignal.SIGTERM);
        try
        {
            using var responder = UnderlayResponder.Start();
            await output.WriteLineAsync("ready").ConfigureAwait(false);
            await output.FlushAsync().ConfigureAwait(false);
            Task end = seconds is { } time ? Task.Delay(TimeSpan.FromSeconds(time)) : Task.Delay(Timeout.Infinite);
            Task first = await Task.WhenAny(signals.First, end, responder.Failed).ConfigureAwait(false);
            await first.ConfigureAwait(false);
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{responder.Probes} packets of {responder.Sessions} runs seen")).ConfigureAwait(false);
            return DoctorExitCode.Clean;
        }
        catch (LinuxException e)
        {
            await error.WriteLineAsync($"overlayd: {e.Message}").ConfigureAwait(false);
            return DoctorExitCode.Undecided;
        }
    }
}
