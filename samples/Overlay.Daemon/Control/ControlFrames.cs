using System.Text.Json;

namespace Overlay.Daemon.Control;

/// <summary>What a daemon makes of the frames of its clients.</summary>
internal static class ControlFrames
{
    /// <summary>Reads a whole frame as a request.</summary>
    /// <exception cref="ControlRefusedException">It is none.</exception>
    public static ControlRequest ReadRequest(FrameResult frame)
    {
        try
        {
            return JsonSerializer.Deserialize(frame.Payload, ControlJson.Default.ControlRequest) ?? new ControlRequest(null);
        }
        catch (JsonException e)
        {
            throw new ControlRefusedException($"the request is not JSON of the right shape: {e.Message}");
        }
    }

    /// <summary>What came instead of a whole frame.</summary>
    public static string WhatCame(FrameResult frame) => frame.Status switch
    {
        FrameStatus.TooLong => $"the frame announces {frame.Length} bytes; a request has at most {FramedConnection.MaxRequest}",
        FrameStatus.End => "the connection ended",
        _ => "the connection ended within a frame",
    };
}
