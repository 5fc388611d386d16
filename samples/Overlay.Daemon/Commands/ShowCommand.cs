using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Overlay.Daemon.Control;
using Overlay.Daemon.Control.Show;

namespace Overlay.Daemon.Commands;

/// <summary><c>overlayd show TABLE</c>: asks the running daemon for the rows of its tables and prints them as they come.</summary>
internal static class ShowCommand
{
    /// <summary>Runs the command.</summary>
    /// <param name="socket">The socket of the daemon.</param>
    /// <param name="table">What to show.</param>
    /// <param name="arguments">Which rows.</param>
    /// <param name="json">Whether as JSON.</param>
    /// <param name="output">Takes the rows.</param>
    /// <param name="error">Takes anything else.</param>
    /// <param name="cancellation">Ends it.</param>
    public static async Task<int> RunAsync(
        string socket, ShowTable table, ShowArguments arguments, bool json, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        try
        {
            ControlRequest request = ControlClient.Request(table.Command, arguments, ControlJson.Default.ShowArguments);
            IAsyncEnumerable<JsonElement> parts = Spooled(ControlClient.StreamAsync(socket, [request], ControlClient.PatientDeadline, cancellation), cancellation);
            ShowEnd end = json
                ? await WriteJsonAsync(socket, parts, output, cancellation).ConfigureAwait(false)
                : await WriteTextAsync(socket, parts, table, output, cancellation).ConfigureAwait(false);
            if (end.Cut)
            {
                await error.WriteLineAsync($"overlayd: these are {end.Rows} rows; there are more (--limit)").ConfigureAwait(false);
            }

            return ExitCode.Done;
        }
        catch (ControlException e)
        {
            await error.WriteLineAsync($"overlayd: {e.Message}").ConfigureAwait(false);
            return e.IsRefusal ? ExitCode.Refused : ExitCode.CannotStart;
        }
    }

    // The daemon gives up clients that do not take what they asked for, and whoever reads this output may be a person with a pager.
    private static async IAsyncEnumerable<JsonElement> Spooled(
        IAsyncEnumerable<JsonElement> parts, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var channel = Channel.CreateUnbounded<JsonElement>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        Task reading = Task.Run(
            async () =>
            {
                try
                {
                    await foreach (JsonElement part in parts.ConfigureAwait(false))
                    {
                        channel.Writer.TryWrite(part);
                    }

                    channel.Writer.Complete();
                }
                catch (Exception e)
                {
                    // Whoever reads the channel gets it, behind the parts that came before.
                    channel.Writer.Complete(e);
                }
            },
            cancellation);
        await foreach (JsonElement part in channel.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
        {
            yield return part;
        }

        await reading.ConfigureAwait(false);
    }

    private static async Task<ShowEnd> WriteJsonAsync(string socket, IAsyncEnumerable<JsonElement> parts, TextWriter output, CancellationToken cancellation)
    {
        bool any = false;
        await foreach (JsonElement part in parts.WithCancellation(cancellation).ConfigureAwait(false))
        {
            if (part.ValueKind != JsonValueKind.Array)
            {
                await output.WriteAsync(any ? "\n]\n" : "[]\n").ConfigureAwait(false);
                return End(socket, part);
            }

            var text = new StringBuilder();
            foreach (JsonElement row in part.EnumerateArray())
            {
                text.Append(any ? ",\n  " : "[\n  ").Append(Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8Value(row)));
                any = true;
            }

            await output.WriteAsync(text, cancellation).ConfigureAwait(false);
        }

        throw Endless(socket);
    }

    private static async Task<ShowEnd> WriteTextAsync(
        string socket, IAsyncEnumerable<JsonElement> parts, ShowTable table, TextWriter output, CancellationToken cancellation)
    {
        var text = new StreamedTable(table.Columns);
        await foreach (JsonElement part in parts.WithCancellation(cancellation).ConfigureAwait(false))
        {
            if (part.ValueKind != JsonValueKind.Array)
            {
                await output.WriteAsync(text.Finish()).ConfigureAwait(false);
                return End(socket, part);
            }

            try
            {
                foreach (JsonElement row in part.EnumerateArray())
                {
                    text.Add(table.Cells(row));
                }
            }
            catch (JsonException e)
            {
                throw new ControlException($"the overlayd on {socket} sent a row of another shape, perhaps of another version: {e.Message}", e);
            }

            await output.WriteAsync(text.Take()).ConfigureAwait(false);
        }

        throw Endless(socket);
    }

    private static ShowEnd End(string socket, JsonElement part)
    {
        try
        {
            return part.Deserialize(ControlJson.Default.ShowEnd) ?? throw Endless(socket);
        }
        catch (JsonException e)
        {
            throw new ControlException($"the overlayd on {socket} sent an end of another shape, perhaps of another version: {e.Message}", e);
        }
    }

    private static ControlException Endless(string socket) => new($"the overlayd on {socket} sent no end of the table");
}
