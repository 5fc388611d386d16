using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Overlay.Daemon.Control;
using Overlay.Daemon.Diagnosis;

namespace Overlay.Daemon.Commands;

/// <summary><c>overlayd trace</c>: records what a tunnel of the running daemon does with its packets.</summary>
internal static class TraceCommand
{
    /// <summary>Makes the command.</summary>
    public static Command Create(Option<string> socket, TextWriter output, TextWriter error)
    {
        Option<string> tunnel = new("--tunnel") { Description = "The tunnel", HelpName = "NAME", Required = true };
        Option<string> direction = new("--direction")
        {
            Description = "From the device, from the underlay, or both",
            HelpName = "egress|ingress|both",
            DefaultValueFactory = _ => DiagnosisTarget.Both,
        };
        direction.AcceptOnlyFromAmong(DiagnosisTarget.Egress, DiagnosisTarget.Ingress, DiagnosisTarget.Both);
        Option<bool> drops = new("--drops") { Description = "Only packets that are dropped" };
        Option<long> count = new("--count") { Description = "End after so many packets", HelpName = "N", DefaultValueFactory = _ => TraceLimits.DefaultCount };
        Option<double> seconds = new("--seconds") { Description = "End after so many seconds", HelpName = "S", DefaultValueFactory = _ => TraceLimits.DefaultSeconds };
        Option<int> snap = new("--snap-length") { Description = "Cut packets after so many bytes; 0 for never", HelpName = "BYTES" };
        Option<string> write = new("--write") { Description = "Where the pcapng goes; - is standard output", HelpName = "FILE", Required = true };
        Command command = new("trace", "Record what a running overlayd does with the packets of a tunnel, drops with their reason")
        {
            tunnel, direction, drops, count, seconds, snap, write, socket,
        };
        command.SetAction((parsed, _) => RunAsync(
            new TraceArguments
            {
                Tunnel = parsed.GetRequiredValue(tunnel),
                Direction = parsed.GetRequiredValue(direction),
                Drops = parsed.GetValue(drops),
                Count = parsed.GetValue(count),
                Seconds = parsed.GetValue(seconds),
                SnapLength = parsed.GetValue(snap),
            },
            parsed.GetRequiredValue(write), parsed.GetRequiredValue(socket), output, error));
        return command;
    }

    private static async Task<int> RunAsync(TraceArguments arguments, string write, string socket, TextWriter output, TextWriter error)
    {
        // The first signal ends the trace, with all that was recorded in the file.
        using ShutdownSignals signals = new(Environment.Exit, PosixSignal.SIGINT, PosixSignal.SIGTERM);
        using CancellationTokenSource interrupted = new();
        Task<bool> cancelled = signals.First.ContinueWith(
            _ =>
            {
                interrupted.Cancel();
                return true;
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        TracePart last = new();
        try
        {
            // Nothing is made of the file before the daemon has answered: a mistyped name must not empty it.
            Stream? file = null;
            try
            {
                ControlRequest request = ControlClient.Request(TraceArguments.Command, arguments, DiagnosisJson.Default.TraceArguments);
                await foreach (JsonElement answer in ControlClient.StreamAsync(socket, [request], ControlClient.PatientDeadline, interrupted.Token).ConfigureAwait(false))
                {
                    last = Read(socket, answer);
                    file ??= write == "-" ? Console.OpenStandardOutput() : File.Create(write);
                    await file.WriteAsync(last.Bytes, CancellationToken.None).ConfigureAwait(false);
                    await file.FlushAsync(CancellationToken.None).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (cancelled.IsCompleted)
            {
                last = last with { End = "signal" };
            }
            finally
            {
                if (file is not null)
                {
                    await file.DisposeAsync().ConfigureAwait(false);
                }
            }
        }
        catch (ControlException e)
        {
            await error.WriteLineAsync($"overlayd: {e.Message}").ConfigureAwait(false);
            return e.IsRefusal ? ExitCode.Usage : ExitCode.CannotStart;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync($"overlayd: {write}: {e.Message}").ConfigureAwait(false);
            return ExitCode.CannotStart;
        }

        string lost = last.Lost == 0 ? "none lost" : $"{last.Lost} lost, for which there was no room";
        string summary = string.Create(CultureInfo.InvariantCulture, $"{last.Recorded} packets recorded, {lost}; ended by {last.End}");
        // Standard output may be the capture.
        await (write == "-" ? error : output).WriteLineAsync(write == "-" ? $"overlayd: {summary}" : $"{write}: {summary}").ConfigureAwait(false);
        return ExitCode.Done;
    }

    private static TracePart Read(string socket, JsonElement answer)
    {
        try
        {
            return answer.Deserialize(DiagnosisJson.Default.TracePart) ?? throw new ControlException($"the overlayd on {socket} sent null as a part of its trace");
        }
        catch (JsonException e)
        {
            throw new ControlException($"the overlayd on {socket} sent a trace of another shape, perhaps of another version: {e.Message}", e);
        }
    }
}
