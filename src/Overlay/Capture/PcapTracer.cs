using System.IO.Pipelines;
using System.Text;
using System.Text.Unicode;
using Overlay.DataPath;

namespace Overlay.Capture;

/// <summary>
/// A port that records what passes through another one as pcapng: packets received, and packets that the other port took or dropped on send, with
/// direction and, for a drop, its reason as the comment <c>drop: unknown-vni</c>. A superpacket is recorded whole, with the comment
/// <c>superpacket: 44 segments of 1460</c>.
/// </summary>
/// <remarks>
/// <para>The data path never waits for the stream: packets are copied into a bounded buffer that a background task writes out. What finds no room
/// there is counted (<see cref="Overruns"/>), and the next packet recorded carries the count (<c>epb_dropcount</c>).</para>
/// <para>A packet to be sent is recorded as it was handed over, before the port writes outer bytes in place. One that the port leaves pending is
/// recorded when it is sent at last; one that the worker then gives up on is not seen here.</para>
/// <para>The stream belongs to the tracer until it is disposed. <see cref="Dispose"/> also disposes the other port.</para>
/// </remarks>
public sealed class PcapTracer : IPacketPort, IAsyncDisposable
{
    /// <summary>The smallest buffer, in bytes.</summary>
    public const int MinBufferLength = 128 * 1024;

    private const int MaxNoteLength = 1024;

    // "superpacket: 65535 segments of 65535" and "drop: " with the longest label are well below.
    private const int MaxCommentLength = 64;

    private static readonly byte[][] DropComments =
        [.. Enumerable.Range(0, DropReasons.Count).Select(reason => Encoding.UTF8.GetBytes($"drop: {DropReasons.Label((DropReason)reason)}"))];

    private readonly IPacketPort _port;
    private readonly Stream _stream;
    private readonly TimeProvider _time;
    private readonly PcapTracerOptions _options;
    private readonly byte[] _note;
    private readonly Pipe _pipe;
    private readonly Task _drain;
    private byte[] _staging;
    private Staged[] _staged = [];
    private long _waiting;
    private long _seen;
    private long _recorded;
    private long _overruns;
    private long _overrunsReported;
    private volatile bool _streamFailed;
    private bool _disposed;

