using System.Text.Json;
using Overlay.Daemon.DataPlane;

namespace Overlay.Daemon.Control.Changes;

/// <summary>What a change came to.</summary>
/// <param name="Changed">Entries added, changed or removed.</param>
/// <param name="Text">What was done, in one line for people.</param>
internal sealed record ChangeResult(long Changed, string Text);

/// <summary>Answers a command that changes a table: checks all of it first, then has the writer do it.</summary>
/// <param name="command">The command.</param>
/// <param name="tunnels">The tunnels.</param>
/// <param name="door">The way to the writer.</param>
internal abstract class ChangeHandler(string command, TunnelCatalog tunnels, ITableDoor door) : IControlHandler
{
    /// <inheritdoc/>
    public string Command => command;

    /// <inheritdoc/>
    public async Task AnswerAsync(ControlCall call, CancellationToken cancellation)
    {
        Func<ChangeResult> change = Prepare(ArgumentReader.Open(call, tunnels));
        ChangeResult result = await door.ChangeAsync(change).ConfigureAwait(false);
        await call.SendAsync(ControlResponse.Success(JsonSerializer.SerializeToElement(result, ControlJson.Default.ChangeResult))).ConfigureAwait(false);
    }

    /// <summary>Reads the arguments to their end.</summary>
    /// <returns>The change, for the writer's thread. It refuses what the tables do not allow before it changes anything.</returns>
    /// <exception cref="ControlRefusedException">The arguments have mistakes.</exception>
    protected abstract Func<ChangeResult> Prepare(ArgumentReader arguments);
}
