using System.Diagnostics;
using Overlay.Capture;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Capture;

public sealed class PcapTracerTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000).AddTicks(1_234_567);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Packets_of_both_directions_with_drops_and_superpackets_open_in_tshark()
    {
        Requires.Tool("tshark");
        using var file = new TemporaryFile();
        var time = new ManualTime();
        var port = new ScriptedPort(PortCapabilities.Ethernet | PortCapabilities.PartialChecksums)
        {
            OnReceive = batch =>
            {
                batch.TryAppend(Samples.Frame(40), out _);
                batch.TryAppend(Samples.Frame(40 + 2500), out int super);
                ref PacketMeta meta = ref batch.Meta(super);
                (meta.Segmentation, meta.HeaderLength, meta.SegmentSize) = (SegmentationKind.TcpIPv4, 54, 1000);
                batch.TryAppend(Samples.Frame(0), out int bad);
                batch.Drop(bad, DropReason.BadChecksum);
                return PortResult.Ok;
            },
            OnSend = batch =>
            {
                ReadOnlySpan<int> selection = batch.Selection;
                // Writes outer bytes in place, as a UDP port may: the record must not show them.
                batch.Prepend(selection[0], 8).Fill(0xFF);
                batch.Data(selection[0])[8..].Fill(0xFF);
                batch.Meta(selection[0]).State = PacketState.Sent;
                batch.Drop(selection[1], DropReason.TooBig);
                return PortResult.WouldBlock;
            },
        };
        await using (var tracer = new PcapTracer(port, File.Create(file.Path), time))
        {
            Assert.Equal((port.Name, port.BatchSize, port.Capabilities, port.Mtu, port.PollHandle), (tracer.Name, tracer.BatchSize, tracer.Capabilities, tracer.Mtu, tracer.PollHandle));
            var batch = new PacketBatch(16);
            // What was in the batch before is none of this port's.
            batch.TryAppend(Samples.Frame(1), out _);
            Assert.Equal(PortResult.Ok, tracer.Receive(batch));
            Assert.Equal(4, batch.Count);

            batch.Clear();
            for (int i = 0; i < 4; i++)
            {
                batch.TryAppend(Samples.Frame(100 + i), out int index);
                batch.Meta(index).Output = i == 3 ? 9 : 1;
            }

            ref PacketMeta first = ref batch.Meta(0);
            (first.Segmentation, first.HeaderLength, first.SegmentSize) = (SegmentationKind.Udp, 42, 36);
            Assert.Equal(3, batch.Select(1));
            time.Advance(TimeSpan.FromTicks(1));
            Assert.Equal(PortResult.WouldBlock, tracer.Send(batch));

            // The third packet was pending and goes out now.
            port.OnSend = sent =>
            {
                sent.Meta(Assert.Single(sent.Selection.ToArray())).State = PacketState.Sent;
                return PortResult.Ok;
            };
            batch.Select(1);
            time.Advance(TimeSpan.FromTicks(1));
            Assert.Equal(PortResult.Ok, tracer.Send(batch));
            port.OnReceive = _ => PortResult.Down;
            Assert.Equal(PortResult.Down, tracer.Receive(batch));
            Assert.Equal((6L, 0L), (tracer.Recorded, tracer.Overruns));
        }

        Assert.True(port.Disposed);
        IReadOnlyList<TsharkFrame> frames = Tshark.Frames(file.Path);
        byte[][] expected = [Samples.Frame(40), Samples.Frame(2540), Samples.Frame(0), Samples.Frame(100), Samples.Frame(101), Samples.Frame(102)];
        Assert.Equal(expected, frames.Select(frame => frame.Bytes));
        const long T = 1_700_000_000_123_456_700;
        Assert.Equal([T, T, T, T + 100, T + 100, T + 200], frames.Select(frame => frame.Nanoseconds!.Value));
        IReadOnlyList<string[]> fields = Tshark.Fields(file.Path, "frame.interface_name", "frame.packet_flags_direction", "frame.comment", "frame.encap_type");
        Assert.All(fields, field => Assert.Equal(("scripted", "1"), (field[0], field[3])));
        Assert.Equal(["1", "1", "1", "2", "2", "2"], fields.Select(field => field[1][^1..]));
        Assert.Equal(["", "superpacket: 3 segments of 1000", "drop: bad-checksum", "superpacket: 2 segments of 36", "drop: too-big", ""], fields.Select(field => field[2]));
        string info = Tshark.Run("capinfos", [file.Path]);
        Assert.Contains("Overlay PcapTracer", info, StringComparison.Ordinal);
        Assert.Contains("Number of stat entries = 1", info, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PortCapabilities.Ethernet, null, LinkType.Ethernet)]
    [InlineData(PortCapabilities.None, null, LinkType.Raw)]
    [InlineData(PortCapabilities.None, LinkType.User0, LinkType.User0)]
    public void The_link_type_is_the_ports_or_the_callers(PortCapabilities capabilities, LinkType? given, LinkType expected)
    {
        using var stream = new MemoryStream();
        using (var tracer = new PcapTracer(
            new ScriptedPort(capabilities), stream, new ManualTime(), new PcapTracerOptions { LinkType = given, Note = "outer IP is the kernel's", SnapLength = 20, LeaveOpen = true }))
        {
            var batch = new PacketBatch();
            batch.TryAppend(Samples.Frame(40), out int index);
            batch.Meta(index).Output = 0;
            batch.Select(0);
            tracer.Send(batch);
        }

        CapturedPacket packet = Assert.Single(Corpus.Read(stream.ToArray()));
        Assert.Equal((expected, 54L, 20), (packet.LinkType, packet.OriginalLength, packet.Data.Length));
        Assert.Equal(("outer IP is the kernel's", "outer IP is the kernel's", "scripted"), (packet.Comment, packet.Interface.Description, packet.InterfaceName));
    }

    [Fact]
    public async Task A_stalled_stream_never_blocks_the_port_and_what_is_lost_is_counted()
    {
        using var gate = new SemaphoreSlim(0);
        using var file = new MemoryStream();
        var stream = new GatedStream(file, gate);
        var port = new ScriptedPort(PortCapabilities.Ethernet) { OnReceive = Full };
        var batch = new PacketBatch();
        var tracer = new PcapTracer(port, stream, new ManualTime(), new PcapTracerOptions { BufferLength = PcapTracer.MinBufferLength });
        var watch = Stopwatch.StartNew();
        long received = 0;
        for (int i = 0; i < 200; i++)
        {
            batch.Clear();
            tracer.Receive(batch);
            received += batch.Count;
            for (int index = 0; index < batch.Count; index++)
            {
                batch.Meta(index).Output = 0;
            }

            batch.Select(0);
            Assert.Equal(PortResult.Ok, tracer.Send(batch));
            received += batch.Count;
        }

        // 64 000 packets of 1 KB against a stream that took none: generous for a loaded machine, far below any wait for the stream.
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"{watch.Elapsed}");
        Assert.False(tracer.Completion.IsCompleted);
        Assert.InRange(tracer.Recorded, 1, PcapTracer.MinBufferLength / 1000);
        Assert.Equal(received, tracer.Recorded + tracer.Overruns);

        // The stream runs again: the next packet says how many are missing before it.
        gate.Release(int.MaxValue);
        long lost = tracer.Overruns;
        port.OnReceive = one => one.TryAppend(Samples.Frame(9), out _) ? PortResult.Ok : PortResult.Empty;
        batch.Clear();
        while (tracer.Overruns == lost + batch.Count)
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), "the buffer never drained");
            await Task.Delay(5, Token);
            tracer.Receive(batch);
        }

        lost = tracer.Overruns;
        await tracer.DisposeAsync();
        await tracer.Completion;
        byte[] capture = file.ToArray();
        IReadOnlyList<CapturedPacket> packets = Corpus.Read(capture);
        Assert.Equal(tracer.Recorded, packets.Count);
        Assert.Equal(Samples.Frame(9), packets[^1].Data.ToArray());
        Requires.Tool("tshark");
        using var written = new TemporaryFile(capture);
        IReadOnlyList<string[]> fields = Tshark.Fields(written.Path, "frame.number", "frame.drop_count");
        Assert.Equal(lost, fields.Where(field => field[1].Length > 0).Sum(field => long.Parse(field[1], null)));

        static PortResult Full(PacketBatch batch)
        {
            byte[] frame = Samples.Frame(1000);
            for (int i = 0; i < 160; i++)
            {
                batch.TryAppend(frame, out _);
            }

            return PortResult.Ok;
        }
    }

    [Fact]
    public async Task A_failed_stream_ends_the_record_and_leaves_the_port_at_work()
    {
        var port = new ScriptedPort(PortCapabilities.None) { OnReceive = batch => batch.TryAppend(Samples.Frame(9), out _) ? PortResult.Ok : PortResult.Empty };
        var tracer = new PcapTracer(port, new FailingStream(), new ManualTime());
        IOException exception = await Assert.ThrowsAsync<IOException>(() => tracer.Completion.WaitAsync(TimeSpan.FromSeconds(30), Token));
        Assert.Equal("No space left on device", exception.Message);

        var batch = new PacketBatch();
        Assert.Equal(PortResult.Ok, tracer.Receive(batch));
        batch.Meta(0).Output = 0;
        batch.Select(0);
        Assert.Equal(PortResult.Ok, tracer.Send(batch));
        Assert.Equal(PacketState.Sent, batch.Meta(0).State);
        Assert.Equal((0L, 2L), (tracer.Recorded, tracer.Overruns));
        tracer.Dispose();
        tracer.Dispose();
        Assert.True(port.Disposed);
    }

    [Fact]
    public void Mistakes_of_the_caller_are_exceptions()
    {
        var port = new ScriptedPort(PortCapabilities.None);
        using var readOnly = new MemoryStream([], writable: false);
        Assert.Throws<ArgumentException>(() => new PcapTracer(port, readOnly, TimeProvider.System));
        using var stream = new MemoryStream();
        Assert.Throws<ArgumentOutOfRangeException>(() => new PcapTracer(port, stream, TimeProvider.System, new PcapTracerOptions { BufferLength = 1000 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PcapTracer(port, stream, TimeProvider.System, new PcapTracerOptions { SnapLength = -1 }));
        Assert.Throws<ArgumentException>(() => new PcapTracer(port, stream, TimeProvider.System, new PcapTracerOptions { Note = new string('x', 1025) }));
    }

    [Fact]
    public void The_largest_packet_fits_the_smallest_buffer()
    {
        using var stream = new MemoryStream();
        var port = new ScriptedPort(PortCapabilities.Ethernet);
        using (var tracer = new PcapTracer(
            port, stream, new ManualTime(), new PcapTracerOptions { BufferLength = PcapTracer.MinBufferLength, Note = new string('n', 1024), LeaveOpen = true }))
        {
            var batch = new PacketBatch();
            batch.TryAppend(new byte[PacketBatch.MaxPacketLength], out int index);
            batch.Meta(index).Output = 0;
            batch.Select(0);
            tracer.Send(batch);
            Assert.Equal((1L, 0L), (tracer.Recorded, tracer.Overruns));
        }

        Assert.Equal(PacketBatch.MaxPacketLength, Assert.Single(Corpus.Read(stream.ToArray())).Data.Length);
    }

    [Fact]
    public void The_data_path_allocates_next_to_nothing_per_packet()
    {
        const int Rounds = 400;
        const int Packets = 64;
        byte[] frame = Samples.Frame(1000);
        var port = new ScriptedPort(PortCapabilities.Ethernet)
        {
            OnReceive = batch =>
            {
                for (int i = 0; i < Packets; i++)
                {
                    batch.TryAppend(frame, out _);
                }

                return PortResult.Ok;
            },
        };
        using var tracer = new PcapTracer(port, Stream.Null, new ManualTime(), new PcapTracerOptions { BufferLength = 1024 * 1024 });
        var batch = new PacketBatch();
        long before = 0;
        for (int round = 0; round < 2 * Rounds; round++)
        {
            if (round == Rounds)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            batch.Clear();
            tracer.Receive(batch);
            for (int i = 0; i < batch.Count; i++)
            {
                batch.Meta(i).Output = 0;
            }

            batch.Select(0);
            tracer.Send(batch);
        }

        // A work item when the background task is woken, and a segment of the pipe now and then: per batch, not per packet.
        long perPacket = (GC.GetAllocatedBytesForCurrentThread() - before) / (2 * Rounds * Packets);
        Assert.InRange(perPacket, 0, 8);
        Assert.True(tracer.Recorded > 1000, $"{tracer.Recorded} recorded, {tracer.Overruns} overruns");
    }

    private sealed class ManualTime : TimeProvider
    {
        private DateTimeOffset _now = Start;

        public override DateTimeOffset GetUtcNow() => _now;

        public void Advance(TimeSpan by) => _now += by;
    }

    /// <summary>A stream whose writes wait for the gate.</summary>
    private sealed class GatedStream(Stream inner, SemaphoreSlim gate) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => inner.Length;

        public override long Position { get => inner.Position; set => throw new NotSupportedException(); }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await gate.WaitAsync(cancellationToken);
            await inner.WriteAsync(buffer, cancellationToken);
        }

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }

    private sealed class FailingStream : MemoryStream
    {
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromException(new IOException("No space left on device"));
    }
}