    /// <summary>Begins to record.</summary>
    /// <param name="port">The port to record.</param>
    /// <param name="stream">Where pcapng goes.</param>
    /// <param name="time">The clock for the packets' times, for example <see cref="TimeProvider.System"/>.</param>
    /// <param name="options">How to record.</param>
    /// <exception cref="ArgumentException">The stream cannot be written, or an option is out of range.</exception>
    public PcapTracer(IPacketPort port, Stream stream, TimeProvider time, PcapTracerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(port);
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(time);
        _options = options ?? new PcapTracerOptions();
        if (!stream.CanWrite)
        {
            throw new ArgumentException("The stream cannot be written.", nameof(stream));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(_options.SnapLength, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.BufferLength, MinBufferLength, nameof(options));
        _note = CaptureWriter.Encode(_options.Note, nameof(options));
        if (_note.Length > MaxNoteLength)
        {
            throw new ArgumentException($"The note has {_note.Length} bytes of UTF-8; {MaxNoteLength} are possible.", nameof(options));
        }

        _port = port;
        _stream = stream;
        _time = time;
        _staging = new byte[Math.Min(_options.BufferLength, 64 * 1024)];
        // The bound is counted here (_waiting): a pipe that pauses its writer would make a flush pend, and the data path has no time to wait for it.
        _pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0, minimumSegmentSize: 64 * 1024, useSynchronizationContext: false));
        Begin();
        _drain = Task.Run(DrainAsync);
    }

    /// <inheritdoc/>
    public string Name => _port.Name;

    /// <inheritdoc/>
    public int BatchSize => _port.BatchSize;

    /// <inheritdoc/>
    public PortCapabilities Capabilities => _port.Capabilities;

    /// <inheritdoc/>
    public int Mtu => _port.Mtu;

    /// <inheritdoc/>
    public int PollHandle => _port.PollHandle;

    /// <summary>Packets recorded so far; a superpacket is one.</summary>
    public long Recorded => Volatile.Read(ref _recorded);

    /// <summary>Packets that were not recorded, since the buffer was full or the stream had failed.</summary>
    public long Overruns => Volatile.Read(ref _overruns);

    /// <summary>
    /// Ends when the tracer is disposed and everything is written, or when the stream fails, with its exception. The port works on after that;
    /// its packets count as <see cref="Overruns"/>.
    /// </summary>
    public Task Completion => _drain;

    /// <inheritdoc/>
    public PortResult Receive(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int first = batch.Count;
        PortResult result = _port.Receive(batch);
        if (batch.Count > first)
        {
            long now = Now();
            for (int index = first; index < batch.Count; index++)
            {
                Record(in batch.Meta(index), now, Describe(batch, index), Cut(batch.Data(index)), PacketDirection.Inbound);
            }

            Flush();
        }

        return result;
    }

    /// <inheritdoc/>
    public PortResult Send(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int staged = Stage(batch);
        PortResult result = _port.Send(batch);
        ReadOnlySpan<int> selection = batch.Selection;
        if (selection.IsEmpty)
        {
            return result;
        }

        long now = Now();
        int offset = 0;
        for (int i = 0; i < selection.Length; i++)
        {
            int cut = i < staged ? Math.Min(_staged[i].Length, SnapLength) : 0;
            ref readonly PacketMeta meta = ref batch.Meta(selection[i]);
            if (meta.State is PacketState.Sent or PacketState.Dropped)
            {
                if (i < staged)
                {
                    Record(in meta, now, _staged[i], _staging.AsSpan(offset, cut), PacketDirection.Outbound);
                }
                else
                {
                    _seen++;
                    Overrun();
                }
            }

            offset += cut;
        }

        Flush();
        return result;
    }

    /// <summary>Writes out what waits, closes the stream unless it is to be left open, and disposes the port. Waits for the stream.</summary>
    /// <remarks>A failure of the stream is not thrown here; <see cref="Completion"/> has it.</remarks>
    public void Dispose()
    {
        if (End())
        {
            // WaitAny, unlike Wait, does not throw what the task threw.
            Task.WaitAny(_drain);
        }
    }

    /// <summary>As <see cref="Dispose"/>, without blocking the thread.</summary>
    public async ValueTask DisposeAsync()
    {
        if (End())
        {
            await _drain.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private int SnapLength => _options.SnapLength == 0 ? int.MaxValue : _options.SnapLength;

    private ReadOnlySpan<byte> Cut(ReadOnlySpan<byte> data) => data.Length > SnapLength ? data[..SnapLength] : data;

    private long Now() => Math.Max(0, (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks) * TimeSpan.NanosecondsPerTick;

    private static Staged Describe(PacketBatch batch, int index)
    {
        ref readonly PacketMeta meta = ref batch.Meta(index);
        bool superpacket = meta.Segmentation != SegmentationKind.None;
        return new Staged(batch.Length(index), superpacket ? batch.SegmentCount(index) : 0, meta.SegmentSize);
    }

    private void Begin()
    {
        byte[] application = CaptureWriter.Encode("Overlay PcapTracer", nameof(application));
        byte[] name = CaptureWriter.Encode(_port.Name, nameof(_port));
        LinkType linkType = _options.LinkType ?? ((_port.Capabilities & PortCapabilities.Ethernet) != 0 ? LinkType.Ethernet : LinkType.Raw);
        Advance(PcapNgEncoder.WriteSectionHeader(_pipe.Writer.GetSpan(PcapNgEncoder.SectionHeaderMaxLength(application)), application));
        Advance(PcapNgEncoder.WriteInterface(_pipe.Writer.GetSpan(PcapNgEncoder.InterfaceMaxLength(name, _note)), linkType, _options.SnapLength, name, _note));
        Flush();
    }

    // Takes copies of the packets to be sent, in the order of the selection, as far as the buffer could take them at all.
    private int Stage(PacketBatch batch)
    {
        ReadOnlySpan<int> selection = batch.Selection;
        if (_staged.Length < selection.Length)
        {
            _staged = new Staged[batch.Capacity];
        }

        int staged = 0;
        int used = 0;
        long room = _streamFailed ? 0 : _options.BufferLength - Volatile.Read(ref _waiting);
        foreach (int index in selection)
        {
            ReadOnlySpan<byte> cut = Cut(batch.Data(index));
            if (used + cut.Length > room)
            {
                break;
            }

            if (used + cut.Length > _staging.Length)
            {
                Array.Resize(ref _staging, Math.Max(used + cut.Length, Math.Min(2 * _staging.Length, _options.BufferLength)));
            }

            cut.CopyTo(_staging.AsSpan(used));
            used += cut.Length;
            _staged[staged++] = Describe(batch, index);
        }

        return staged;
    }

    private void Record(in PacketMeta meta, long now, Staged packet, ReadOnlySpan<byte> data, PacketDirection direction)
    {
        _seen++;
        int room = PcapNgEncoder.PacketMaxLength(data.Length, 3, _note.Length + (2 * MaxCommentLength));
        if (_streamFailed || Volatile.Read(ref _waiting) + room > _options.BufferLength)
        {
            Overrun();
            return;
        }

        BlockWriter block = PcapNgEncoder.BeginPacket(_pipe.Writer.GetSpan(room), 0, now, data, (uint)packet.Length, direction);
        if (_overrunsReported != _overruns)
        {
            block.Option(PcapNgLayout.PacketDropCountOption, (ulong)(_overruns - _overrunsReported));
            _overrunsReported = _overruns;
        }

        if (_note.Length > 0)
        {
            block.Option(PcapNgLayout.CommentOption, _note);
        }

        if (packet.Segments > 0)
        {
            Span<byte> comment = stackalloc byte[MaxCommentLength];
            if (Utf8.TryWrite(comment, $"superpacket: {packet.Segments} segments of {packet.SegmentSize}", out int written))
            {
                block.Option(PcapNgLayout.CommentOption, comment[..written]);
            }
        }

        if (meta.State == PacketState.Dropped && (int)meta.Drop < DropComments.Length)
        {
            block.Option(PcapNgLayout.CommentOption, DropComments[(int)meta.Drop]);
        }

        Advance(block.End());
        Volatile.Write(ref _recorded, _recorded + 1);
    }

    private void Overrun() => Volatile.Write(ref _overruns, _overruns + 1);

    private void Advance(int length)
    {
        _pipe.Writer.Advance(length);
        Interlocked.Add(ref _waiting, length);
    }

    private void Flush()
    {
        // With no pause threshold a flush never pends: it wakes the background task and is done.
        ValueTask<FlushResult> flush = _pipe.Writer.FlushAsync(CancellationToken.None);
        System.Diagnostics.Debug.Assert(flush.IsCompleted, "A pipe without a threshold paused its writer.");
        if (flush.GetAwaiter().GetResult().IsCompleted)
        {
            _streamFailed = true;
        }
    }

    private bool End()
    {
        if (_disposed)
        {
            return false;
        }

        _disposed = true;
        if (!_streamFailed)
        {
            Advance(PcapNgEncoder.WriteStatistics(_pipe.Writer.GetSpan(PcapNgEncoder.StatisticsMaxLength), 0, Now(), _seen, _overruns));
        }

        _pipe.Writer.Complete();
        _port.Dispose();
        return true;
    }

    private async Task DrainAsync()
    {
        PipeReader reader = _pipe.Reader;
        try
        {
            while (true)
            {
                // One segment at a time, so that its memory is free again before its room is given to the data path.
                ReadResult result = await reader.ReadAsync().ConfigureAwait(false);
                ReadOnlyMemory<byte> segment = result.Buffer.First;
                bool last = result.Buffer.IsSingleSegment;
                await _stream.WriteAsync(segment).ConfigureAwait(false);
                reader.AdvanceTo(result.Buffer.GetPosition(segment.Length));
                Interlocked.Add(ref _waiting, -segment.Length);
                if (last)
                {
                    // Whoever follows the file sees a batch as soon as it is recorded.
                    await _stream.FlushAsync().ConfigureAwait(false);
                    if (result.IsCompleted)
                    {
                        break;
                    }
                }
            }
        }
        finally
        {
            _streamFailed = true;
            await reader.CompleteAsync().ConfigureAwait(false);
            if (!_options.LeaveOpen)
            {
                await _stream.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>What is known of a packet before the port has touched it.</summary>
    /// <param name="Length">Bytes.</param>
    /// <param name="Segments">Wire packets of a superpacket; 0 for a plain packet.</param>
    /// <param name="SegmentSize">Payload bytes of each.</param>
    private readonly record struct Staged(int Length, int Segments, int SegmentSize);
}
