using System.Net.Sockets;
using System.Text.Json;

namespace Overlay.Daemon.Control;

/// <summary>
/// Answers requests on a Unix socket of mode 0600. Who opens it although he is neither root nor the daemon's user, because somebody changed that mode, may
/// ask for what is for anyone only. Each client has a task of its own and bounded time, so that none can hold up another.
/// </summary>
internal sealed class ControlServer : IAsyncDisposable
{
    /// <summary>How many clients are served at once; the next ones are told to come back.</summary>
    public const int MaxClients = 64;

    private const int Backlog = 64;
    private static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(10);

    private readonly Socket _listener;
    private readonly ControlPeer _self;
    private readonly ControlHandlers _handlers;
    private readonly Action<string> _log;
    private readonly TimeSpan _patience;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly HashSet<Task> _clients = [];
    private readonly Task _accepting;

    private ControlServer(Socket listener, ControlHandlers handlers, Action<string> log, TimeSpan patience)
    {
        _listener = listener;
        _self = ControlPeer.Of(listener);
        _handlers = handlers;
        _log = log;
        _patience = patience;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Clients that are connected.</summary>
    public int ClientCount
    {
        get
        {
            lock (_lock)
            {
                return _clients.Count;
            }
        }
    }

    /// <summary>Binds the socket and begins to answer.</summary>
    /// <param name="path">Where; a missing directory is made with mode 0755.</param>
    /// <param name="handlers">Answer requests.</param>
    /// <param name="log">Takes one line for each failure that no client can be told.</param>
    /// <param name="patience">How long a client may take to send a frame, or to take one; null for 10 s.</param>
    /// <exception cref="IOException">The socket cannot be made, or another daemon answers there. Nothing is left behind.</exception>
    public static ControlServer Start(string path, ControlHandlers handlers, Action<string> log, TimeSpan? patience = null)
    {
        ArgumentNullException.ThrowIfNull(handlers);
        ArgumentNullException.ThrowIfNull(log);
        return new ControlServer(ControlSocket.Listen(path, Backlog), handlers, log, patience ?? DefaultPatience);
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
                bool welcome = ClientCount < MaxClients;
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
                await SendAsync(connection, ControlResponse.Failure($"{MaxClients} clients are connected already; try again")).ConfigureAwait(false);
                return;
            }

            ControlPeer peer = ControlPeer.Of(client);
            while (await ReadAsync(connection).ConfigureAwait(false) is { Status: not FrameStatus.End } frame &&
                   await AnswerAsync(connection, peer, frame).ConfigureAwait(false))
            {
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException)
        {
            // The client went away, took too long, or the daemon stops: nobody is left to be told.
            if (e is OperationCanceledException && !_stop.IsCancellationRequested)
            {
                _log($"control socket: a client neither sent a request nor took its answer for {_patience.TotalSeconds} s; closed");
            }
        }
    }

    private async Task<FrameResult> ReadAsync(FramedConnection connection)
    {
        using CancellationTokenSource timeout = Timeout();
        return await connection.ReadAsync(timeout.Token).ConfigureAwait(false);
    }

    private async Task SendAsync(FramedConnection connection, ControlResponse response)
    {
        using CancellationTokenSource timeout = Timeout();
        await connection.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(response, ControlJson.Default.ControlResponse), timeout.Token).ConfigureAwait(false);
    }

    private CancellationTokenSource Timeout()
    {
        var timeout = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        timeout.CancelAfter(_patience);
        return timeout;
    }

    /// <returns>Whether the next request can be read.</returns>
    private async Task<bool> AnswerAsync(FramedConnection connection, ControlPeer peer, FrameResult frame)
    {
        ControlRequest request;
        try
        {
            request = frame.Status == FrameStatus.Frame ? ControlFrames.ReadRequest(frame) : throw new ControlRefusedException(ControlFrames.WhatCame(frame));
            if (request.Command is null)
            {
                throw new ControlRefusedException("the request has no \"command\"; \"status\" is one");
            }
        }
        catch (ControlRefusedException e)
        {
            await SendAsync(connection, ControlResponse.Failure(e.Message, e.Fault)).ConfigureAwait(false);
            return false;
        }

        ControlCall call = new(request, peer, connection, _patience, _stop.Token);
        ControlResponse last;
        try
        {
            IControlHandler handler = _handlers.Find(request.Command);
            ControlRules.CheckProtocol(request, handler);
            ControlRules.CheckAccess(peer, _self, handler);
            await handler.AnswerAsync(call, _stop.Token).ConfigureAwait(false);
            if (call.IsAnswered)
            {
                return !call.ExpectsMore;
            }

            throw new InvalidOperationException("its handler gave no answer");
        }
        catch (ControlRefusedException e)
        {
            last = ControlResponse.Failure(e.Message, e.Fault);
        }
#pragma warning disable CA1031 // Whatever a handler throws is an answer to this client and a line in the log, not the end of the daemon.
        catch (Exception e) when (!call.IsBroken && !(e is OperationCanceledException && _stop.IsCancellationRequested))
#pragma warning restore CA1031
        {
            _log($"control socket: {request.Command} failed: {e}");
            last = ControlResponse.Failure($"{request.Command} failed: {e.Message}");
        }

        if (!call.IsAnswered)
        {
            await call.SendAsync(last).ConfigureAwait(false);
        }

        return !call.ExpectsMore;
    }
}
