using System.Buffers;
using System.Text;
using System.Text.Json;
using Overlay.Daemon.Control;
using Overlay.Daemon.Status;

namespace Overlay.Daemon.Commands;

/// <summary><c>overlayd status</c>: asks the running daemon.</summary>
internal static class StatusCommand
{
    /// <summary>Runs the command.</summary>
    public static async Task<int> RunAsync(string socket, bool json, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        try
        {
            JsonElement result = await ControlClient.RequestAsync(socket, ControlRequest.StatusCommand, ControlClient.DefaultDeadline, cancellation)
                .ConfigureAwait(false);
            await output.WriteAsync(json ? Indent(result) : StatusTable.Format(Read(socket, result))).ConfigureAwait(false);
            return ExitCode.Done;
        }
        catch (ControlException e)
        {
            await error.WriteLineAsync($"overlayd: {e.Message}").ConfigureAwait(false);
            return ExitCode.CannotStart;
        }
    }

    /// <summary>The JSON as it came, members that this version does not know included.</summary>
    public static string Indent(JsonElement result)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            result.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    private static DaemonStatus Read(string socket, JsonElement result)
    {
        try
        {
            return result.Deserialize(ControlJson.Default.DaemonStatus) ?? throw new ControlException($"the overlayd on {socket} sent null as its status");
        }
        catch (JsonException e)
        {
            throw new ControlException($"the overlayd on {socket} sent a status of another shape, perhaps of another version: {e.Message}", e);
        }
    }
}
