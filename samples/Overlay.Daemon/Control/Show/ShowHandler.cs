using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Overlay.Daemon.Control.Show;

/// <summary>Answers a command that shows a table: rows in frames, for the owner only, since a table tells who talks to whom.</summary>
/// <typeparam name="T">A row.</typeparam>
/// <param name="command">The command.</param>
/// <param name="tunnels">The tunnels.</param>
/// <param name="shape">How a row is written.</param>
/// <param name="rows">
/// The rows of a tunnel that are wanted. It walks while frames are sent, for as long as the client takes.
/// </param>
internal sealed class ShowHandler<T>(string command, TunnelCatalog tunnels, JsonTypeInfo<T> shape, Func<TunnelTables, ShowFilter, IEnumerable<T>> rows)
    : IControlHandler
{
    /// <inheritdoc/>
    public string Command => command;

    /// <inheritdoc/>
    public async Task AnswerAsync(ControlCall call, CancellationToken cancellation)
    {
        ShowFilter filter = ShowFilter.From(call.Arguments(ControlJson.Default.ShowArguments), tunnels);
        using RowStream stream = new(call);
        bool isCut = false;
        foreach (T row in filter.Tunnels.Where(filter.Wants).SelectMany(tunnel => rows(tunnel, filter)))
        {
            isCut = stream.Count == filter.Limit;
            if (isCut)
            {
                break;
            }

            JsonSerializer.Serialize(stream.Next(), row, shape);
            if (stream.IsFull)
            {
                await stream.FlushAsync().ConfigureAwait(false);
                cancellation.ThrowIfCancellationRequested();
            }
        }

        await stream.EndAsync(isCut).ConfigureAwait(false);
    }
}
