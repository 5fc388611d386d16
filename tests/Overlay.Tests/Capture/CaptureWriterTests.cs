using System.IO.Pipelines;
using Overlay.Capture;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Capture;

public sealed class CaptureWriterTests
{
    private const long Time = 1_700_000_000_123_456_789;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tshark_reads_what_was_written()
    {
        Requires.Tool("tshark");
        using var file = new TemporaryFile();
        await using (var writer = new CaptureWriter(File.Create(file.Path), new CaptureWriterOptions { Application = "test of Overlay ✓" }))
        {
            int tap = writer.AddInterface(LinkType.Ethernet, "tap0", "the inner side");
            Assert.True(await writer.WriteAsync(tap, Time, Samples.Frame(1), PacketDirection.Inbound, "first ✓", cancellationToken: Token));
            Assert.True(await writer.WriteAsync(tap, Time + 1, Samples.Frame(2), PacketDirection.Outbound, cancellationToken: Token));
            // An interface on demand, behind packets of another; cut to its snap length.
            int short20 = writer.AddInterface(LinkType.Ethernet, "short", snapLength: 20);
            writer.Write(short20, Time + 2, Samples.Frame(50));
            writer.Write(tap, Time + 3, Samples.Frame(3), comment: new string('x', 65535), originalLength: 2_000_000_000);
            writer.Write(writer.AddInterface(LinkType.Ethernet), 0, Samples.Frame(4));
            writer.WriteStatistics(tap, Time + 4, received: 7, dropped: 3);
            Assert.Equal(3, writer.InterfaceCount);
            // Options whose values need 1, 2 and 3 bytes of padding.
            foreach (string comment in new[] { "", "a", "ab", "abc" })
            {
                writer.Write(tap, Time, Samples.Frame(5), comment: comment);
            }
        }

        IReadOnlyList<TsharkFrame> frames = Tshark.Frames(file.Path);
        Assert.Equal([15L, 16, 64, 2_000_000_000, 18, 19, 19, 19, 19], frames.Select(frame => frame.Length));
        Assert.Equal([Time, Time + 1, Time + 2, Time + 3, 0L, Time, Time, Time, Time], frames.Select(frame => frame.Nanoseconds!.Value));
        Assert.Equal(
            [Samples.Frame(1), Samples.Frame(2), Samples.Frame(50)[..20], Samples.Frame(3), Samples.Frame(4), Samples.Frame(5), Samples.Frame(5), Samples.Frame(5), Samples.Frame(5)],
            frames.Select(frame => frame.Bytes));

        IReadOnlyList<string[]> fields = Tshark.Fields(
            file.Path, "frame.interface_id", "frame.interface_name", "frame.interface_description", "frame.packet_flags_direction", "frame.comment");
        Assert.Equal(["0", "tap0", "the inner side", "0x00000001", "first ✓"], fields[0]);
        Assert.Equal(["0", "tap0", "the inner side", "0x00000002", ""], fields[1]);
        Assert.Equal(["1", "short", "", "", ""], fields[2]);
        Assert.Equal(["0", "tap0"], fields[3][..2]);
        Assert.NotEmpty(fields[3][4]);
        Assert.Equal("2", fields[4][0]);
        Assert.Equal(["", "a", "ab", "abc"], fields.Skip(5).Select(field => field[4]));

        // What tshark does not show: the whole long comment, the reader has it.
        Assert.Equal(new string('x', 65535), Corpus.Read(await File.ReadAllBytesAsync(file.Path, Token))[3].Comment);

        string info = Tshark.Run("capinfos", [file.Path]);
        Assert.Contains("pcapng", info, StringComparison.Ordinal);
        Assert.Contains("test of Overlay ✓", info, StringComparison.Ordinal);
        Assert.Contains("Number of stat entries = 1", info, StringComparison.Ordinal);
        Assert.Contains("Capture length = 20", info, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tshark_reads_classic_pcap()
    {
        Requires.Tool("tshark");
        using var file = new TemporaryFile();
        await using (var writer = new CaptureWriter(File.Create(file.Path), new CaptureWriterOptions { Format = CaptureFormat.Pcap, FlushThreshold = 0 }))
        {
            int id = writer.AddInterface(LinkType.Raw, "left out", snapLength: 30);
            await writer.WriteAsync(id, Time, new byte[] { 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2 }, PacketDirection.Inbound, "left out", cancellationToken: Token);
            writer.Write(id, Time + 1, new byte[40]);
            writer.WriteStatistics(id, Time, 1, 0);
            Assert.Throws<InvalidOperationException>(() => writer.AddInterface(LinkType.Raw));
        }

        IReadOnlyList<TsharkFrame> frames = Tshark.Frames(file.Path);
        Assert.Equal([(20L, Time, 20), (40L, Time + 1, 30)], frames.Select(frame => (frame.Length, frame.Nanoseconds!.Value, frame.Bytes.Length)));
        Assert.Equal(["192.0.2.1"], Tshark.Fields(file.Path, "ip.src")[0]);
        Assert.Contains("nanosecond", Tshark.Run("capinfos", [file.Path]), StringComparison.Ordinal);
        Assert.Equal(30, Corpus.Read(await File.ReadAllBytesAsync(file.Path, Token))[1].Interface.SnapLength);
    }

    [Fact]
    public async Task A_capture_without_packets_is_a_capture()
    {
        using var stream = new MemoryStream();
        await using (new CaptureWriter(stream, leaveOpen: true))
        {
        }

        Assert.Empty(Corpus.Read(stream.ToArray()));
        Assert.True(stream.CanWrite);
    }

    [Fact]
    public async Task The_corpus_written_anew_is_the_same_to_tshark()
    {
        Requires.Tool("tshark");
        string[] names = ["ndpi/vxlan.pcap", "tcpdump/geneve.pcap", "tcpdump/gso-ipv4-vxlan-ipv4.pcap"];
        foreach (string name in names)
        {
            using var file = new TemporaryFile();
            await using (var writer = new CaptureWriter(File.Create(file.Path)))
            {
                int id = writer.AddInterface(Corpus.Packets(name)[0].LinkType);
                foreach (CapturedPacket packet in Corpus.Packets(name))
                {
                    await writer.WriteAsync(id, packet.UnixNanoseconds!.Value, packet.Data, originalLength: packet.OriginalLength, cancellationToken: Token);
                }
            }

            string[] fields = ["frame.len", "frame.time_epoch", "frame.protocols", "vxlan.vni", "ip.src", "_ws.col.Info"];
            Assert.Equal(Tshark.Fields(Corpus.PathOf(name), fields), Tshark.Fields(file.Path, fields));
        }
    }

    [Fact]
    public async Task A_full_pipe_holds_the_writer_back_and_an_absent_reader_is_reported()
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 1000, resumeWriterThreshold: 500, useSynchronizationContext: false));
        var writer = new CaptureWriter(pipe.Writer, new CaptureWriterOptions { FlushThreshold = 2000 });
        int id = writer.AddInterface(LinkType.Ethernet);
        Assert.True(await writer.WriteAsync(id, Time, Samples.Frame(500), cancellationToken: Token));
        Assert.True(await writer.WriteAsync(id, Time, Samples.Frame(500), cancellationToken: Token));
        ValueTask<bool> held = writer.WriteAsync(id, Time, Samples.Frame(1000), cancellationToken: Token);
        Assert.False(held.IsCompleted);

