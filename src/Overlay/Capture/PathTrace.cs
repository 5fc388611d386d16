using System.Buffers;
using System.Globalization;
using System.Text;
using Overlay.DataPath;

namespace Overlay.Capture;

/// <summary>
/// Records what paths do with their packets as pcapng, from now until it ends: each packet as the path received it, with a comment that says what became of
/// it – <c>drop: unknown-vni</c>, <c>to 192.0.2.2</c>. Packets are never held up: what finds no room is lost to the trace, and counted.
/// </summary>
/// <remarks>
/// Workers note packets in rings of their own; whoever owns the trace calls <see cref="Write"/> every now and then, which makes blocks of them. What a path
/// adds to a batch (copies, answers) is not recorded, only what came. The packet that is recorded next tells of losses before it (<c>epb_dropcount</c>), and
/// the last block of each interface tells of all of them.
/// </remarks>
public sealed class PathTrace
{
    private readonly PathTraceOptions _options;
    private readonly TimeProvider _time;
    private readonly PathTraceLane[] _lanes;
    private byte[] _scratch = [];
    private bool _begun;
    private bool _stopped;

    /// <summary>Begins to watch.</summary>
    /// <param name="points">What is watched, each an interface of the capture.</param>
    /// <param name="time">The clock for the packets' times, for example <see cref="TimeProvider.System"/>.</param>
    /// <param name="options">How much is recorded.</param>
    /// <exception cref="ArgumentException">Nothing is to be watched, or an option is out of range.</exception>
    public PathTrace(IReadOnlyList<PathTracePoint> points, TimeProvider time, PathTraceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentNullException.ThrowIfNull(time);
        _options = options ?? new PathTraceOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxRecords, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(_options.SnapLength, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.BufferLength, PathTraceOptions.MinBufferLength, nameof(options));
        ArgumentOutOfRangeException.ThrowIfZero(points.Count, nameof(points));
        _time = time;
        _lanes = [.. points.Select((point, number) => new PathTraceLane(point, number, _options, time))];
        foreach (PathTraceLane lane in _lanes)
        {
            lane.Point.Path.Add(lane);
        }
    }

    /// <summary>Packets written out so far; a superpacket is one.</summary>
    public long Recorded { get; private set; }

    /// <summary>Packets for which there was no room. Any thread.</summary>
    public long Lost => _lanes.Sum(lane => lane.Lost);

    /// <summary>Whether <see cref="PathTraceOptions.MaxRecords"/> are written out.</summary>
    public bool IsFull => Recorded >= _options.MaxRecords;

    /// <summary>
    /// Writes out what waits, the capture's beginning with the first call. Blocks are whole. Records of several paths come one path after the other; their times tell
    /// the order. One caller at a time.
    /// </summary>
    /// <param name="output">Where to.</param>
    /// <param name="maxBytes">About how many bytes at most: no further record is begun behind them.</param>
    /// <returns>Bytes written; 0 if nothing waits.</returns>
    public int Write(IBufferWriter<byte> output, int maxBytes = 256 * 1024)
    {
        ArgumentNullException.ThrowIfNull(output);
        int written = _begun ? 0 : Begin(output);
        foreach (PathTraceLane lane in _lanes)
        {
            while (!IsFull && written < maxBytes && lane.TryPeek(out TraceRecord record, out ReadOnlySpan<byte> data))
            {
                written += WriteRecord(output, lane, record, data);
                lane.Release();
                Recorded++;
            }
        }

        return written;
    }

    /// <summary>Watches no longer. What was noted can still be written out; of batches that are in hand, what is noted later is not. Any thread.</summary>
    public void Stop()
    {
        if (!Interlocked.Exchange(ref _stopped, true))
        {
            foreach (PathTraceLane lane in _lanes)
            {
                lane.Point.Path.Remove(lane);
            }
        }
    }

