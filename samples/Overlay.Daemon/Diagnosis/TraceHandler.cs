using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using Overlay.Capture;
using Overlay.Daemon.Control;
using Overlay.Daemon.DataPlane;
using Overlay.DataPath;

namespace Overlay.Daemon.Diagnosis;

/// <summary><c>trace</c>: what a tunnel does with its packets from now on, as pcapng in parts, until it has seen enough or its client goes.</summary>
/// <param name="tunnels">The tunnels.</param>
/// <param name="time">The clock of the packets.</param>
internal sealed class TraceHandler(IReadOnlyList<TunnelRuntime> tunnels, TimeProvider time) : IControlHandler
{
    // Workers wake nobody: what they note waits for so long, at most.
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    // Silence tells nobody that the client is gone.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(1);

    // Base64 makes four bytes of three, and a frame must not keep a client waiting.
    private const int PartBytes = 256 * 1024;

    /// <inheritdoc/>
    public string Command => TraceArguments.Command;

    /// <inheritdoc/>
    public async Task AnswerAsync(ControlCall call, CancellationToken cancellation)
    {
        TraceArguments arguments = call.Arguments(DiagnosisJson.Default.TraceArguments);
        TunnelRuntime tunnel = DiagnosisTarget.Find(tunnels, arguments.Tunnel);
        Check(arguments);
        PathTrace trace = new(Points(tunnel, arguments.Direction), time, new PathTraceOptions
        {
            MaxRecords = arguments.Count,
            DropsOnly = arguments.Drops,
            SnapLength = arguments.SnapLength,
        });
        try
        {
            await RunAsync(call, trace, TimeSpan.FromSeconds(arguments.Seconds), cancellation).ConfigureAwait(false);
        }
        finally
        {
            trace.Stop();
        }
    }

    private static async Task RunAsync(ControlCall call, PathTrace trace, TimeSpan length, CancellationToken cancellation)
    {
        ArrayBufferWriter<byte> buffer = new();
        long begin = Stopwatch.GetTimestamp();
        long sent = 0;
        while (!trace.IsFull && Stopwatch.GetElapsedTime(begin) < length)
        {
            if (trace.Write(buffer, PartBytes) > 0 || Stopwatch.GetElapsedTime(sent) >= Heartbeat)
            {
                await SendAsync(call, trace, buffer, end: null).ConfigureAwait(false);
                sent = Stopwatch.GetTimestamp();
            }
            else
            {
                await Task.Delay(Interval, cancellation).ConfigureAwait(false);
            }
        }

        trace.Stop();
        // A batch that was in hand is done by then.
        await Task.Delay(Interval, cancellation).ConfigureAwait(false);
        while (trace.Write(buffer, PartBytes) > 0)
        {
            await SendAsync(call, trace, buffer, end: null).ConfigureAwait(false);
        }

        trace.End(buffer);
        await SendAsync(call, trace, buffer, trace.IsFull ? "count" : "seconds").ConfigureAwait(false);
    }

    private static async Task SendAsync(ControlCall call, PathTrace trace, ArrayBufferWriter<byte> buffer, string? end)
    {
        TracePart part = new() { Bytes = buffer.WrittenSpan.ToArray(), Recorded = trace.Recorded, Lost = trace.Lost, End = end };
        buffer.ResetWrittenCount();
        JsonElement message = JsonSerializer.SerializeToElement(part, DiagnosisJson.Default.TracePart);
        await call.SendAsync(end is null ? ControlResponse.Part(message) : ControlResponse.Success(message)).ConfigureAwait(false);
    }

    private static void Check(TraceArguments arguments)
    {
        if (arguments.Direction is not (DiagnosisTarget.Egress or DiagnosisTarget.Ingress or DiagnosisTarget.Both))
        {
            throw new ControlRefusedException($"\"{arguments.Direction}\" is no direction; egress, ingress and both are");
        }

        if (arguments.Count is < 1 or > TraceLimits.MaxCount)
        {
            throw new ControlRefusedException($"a trace has 1 to {TraceLimits.MaxCount} packets, not {arguments.Count}");
        }

        if (!(arguments.Seconds > 0 && arguments.Seconds <= TraceLimits.MaxSeconds))
        {
            throw new ControlRefusedException($"a trace takes more than 0 and at most {TraceLimits.MaxSeconds} seconds, not {arguments.Seconds}");
        }

        if (arguments.SnapLength is < 0 or > PacketBatch.MaxPacketLength)
        {
            throw new ControlRefusedException($"packets are cut after 0 (never) to {PacketBatch.MaxPacketLength} bytes, not {arguments.SnapLength}");
        }
    }

    private static PathTracePoint[] Points(TunnelRuntime tunnel, string direction)
    {
        List<PathTracePoint> points = [];
        foreach (TunnelPaths paths in tunnel.Paths)
        {
            string worker = tunnel.Paths.Count > 1 ? $" {points.Count / (direction == DiagnosisTarget.Both ? 2 : 1)}" : "";
            if (direction != DiagnosisTarget.Ingress)
            {
                points.Add(new PathTracePoint
                {
                    Path = paths.TracedEgress,
                    Name = $"{tunnel.Config.Name} egress{worker}",
                    Direction = PacketDirection.Outbound,
                    LinkType = tunnel.Options.Layer == DeviceLayer.Ethernet ? LinkType.Ethernet : LinkType.Raw,
                });
            }

            if (direction != DiagnosisTarget.Egress)
            {
                points.Add(new PathTracePoint
                {
                    Path = paths.TracedIngress,
                    Name = $"{tunnel.Config.Name} ingress{worker}",
                    Direction = PacketDirection.Inbound,
                    LinkType = LinkType.Raw,
                    Tunnel = paths.Number,
                    Outer = tunnel.Config.Kind,
                });
            }
        }

        return [.. points];
    }
}