        ReadResult result = await pipe.Reader.ReadAsync(Token);
        Assert.True(result.Buffer.Length > 2000);
        pipe.Reader.AdvanceTo(result.Buffer.End);
        Assert.True(await held);

        await pipe.Reader.CompleteAsync();
        Assert.False(await writer.WriteAsync(id, Time, Samples.Frame(3000), cancellationToken: Token));
        await writer.DisposeAsync();
        await writer.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => writer.Write(id, Time, []));
    }

    [Fact]
    public async Task Mistakes_of_the_caller_are_exceptions()
    {
        using var stream = new MemoryStream();
        Assert.Throws<ArgumentException>(() => new CaptureWriter(stream, new CaptureWriterOptions { Format = CaptureFormat.Unknown }));
        Assert.Throws<ArgumentException>(() => new CaptureWriter(stream, new CaptureWriterOptions { Application = new string('x', 65536) }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CaptureWriter(stream, new CaptureWriterOptions { FlushThreshold = -1 }));
        await using var writer = new CaptureWriter(stream);
        Assert.Contains("AddInterface", Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(0, Time, [])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.AddInterface(LinkType.Raw, snapLength: -1));
        Assert.Throws<ArgumentException>(() => writer.AddInterface(LinkType.Raw, new string('x', 65536)));
        writer.AddInterface(LinkType.Raw);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(1, Time, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(0, -1, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(0, Time, [1, 2], originalLength: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(0, Time, [1, 2], originalLength: 1L << 32));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(0, Time, [], (PacketDirection)3));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(0, Time, new byte[CaptureWriter.MaxPacketLength + 1]));
        Assert.Throws<ArgumentException>(() => writer.Write(0, Time, [], comment: new string('é', 32768)));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.WriteStatistics(0, Time, -1, 0));
        writer.Write(0, Time, new byte[CaptureWriter.MaxPacketLength], comment: new string('x', 65535));
        Assert.True(await writer.FlushAsync(Token));
        Assert.Equal(CaptureWriter.MaxPacketLength, Assert.Single(Corpus.Read(stream.ToArray())).Data.Length);
    }
}
