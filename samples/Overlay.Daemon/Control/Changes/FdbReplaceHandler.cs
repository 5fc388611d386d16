using System.Text.Json;
using Overlay.Daemon.Configuration;
using Overlay.Daemon.DataPlane;
using Overlay.DataPath;
using Overlay.Tables;

namespace Overlay.Daemon.Control.Changes;

/// <summary>A part of the request <c>fdb-replace</c>.</summary>
/// <param name="Tunnel">The tunnel, in the first part.</param>
/// <param name="Rows">A part of a list of rows as the client's file has it: <c>{"mac":"…","remote":"…"}</c>, as text, so that mistakes have their lines.</param>
/// <param name="Line">The line of the file that <paramref name="Rows"/> begins with, counted from 1.</param>
internal sealed record FdbReplaceArguments(string? Tunnel, string? Rows, int Line);

/// <summary>
/// <c>fdb-replace</c>: the entries made at run time become those of a list, all or none. What is configured stays; what was learned stays where the list does not
/// name the station.
/// </summary>
internal sealed class FdbReplaceHandler(TunnelCatalog tunnels, ITableDoor door) : IControlHandler
{
    private int _busy;

    /// <inheritdoc/>
    public string Command => "fdb-replace";

    /// <inheritdoc/>
    public async Task AnswerAsync(ControlCall call, CancellationToken cancellation)
    {
        // A list may be long, and it is kept here until its end has come.
        if (Interlocked.Exchange(ref _busy, 1) != 0)
        {
            throw new ControlRefusedException("another list is being received; nothing was changed, try again", ControlFault.Busy);
        }

        try
        {
            ChangeResult result = await ReplaceAsync(call).ConfigureAwait(false);
            await call.SendAsync(ControlResponse.Success(JsonSerializer.SerializeToElement(result, ControlJson.Default.ChangeResult))).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    private async Task<ChangeResult> ReplaceAsync(ControlCall call)
    {
        FdbReplaceArguments? part = call.Arguments(ControlJson.Default.FdbReplaceArguments);
        FdbList list = new(tunnels.Find(part.Tunnel ?? throw new ControlRefusedException("the request has no \"tunnel\"; the name of a tunnel is right")));
        for (; part is not null; part = await call.NextArgumentsAsync(ControlJson.Default.FdbReplaceArguments).ConfigureAwait(false))
        {
            list.Add(part.Rows ?? "[]", part.Line);
        }

        return await door.ChangeAsync(list.Apply).ConfigureAwait(false);
    }
}
