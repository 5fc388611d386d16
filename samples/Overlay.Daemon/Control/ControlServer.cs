using System.Net.Sockets;
using System.Text.Json;

namespace Overlay.Daemon.Control;

/// <summary>
/// Answers requests on a Unix socket of mode 0600: whoever may open it may ask, and nobody else can reach it. Each client has a task of its
/// own and bounded time, so that none can hold up another.
/// </summary>
internal sealed class ControlServer : IAsyncDisposable
{
    /// <summary>How many clients are served at once; the next ones are told to come back.</summary>
    public const int MaxClients = 64;

    private const int Backlog = 64;
    private static readonly TimeSpan ClientTimeout = TimeSpan.FromSeconds(10);

    private readonly Socket _listener;
    private readonly Func<ControlRequest, ControlResponse> _handler;
    private readonly Action<string> _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly HashSet<Task> _clients = [];
    private readonly Task _accepting;

    private ControlServer(Socket listener, Func<ControlRequest, ControlResponse> handler, Action<string> log)
    {
        _listener = listener;
        _handler = handler;
        _log = log;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Binds the socket and begins to answer.</summary>
    /// <param name="path">Where; a missing directory is made with mode 0755.</param>
    /// <param name="handler">Answers a request; called by several threads at once.</param>
    /// <param name="log">Takes one line for each failure that no client can be told.</param>
    /// <exception cref="IOException">The socket cannot be made, or another daemon answers there. Nothing is left behind.</exception>
    public static ControlServer Start(string path, Func<ControlRequest, ControlResponse> handler, Action<string> log)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(log);
        return new ControlServer(ControlSocket.Listen(path, Backlog), handler, log);
    }

    /// <summary>Closes the socket, removes it from the file system and ends all clients.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        // Closing a bound Unix socket also unlinks its path.
        _listener.Dispose();
        await _accepting.ConfigureAwait(false);
        Task[] clients;
        lock (_lock)
        {
            clients = [.. _clients];
        }

        await Task.WhenAll(clients).ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                Socket client = await _listener.AcceptAsync(_stop.Token).ConfigureAwait(false);
                bool welcome = ClientCount() < MaxClients;
                // Not in this loop, however much the client has already sent.
                Track(Task.Run(() => ServeAsync(client, welcome)));
            }
            catch (Exception e) when (_stop.IsCancellationRequested && e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
            catch (SocketException e)
            {
                // Out of descriptors, most likely: the clients there will leave, so wait instead of spinning.
                _log($"control socket: accept failed: {e.Message}");
                await Task.Delay(100, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private void Track(Task client)
    {
        lock (_lock)
        {
            _clients.Add(client);
        }

        client.ContinueWith(
            done =>
            {
                lock (_lock)
                {
                    _clients.Remove(done);
                }
            },
            CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    private async Task ServeAsync(Socket client, bool welcome)
    {
        try
        {
            await using var connection = FramedConnection.Over(new NetworkStream(client, ownsSocket: true), FramedConnection.MaxRequest);
            if (!welcome)
            {
                using CancellationTokenSource timeout = Timeout();
                await SendAsync(connection, ControlResponse.Failure($"{MaxClients} clients are connected already; try again"), timeout.Token).ConfigureAwait(false);
            }

            for (bool goOn = welcome; goOn;)
            {
                using CancellationTokenSource timeout = Timeout();
                FrameResult frame = await connection.ReadAsync(timeout.Token).ConfigureAwait(false);
                if (frame.Status == FrameStatus.End)
                {
                    return;
                }

                (ControlResponse response, goOn) = Answer(frame);
                await SendAsync(connection, response, timeout.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client went away, took too long, or the daemon stops: nobody is left to be told.
            if (e is OperationCanceledException && !_stop.IsCancellationRequested)
            {
                _log($"control socket: a client neither sent a request nor took its answer for {ClientTimeout.TotalSeconds} s; closed");
            }
        }
    }

    private CancellationTokenSource Timeout()
    {
        var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        timeout.CancelAfter(ClientTimeout);
        return timeout;
    }

    private static ValueTask SendAsync(FramedConnection connection, ControlResponse response, CancellationToken cancellation) =>
        connection.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(response, ControlJson.Default.ControlResponse), cancellation);

    private (ControlResponse Response, bool GoOn) Answer(FrameResult frame)
    {
        if (frame.Status != FrameStatus.Frame)
        {
            return (ControlResponse.Failure(frame.Status == FrameStatus.TooLong
                ? $"the frame announces {frame.Length} bytes; a request has at most {FramedConnection.MaxRequest}"
                : "the connection ended within a frame"), false);
        }

        ControlRequest? request;
        try
        {
            request = JsonSerializer.Deserialize(frame.Payload, ControlJson.Default.ControlRequest);
        }
        catch (JsonException e)
        {
            return (ControlResponse.Failure($"the request is not JSON of the right shape: {e.Message}"), false);
        }

        if (request?.Command is null)
        {
            return (ControlResponse.Failure("the request has no \"command\"; \"status\" is one"), false);
        }

        try
        {
            return (_handler(request), true);
        }
#pragma warning disable CA1031 // Whatever a handler throws is an answer to this client and a line in the log, not the end of the daemon.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _log($"control socket: {request.Command} failed: {e}");
            return (ControlResponse.Failure($"{request.Command} failed: {e.Message}"), true);
        }
    }

    private int ClientCount()
    {
        lock (_lock)
        {
            return _clients.Count;
        }
    }
}
