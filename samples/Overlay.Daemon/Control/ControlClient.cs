using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Overlay.Daemon.Control;

/// <summary>Asks a running daemon.</summary>
internal static class ControlClient
{
    /// <summary>How long connecting, and every frame, may take.</summary>
    public static TimeSpan DefaultDeadline { get; } = TimeSpan.FromSeconds(2);

    /// <summary>How long frames may take where a daemon has more to do than to read counters.</summary>
    public static TimeSpan PatientDeadline { get; } = TimeSpan.FromSeconds(15);

    /// <summary>A request of the current protocol.</summary>
    /// <param name="command">The command.</param>
    /// <param name="arguments">What the command needs to know.</param>
    /// <param name="shape">How the arguments are written.</param>
    public static ControlRequest Request<T>(string command, T arguments, JsonTypeInfo<T> shape) => new(command)
    {
        Protocol = ControlProtocol.Current,
        Arguments = JsonSerializer.SerializeToElement(arguments, shape),
    };

    /// <summary>Asks in the first protocol, which every daemon speaks, and waits for the answer.</summary>
    /// <param name="path">The socket of the daemon.</param>
    /// <param name="command">The command.</param>
    /// <param name="deadline">How long it may take in all.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The result.</returns>
    /// <exception cref="ControlException">Nobody answers there, or not in time, or the answer is an error or none.</exception>
    public static Task<JsonElement> RequestAsync(string path, string command, TimeSpan deadline, CancellationToken cancellation) =>
        RequestAsync(path, new ControlRequest(command), deadline, cancellation);

    /// <summary>Sends one request and waits for its answer of one frame.</summary>
    /// <inheritdoc cref="RequestAsync(string, string, TimeSpan, CancellationToken)"/>
    public static async Task<JsonElement> RequestAsync(string path, ControlRequest request, TimeSpan deadline, CancellationToken cancellation)
    {
        JsonElement? result = null;
        await foreach (JsonElement part in StreamAsync(path, [request], deadline, cancellation).ConfigureAwait(false))
        {
            result ??= part;
        }

        return result!.Value;
    }

    /// <summary>Sends the parts of a request and gives those of the answer as they come.</summary>
    /// <param name="path">The socket of the daemon.</param>
    /// <param name="request">The request, each part but the last with <see cref="ControlRequest.More"/>.</param>
    /// <param name="deadline">How long connecting, each part and each frame of the answer may take.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="ControlException">Nobody answers there, or not in time, or the answer is an error or none, or it ends with one.</exception>
    public static async IAsyncEnumerable<JsonElement> StreamAsync(
        string path, IEnumerable<ControlRequest> request, TimeSpan deadline, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await using FramedConnection connection = await WithinAsync(path, deadline, token => OpenAsync(path, token), cancellation).ConfigureAwait(false);
        foreach (ControlRequest part in request)
        {
            if (!await WithinAsync(path, deadline, token => TrySendAsync(connection, part, token), cancellation).ConfigureAwait(false))
            {
                break;
            }
        }

        for (bool more = true; more;)
        {
            ControlResponse response = Read(path, await WithinAsync(path, deadline, connection.ReadAsync, cancellation).ConfigureAwait(false));
            more = response.More;
            yield return response.Result!.Value;
        }
    }

    private static async ValueTask<FramedConnection> OpenAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation).ConfigureAwait(false);
            return FramedConnection.Over(new NetworkStream(socket, ownsSocket: true), FramedConnection.MaxFrame);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async ValueTask<bool> TrySendAsync(FramedConnection connection, ControlRequest part, CancellationToken cancellation)
    {
        try
        {
            await connection.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(part, ControlJson.Relaxed.ControlRequest), cancellation).ConfigureAwait(false);
            return true;
        }
        catch (IOException)
        {
            // A daemon that stops reading a request has said why: its answer lies ready to be read.
            return false;
        }
    }

    private static async ValueTask<T> WithinAsync<T>(
        string path, TimeSpan deadline, Func<CancellationToken, ValueTask<T>> step, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(deadline);
        try
        {
            return await step(timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new ControlException($"the overlayd on {path} did not answer within {deadline.TotalSeconds} s", e);
        }
        catch (SocketException e)
        {
            throw new ControlException(e.SocketErrorCode switch
            {
                SocketError.AccessDenied => $"no permission to open {path}; the user that runs overlayd has it",
                SocketError.ConnectionRefused => $"no overlayd answers on {path}: nobody listens there",
                _ when !Path.Exists(path) => $"no overlayd answers on {path}: there is no such socket",
                _ => $"no overlayd answers on {path}: {e.Message}",
            }, e);
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            throw new ControlException($"no answer on {path}: {e.Message}", e);
        }
    }

    private static ControlResponse Read(string path, FrameResult frame)
    {
        if (frame.Status != FrameStatus.Frame)
        {
            throw new ControlException($"no answer on {path}: " + frame.Status switch
            {
                FrameStatus.End => "it closed the connection",
                FrameStatus.Truncated => "it closed the connection within a frame",
                _ => $"it announces a frame of {frame.Length} bytes, so it is not overlayd",
            });
        }

        ControlResponse? response;
        try
        {
            response = JsonSerializer.Deserialize(frame.Payload, ControlJson.Default.ControlResponse);
        }
        catch (JsonException e)
        {
            throw new ControlException($"no answer on {path}: what came is not JSON of the right shape: {e.Message}", e);
        }

        return response is { Ok: true, Result: not null }
            ? response
            : throw new ControlException(
                $"the overlayd on {path} says: {response?.Error ?? "neither a result nor an error"}", isRefusal: response?.Fault == ControlFault.Refused);
    }
}
