using System.Net.Sockets;
using System.Text.Json;

namespace Overlay.Daemon.Control;

/// <summary>A request did not get a good answer; the message is one line for the user.</summary>
internal sealed class ControlException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Asks a running daemon.</summary>
internal static class ControlClient
{
    /// <summary>How long a request may take from connect to answer.</summary>
    public static TimeSpan DefaultDeadline { get; } = TimeSpan.FromSeconds(2);

    /// <summary>Sends one request and waits for its answer.</summary>
    /// <param name="path">The socket of the daemon.</param>
    /// <param name="command">The command.</param>
    /// <param name="deadline">How long it may take in all.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The result.</returns>
    /// <exception cref="ControlException">Nobody answers there, or not in time, or the answer is an error or none.</exception>
    public static async Task<JsonElement> RequestAsync(string path, string command, TimeSpan deadline, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(deadline);
        try
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), timeout.Token).ConfigureAwait(false);
            }
            catch
            {
                socket.Dispose();
                throw;
            }

            await using var connection = FramedConnection.Over(new NetworkStream(socket, ownsSocket: true), FramedConnection.MaxFrame);
            byte[] request = JsonSerializer.SerializeToUtf8Bytes(new ControlRequest(command), ControlJson.Default.ControlRequest);
            await connection.WriteAsync(request, timeout.Token).ConfigureAwait(false);
            return Result(path, await connection.ReadAsync(timeout.Token).ConfigureAwait(false));
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

    private static JsonElement Result(string path, FrameResult frame)
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

        return response is { Ok: true, Result: JsonElement result }
            ? result
            : throw new ControlException($"the overlayd on {path} says: {response?.Error ?? "neither a result nor an error"}");
    }
}
