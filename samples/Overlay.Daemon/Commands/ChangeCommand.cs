using System.Text.Json;
using Overlay.Daemon.Control;
using Overlay.Daemon.Control.Changes;

namespace Overlay.Daemon.Commands;

/// <summary><c>overlayd fdb add</c> and the like: has the running daemon change a table, and says what was done.</summary>
internal static class ChangeCommand
{
    /// <summary>Runs a command of one frame.</summary>
    public static Task<int> RunAsync(
        string socket, string command, ChangeArguments arguments, TextWriter output, TextWriter error, CancellationToken cancellation) =>
        RunAsync(socket, [ControlClient.Request(command, arguments, ControlJson.Default.ChangeArguments)], output, error, cancellation);

    /// <summary>Runs <c>overlayd fdb replace</c>.</summary>
    public static async Task<int> ReplaceAsync(string socket, string tunnel, string file, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        FdbFile rows;
        try
        {
            rows = FdbFile.Load(file);
        }
        catch (FormatException e)
        {
            await error.WriteLineAsync(e.Message).ConfigureAwait(false);
            return ExitCode.BadConfiguration;
        }

        return await RunAsync(socket, rows.ToRequests(tunnel), output, error, cancellation).ConfigureAwait(false);
    }

    private static async Task<int> RunAsync(
        string socket, IEnumerable<ControlRequest> request, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        try
        {
            await foreach (JsonElement part in ControlClient.StreamAsync(socket, request, ControlClient.PatientDeadline, cancellation).ConfigureAwait(false))
            {
                await output.WriteLineAsync(Text(socket, part)).ConfigureAwait(false);
            }

            return ExitCode.Done;
        }
        catch (ControlException e)
        {
            await error.WriteLineAsync($"overlayd: {e.Message}").ConfigureAwait(false);
            return e.IsRefusal ? ExitCode.Refused : ExitCode.CannotStart;
        }
    }

    private static string Text(string socket, JsonElement part)
    {
        try
        {
            return part.Deserialize(ControlJson.Default.ChangeResult)?.Text ?? throw new JsonException("It says nothing.");
        }
        catch (JsonException e)
        {
            throw new ControlException($"the overlayd on {socket} sent an answer of another shape, perhaps of another version: {e.Message}", e);
        }
    }
}
