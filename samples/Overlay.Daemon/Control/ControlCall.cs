using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Overlay.Daemon.Control;

/// <summary>One request while it is answered. Its handler's alone.</summary>
/// <param name="request">The request.</param>
/// <param name="peer">Who asks.</param>
/// <param name="connection">Where the answer goes.</param>
/// <param name="frameTimeout">How long the client may take for a frame.</param>
/// <param name="stop">The daemon stops.</param>
internal sealed class ControlCall(ControlRequest request, ControlPeer peer, FramedConnection connection, TimeSpan frameTimeout, CancellationToken stop)
{
    private bool _expectsMore = request.More;

    /// <summary>What is asked.</summary>
    public string Command { get; } = request.Command!;

    /// <summary>Who asks.</summary>
    public ControlPeer Peer { get; } = peer;

    /// <summary>Whether the last frame of the answer was sent.</summary>
    public bool IsAnswered { get; private set; }

    /// <summary>Whether the connection is of no more use: the client went away, or was too slow.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Whether frames of the request are still on the way.</summary>
    public bool ExpectsMore => _expectsMore;

    /// <summary>What the request says beside the command, as its text.</summary>
    /// <exception cref="ControlRefusedException">It says nothing.</exception>
    public ReadOnlySpan<byte> ArgumentText => JsonMarshal.GetRawUtf8Value(
        request.Arguments ?? throw new ControlRefusedException($"{Command} has no \"arguments\""));

    /// <summary>The same in a shape.</summary>
    /// <exception cref="ControlRefusedException">It says nothing, or something of another shape.</exception>
    public T Arguments<T>(JsonTypeInfo<T> shape)
        where T : class => Read(request.Arguments, shape);

    /// <summary>The next part of a request that has several.</summary>
    /// <returns>null if there are no more.</returns>
    /// <exception cref="ControlRefusedException">The part has another shape, or does not come.</exception>
    public async ValueTask<T?> NextArgumentsAsync<T>(JsonTypeInfo<T> shape)
        where T : class
    {
        if (!_expectsMore)
        {
            return null;
        }

        // Whatever goes wrong below, what follows cannot be told from the next request: the connection is closed after the answer.
        FrameResult frame = await TransferAsync(connection.ReadAsync).ConfigureAwait(false);
        if (frame.Status != FrameStatus.Frame)
        {
            throw new ControlRefusedException($"{Command} was to have more parts, but {ControlFrames.WhatCame(frame)}");
        }

        ControlRequest part = ControlFrames.ReadRequest(frame);
        T arguments = Read(part.Arguments, shape);
        _expectsMore = part.More;
        return arguments;
    }

    /// <summary>Sends a frame of the answer; it is the last one unless it says that there are more.</summary>
    /// <exception cref="OperationCanceledException">The client did not take it in time, or the daemon stops.</exception>
    /// <exception cref="IOException">The client is gone.</exception>
    /// <exception cref="InvalidOperationException">The last frame was sent already.</exception>
    public async ValueTask SendAsync(ControlResponse response)
    {
        await SendFrameAsync(JsonSerializer.SerializeToUtf8Bytes(response, ControlJson.Default.ControlResponse)).ConfigureAwait(false);
        IsAnswered = !response.More;
    }

    /// <summary>Sends a part that was written without a <see cref="ControlResponse"/>: a whole frame, which says that others follow.</summary>
    /// <inheritdoc cref="SendAsync"/>
    public ValueTask SendPartAsync(ReadOnlyMemory<byte> frame) => SendFrameAsync(frame);

    private async ValueTask SendFrameAsync(ReadOnlyMemory<byte> frame)
    {
        if (IsAnswered)
        {
            throw new InvalidOperationException($"{Command} was answered already.");
        }

        await TransferAsync(async cancellation =>
        {
            await connection.WriteAsync(frame, cancellation).ConfigureAwait(false);
            return true;
        }).ConfigureAwait(false);
    }

    private async ValueTask<T> TransferAsync<T>(Func<CancellationToken, ValueTask<T>> transfer)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(stop);
        timeout.CancelAfter(frameTimeout);
        try
        {
            return await transfer(timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            IsBroken = true;
            throw;
        }
    }

    private T Read<T>(JsonElement? arguments, JsonTypeInfo<T> shape)
        where T : class
    {
        try
        {
            return arguments?.Deserialize(shape) ?? throw new ControlRefusedException($"{Command} has no \"arguments\"");
        }
        catch (JsonException e)
        {
            throw new ControlRefusedException($"the arguments of {Command} are not of the right shape: {e.Message}");
        }
    }
}