    /// <summary>Stops, writes out all that waits and the capture's end: how much each interface saw and lost.</summary>
    /// <returns>Bytes written.</returns>
    public int End(IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        Stop();
        int written = Write(output, int.MaxValue);
        foreach (PathTraceLane lane in _lanes)
        {
            int length = PcapNgEncoder.WriteStatistics(output.GetSpan(PcapNgEncoder.StatisticsMaxLength), lane.InterfaceId, Now(), lane.Seen, lane.Lost);
            output.Advance(length);
            written += length;
        }

        return written;
    }

    private long Now() => Math.Max(0, (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks) * TimeSpan.NanosecondsPerTick;

    private int Begin(IBufferWriter<byte> output)
    {
        _begun = true;
        byte[] application = Encoding.UTF8.GetBytes("Overlay PathTrace");
        int written = PcapNgEncoder.WriteSectionHeader(output.GetSpan(PcapNgEncoder.SectionHeaderMaxLength(application)), application);
        output.Advance(written);
        foreach (PathTraceLane lane in _lanes)
        {
            byte[] name = Encoding.UTF8.GetBytes(lane.Point.Name);
            byte[] description = Encoding.UTF8.GetBytes(lane.Point.Outer is null
                ? "packets as the device handed them over"
                : "outer headers are written again from what the kernel told of them");
            int length = PcapNgEncoder.WriteInterface(
                output.GetSpan(PcapNgEncoder.InterfaceMaxLength(name, description)), lane.Point.LinkType, _options.SnapLength, name, description);
            output.Advance(length);
            written += length;
        }

        return written;
    }

    private int WriteRecord(IBufferWriter<byte> output, PathTraceLane lane, in TraceRecord record, ReadOnlySpan<byte> data)
    {
        int outer = 0;
        if (lane.Point.Outer is TunnelKind kind)
        {
            if (_scratch.Length < TraceOuterHeader.MaxLength + data.Length)
            {
                _scratch = new byte[TraceOuterHeader.MaxLength + data.Length];
            }

            outer = TraceOuterHeader.Write(_scratch, TunnelFacts.Of(kind), record.Received, data, record.Length);
            data.CopyTo(_scratch.AsSpan(outer));
            data = _scratch.AsSpan(0, outer + data.Length);
        }

        byte[] superpacket = record.Segments > 0
            ? Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"superpacket: {record.Segments} segments of {record.Received.SegmentSize}"))
            : [];
        byte[] fate = Encoding.UTF8.GetBytes(Fate(lane.Point, record.Done));
        int room = PcapNgEncoder.PacketMaxLength(data.Length, 2, superpacket.Length + fate.Length);
        BlockWriter block = PcapNgEncoder.BeginPacket(
            output.GetSpan(room), lane.InterfaceId, record.UnixNanoseconds, data, (uint)(outer + record.Length), lane.Point.Direction);
        if (record.Lost > lane.LostReported)
        {
            block.Option(PcapNgLayout.PacketDropCountOption, (ulong)(record.Lost - lane.LostReported));
            lane.LostReported = record.Lost;
        }

        if (superpacket.Length > 0)
        {
            block.Option(PcapNgLayout.CommentOption, superpacket);
        }

        block.Option(PcapNgLayout.CommentOption, fate);
        int length = block.End();
        output.Advance(length);
        return length;
    }

    // What a drop says is what PcapTracer says, too.
    private static string Fate(PathTracePoint point, in PacketMeta done) => done.State switch
    {
        PacketState.Dropped => $"drop: {DropReasons.Label(done.Drop)}",
        PacketState.Consumed => "answered",
        _ when done.RefusedSegments > 0 => string.Create(CultureInfo.InvariantCulture, $"drop: {DropReasons.Label(done.Drop)}, {done.RefusedSegments} of its segments"),
        _ => point.Direction == PacketDirection.Outbound ? $"to {done.Remote}" : "to the device",
    };
}
