using System.Runtime.InteropServices;
using Overlay.DataPath;

namespace Overlay.Capture;

/// <summary>What one worker notes of one path for one trace.</summary>
/// <param name="point">What is watched.</param>
/// <param name="interfaceId">Its number in the capture.</param>
/// <param name="options">How much is recorded.</param>
/// <param name="time">The clock.</param>
internal sealed class PathTraceLane(PathTracePoint point, int interfaceId, PathTraceOptions options, TimeProvider time)
{
    private readonly TraceRing _ring = new(options.BufferLength);
    private readonly int _snapLength = options.SnapLength == 0 ? int.MaxValue : options.SnapLength;
    // A batch of a worker is half a megabyte; what does not fit is lost to the trace.
    private readonly byte[] _staging = new byte[Math.Min(options.BufferLength, PacketBatch.DefaultSlabLength)];
    private (TraceRecord Record, int Offset, int Length)[] _staged = [];
    private int _count;
    private int _received;
    private long _seen;
    private long _lost;

    /// <summary>What is watched.</summary>
    public PathTracePoint Point => point;

    /// <summary>Its number in the capture.</summary>
    public int InterfaceId => interfaceId;

    /// <summary>Packets that were to be recorded. Any thread.</summary>
    public long Seen => Volatile.Read(ref _seen);

    /// <summary>Those of them for which there was no room. Any thread.</summary>
    public long Lost => Volatile.Read(ref _lost);

    /// <summary>How many losses the capture tells of already. The writer's.</summary>
    public long LostReported { get; set; }

    /// <summary>Copies the packets of a batch as they came: a path and a port change them. The worker only.</summary>
    public void Stage(PacketBatch batch)
    {
        if (_staged.Length < batch.Capacity)
        {
            _staged = new (TraceRecord, int, int)[batch.Capacity];
        }

        long now = Math.Max(0, (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks) * TimeSpan.NanosecondsPerTick;
        _received = batch.Count;
        int used = 0;
        for (_count = 0; _count < _received; _count++)
        {
            ReadOnlySpan<byte> data = batch.Data(_count);
            int cut = Math.Min(data.Length, _snapLength);
            if (used + cut > _staging.Length)
            {
                break;
            }

            data[..cut].CopyTo(_staging.AsSpan(used));
            ref readonly PacketMeta meta = ref batch.Meta(_count);
            TraceRecord record = new()
            {
                UnixNanoseconds = now,
                Length = data.Length,
                Segments = meta.Segmentation == SegmentationKind.None ? 0 : batch.SegmentCount(_count),
                Received = meta,
            };
            _staged[_count] = (record, used, cut);
            used += cut;
        }
    }

    /// <summary>Hands over the packets of the batch that was staged, with what became of them. The worker only.</summary>
    public void Record(PacketBatch batch)
    {
        for (int i = 0; i < _received; i++)
        {
            ref readonly PacketMeta done = ref batch.Meta(i);
            if (!IsWanted(done))
            {
                continue;
            }

            Volatile.Write(ref _seen, _seen + 1);
            if (i >= _count || !TryRecord(i, done))
            {
                Volatile.Write(ref _lost, _lost + 1);
            }
        }
    }

    /// <summary>The oldest record that waits. The writer only.</summary>
    public bool TryPeek(out TraceRecord record, out ReadOnlySpan<byte> data)
    {
        if (!_ring.TryPeek(out ReadOnlySpan<byte> bytes))
        {
            record = default;
            data = default;
            return false;
        }

        record = MemoryMarshal.Read<TraceRecord>(bytes);
        data = bytes[TraceRecord.Size..];
        return true;
    }

    /// <summary>Gives its room back. The writer only.</summary>
    public void Release() => _ring.Release();

    private bool IsWanted(in PacketMeta done) =>
        (point.Tunnel is not int tunnel || done.Tunnel == tunnel || done.Tunnel < 0) &&
        (!options.DropsOnly || done.State == PacketState.Dropped || done.RefusedSegments > 0);

    private bool TryRecord(int index, in PacketMeta done)
    {
        (TraceRecord record, int offset, int length) = _staged[index];
        record.Done = done;
        record.Lost = _lost;
        int header = TraceRecord.Size;
        if (!_ring.TryReserve(header + length, out Span<byte> room))
        {
            return false;
        }

        MemoryMarshal.Write(room, record);
        _staging.AsSpan(offset, length).CopyTo(room[header..]);
        _ring.Commit();
        return true;
    }
}
