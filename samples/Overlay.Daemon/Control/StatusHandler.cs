using System.Text.Json;
using Overlay.Daemon.Status;

namespace Overlay.Daemon.Control;

/// <summary><c>status</c>: the counters, for whoever may open the socket.</summary>
/// <param name="status">Gives the status of now; called by several threads at once.</param>
internal sealed class StatusHandler(Func<DaemonStatus> status) : IControlHandler
{
    /// <inheritdoc/>
    public string Command => ControlRequest.StatusCommand;

    /// <inheritdoc/>
    public int Protocol => ControlProtocol.First;

    /// <inheritdoc/>
    public ControlAccess Access => ControlAccess.Anyone;

    /// <inheritdoc/>
    public async Task AnswerAsync(ControlCall call, CancellationToken cancellation) =>
        await call.SendAsync(ControlResponse.Success(JsonSerializer.SerializeToElement(status(), ControlJson.Default.DaemonStatus))).ConfigureAwait(false);
}
