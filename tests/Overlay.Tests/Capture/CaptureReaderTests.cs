using System.Buffers;
using System.IO.Pipelines;
using Overlay.Capture;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Capture;

public sealed class CaptureReaderTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Corpus_files_read_as_tshark_reads_them()
    {
        Requires.Tool("tshark");
        string root = Corpus.PathOf("");
        foreach (string name in Corpus.Files)
        {
            SameAsTshark(Path.Combine(root, name), Corpus.Packets(name), name);
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Pcap_of_either_byte_order_and_resolution(bool bigEndian, bool nanoseconds)
    {
        byte[] capture = Samples.Pcap(bigEndian, nanoseconds);
        IReadOnlyList<CapturedPacket> packets = Corpus.Read(capture);

        Assert.Equal(3, packets.Count);
        Assert.Equal(1_700_000_000_123_456_000 + (nanoseconds ? 789 : 0), packets[0].UnixNanoseconds);
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000).AddTicks(1_234_560 + (nanoseconds ? 7 : 0)), packets[0].Timestamp);
        Assert.Equal(Samples.Frame(50), packets[0].Data.ToArray());
        Assert.Equal((0L, 14L), (packets[1].UnixNanoseconds!.Value, packets[1].OriginalLength));
        Assert.Equal((1500L, 21), (packets[2].OriginalLength, packets[2].Data.Length));
        Assert.Equal(2106, packets[2].Timestamp!.Value.Year);
        Assert.All(packets, packet => Assert.Equal((LinkType.Ethernet, null, null, PacketDirection.Unknown), (packet.LinkType, packet.InterfaceName, packet.Comment, packet.Direction)));
        Assert.Equal([24L, 24 + 16 + 64, 24 + 16 + 64 + 16 + 14], packets.Select(packet => packet.FileOffset));
        OracleAgrees(capture, packets);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PcapNg_with_sections_interfaces_options_and_all_packet_blocks(bool bigEndian)
    {
        byte[] capture = Samples.PcapNg(bigEndian);
        IReadOnlyList<CapturedPacket> packets = Corpus.Read(capture);

        Assert.Equal(["eth0", null, "binary", "eth0", "other", "other"], packets.Select(packet => packet.InterfaceName));
        Assert.Equal([0, 1, 2, 0, 0, 0], packets.Select(packet => packet.Interface.Id));
        Assert.Equal(
            [1_700_000_000_123_456_789, 1_700_000_000_000_007_000, 1_700_000_000_500_000_000, 1_700_000_000_000_000_000, null, 1_700_000_000_999_999_000],
            packets.Select(packet => packet.UnixNanoseconds));
        Assert.Null(packets[4].Timestamp);
        Assert.Equal([47L, 2000, 49, 16, 60, 14], packets.Select(packet => packet.OriginalLength));
        Assert.Equal([Samples.Frame(33), Samples.Frame(34), Samples.Frame(35), Samples.Frame(2), Samples.Frame(6), Samples.Frame(0)], packets.Select(packet => packet.Data.ToArray()));
        Assert.Equal("one\nzwei ✓", packets[0].Comment);
        Assert.Equal("the first", packets[0].Interface.Description);
        Assert.Equal(20, packets[4].Interface.SnapLength);
        Assert.Equal(
            [PacketDirection.Inbound, PacketDirection.Unknown, PacketDirection.Outbound, PacketDirection.Unknown, PacketDirection.Unknown, PacketDirection.Unknown],
            packets.Select(packet => packet.Direction));
        OracleAgrees(capture, packets);
    }

    [Fact]
    public async Task One_byte_segments_give_the_same_packets()
    {
        List<(string Name, byte[] Bytes)> captures =
            [("pcap", Samples.Pcap(true, true)), ("pcapng", Samples.PcapNg(false)), ("pcapng big", Samples.PcapNg(true))];
        if (Corpus.Directory is not null)
        {
            captures.Add(("corpus", Corpus.Bytes("tcpdump/vxlan.pcap")));
        }

        foreach ((string name, byte[] bytes) in captures)
        {
            IReadOnlyList<CapturedPacket> expected = Corpus.Read(bytes);
            Same(expected, await ReadAll(PipeReader.Create(Segment.Chain(bytes, 1))), name);
            Same(expected, await ReadAll(PipeReader.Create(new TricklingStream(bytes))), name);
        }
    }

    [Fact]
    public async Task A_pipe_that_pauses_below_a_block_does_not_deadlock()
    {
        byte[] capture = Samples.PcapNg(false);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 8, resumeWriterThreshold: 4, useSynchronizationContext: false));
        Task write = Task.Run(
            async () =>
            {
                foreach (byte value in capture)
                {
                    await pipe.Writer.WriteAsync(new[] { value }, Token);
                }

                await pipe.Writer.CompleteAsync();
            },
            Token);
        Same(Corpus.Read(capture), await ReadAll(pipe.Reader), "pipe");
        await write;
    }

    [Fact]
    public async Task A_packet_is_delivered_as_soon_as_its_bytes_are_there()
    {
        var pipe = new Pipe();
        await using var reader = new CaptureReader(pipe.Reader);
        Assert.Equal(CaptureFormat.Unknown, reader.Format);
        byte[] capture = Samples.Pcap(false, false);
        int second = (int)Corpus.Read(capture)[1].FileOffset;

        await pipe.Writer.WriteAsync(capture.AsMemory(0, second - 1), Token);
        ValueTask<CapturedPacket?> pending = reader.ReadAsync(Token);
        Assert.False(pending.IsCompleted);
        await pipe.Writer.WriteAsync(capture.AsMemory(second - 1, 1), Token);
        CapturedPacket? packet = await pending;

        Assert.Equal(24, packet!.FileOffset);
        Assert.Equal((CaptureFormat.Pcap, second), (reader.Format, (int)reader.Position));
        Assert.Single(reader.Interfaces);
    }

    [Fact]
    public async Task A_cancelled_read_can_be_tried_again()
    {
        var pipe = new Pipe();
        await using var reader = new CaptureReader(pipe.Reader);
        ValueTask<CapturedPacket?> first = reader.ReadAsync(Token);
        pipe.Reader.CancelPendingRead();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await first);

        await pipe.Writer.WriteAsync(Samples.PcapNg(true), Token);
        Assert.Equal("eth0", (await reader.ReadAsync(Token))!.InterfaceName);
        using var source = new CancellationTokenSource();
        for (int i = 0; i < 5; i++)
        {
            Assert.NotNull(await reader.ReadAsync(source.Token));
        }

        ValueTask<CapturedPacket?> last = reader.ReadAsync(source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await last);
        await pipe.Writer.CompleteAsync();
        Assert.Null(await reader.ReadAsync(Token));
        Assert.Null(await reader.ReadAsync(Token));
    }

    [Fact]
    public async Task Cut_at_every_length_the_packets_before_the_cut_come_and_then_a_typed_end()
    {
        List<(string Name, byte[] Bytes)> captures = [("pcap", Samples.Pcap(false, true)), ("pcapng", Samples.PcapNg(false)), ("pcapng big", Samples.PcapNg(true))];
        captures.AddRange(Corpus.Files.Select(name => (name, Corpus.Bytes(name))).Where(capture => capture.Item2.Length <= 4096));
        foreach ((string name, byte[] bytes) in captures)
        {
            IReadOnlyList<CapturedPacket> all = Corpus.Read(bytes);
            // A cut is clean where a record, or any block, ends.
            HashSet<int> boundaries = Boundaries(bytes);
            for (int length = 0; length < bytes.Length; length++)
            {
                (List<CapturedPacket> packets, CaptureFormatException? failure) = await ReadUntilFailure(bytes[..length]);
                string at = $"{name} cut at {length}: {failure?.Message}";
                Assert.True(failure is null == boundaries.Contains(length), at);
                Assert.True(failure is null || (failure.Error == CaptureError.Truncated && failure.Offset == length), at);
                Same(all.Take(packets.Count), packets, at);
                int complete = all.Where((_, i) => (i + 1 < all.Count ? all[i + 1].FileOffset : bytes.Length) <= length).Count();
                Assert.True(packets.Count >= complete, at);
            }
        }
    }

    public static TheoryData<string, byte[], CaptureError, int, string> Malformed
    {
        get
        {
            CaptureBuilder Ng() => new CaptureBuilder(false).Section();
            CaptureBuilder NgWithInterface() => Ng().Interface(1);
            byte[] version = Samples.Pcap(false, false);
            version[4] = 9;
            byte[] trailer = NgWithInterface().ToArray();
            trailer[^4] = 0x24;
            byte[] magic = Ng().ToArray();
            magic[8] = 0;
            return new()
            {
                { "empty", [], CaptureError.Truncated, 0, "empty" },
                { "no magic", "GIF89a.."u8.ToArray(), CaptureError.BadMagic, 0, "47494638" },
                { "modified pcap", [0x34, 0xCD, 0xB2, 0xA1, 0, 0], CaptureError.BadMagic, 0, "a1b2c3d4" },
                { "pcap version", version, CaptureError.UnsupportedVersion, 4, "2.4" },
                { "pcap length", new CaptureBuilder(true).PcapHeader(0xA1B2C3D4, 1).U32(0).U32(0).U32(0xFFFF_FFFF).U32(0).ToArray(), CaptureError.BadLength, 32, "4294967295" },
                { "byte order", magic, CaptureError.BadMagic, 8, "1a2b3c4d" },
                { "pcapng version", new CaptureBuilder(false).Block(0x0A0D0D0A, b => b.U32(0x1A2B3C4D).U16(2).U16(0).U64(0)).ToArray(), CaptureError.UnsupportedVersion, 12, "2.0" },
                { "short section", new CaptureBuilder(false).Block(0x0A0D0D0A, b => b.U32(0x1A2B3C4D)).ToArray(), CaptureError.BadLength, 4, "28" },
                { "block below 12", Ng().U32(6).U32(8).U32(8).ToArray(), CaptureError.BadLength, 32, "12" },
                { "block not padded", Ng().U32(6).U32(13).U32(13).U32(13).ToArray(), CaptureError.BadLength, 32, "multiple of 4" },
                { "block too long", Ng().U32(6).U32((16 * 1024 * 1024) + 4).U32(0).ToArray(), CaptureError.BadLength, 32, "16777216" },
                { "trailer", trailer, CaptureError.BadLength, 28 + 16, "36" },
                { "short interface", Ng().Block(1, b => b.U32(0)).ToArray(), CaptureError.BadLength, 32, "20" },
                { "short packet", NgWithInterface().Block(6, b => b.U32(0).U32(0)).ToArray(), CaptureError.BadLength, 48 + 4, "32" },
                { "short simple packet", NgWithInterface().Block(3, _ => { }).ToArray(), CaptureError.BadLength, 48 + 4, "16" },
                { "packet without interface", Ng().Packet(0, 0, [1]).ToArray(), CaptureError.UnknownInterface, 28 + 8, "interface 0" },
                { "simple packet without interface", Ng().Block(3, b => b.U32(0)).ToArray(), CaptureError.UnknownInterface, 28 + 8, "interface 0" },
                { "interface of the section before", NgWithInterface().Section().Packet(0, 0, [1]).ToArray(), CaptureError.UnknownInterface, 48 + 28 + 8, "interface 0" },
                { "captured length", NgWithInterface().Block(6, b => b.U32(0).U32(0).U32(0).U32(5).U32(5).U32(0)).ToArray(), CaptureError.BadLength, 48 + 20, "room for 4" },
                { "simple packet length", NgWithInterface().Block(3, b => b.U32(5).U32(0)).ToArray(), CaptureError.BadLength, 48 + 8, "room for 4" },
                { "option length", NgWithInterface().Packet(0, 0, [], options: b => b.U16(1).U16(5).U32(0)).ToArray(), CaptureError.BadOption, 48 + 28 + 2, "room for 4" },
                { "flags length", NgWithInterface().Packet(0, 0, [], options: b => b.Option(2, [1, 2, 3])).ToArray(), CaptureError.BadOption, 48 + 28 + 2, "epb_flags" },
                { "resolution length", Ng().Interface(1, 0, b => b.Option(9, [6, 0])).ToArray(), CaptureError.BadOption, 28 + 16 + 2, "if_tsresol" },
                { "offset length", Ng().Interface(1, 0, b => b.Option(2, "x"u8).Option(14, [0, 0, 0, 0])).ToArray(), CaptureError.BadOption, 28 + 16 + 8 + 2, "if_tsoffset" },
                { "time", Ng().Interface(1, 0, b => b.Option(9, [0])).Packet(0, ulong.MaxValue, []).ToArray(), CaptureError.BadTimestamp, 28 + 28 + 12, "18446744073709551615" },
            };
        }
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task Malformed_captures_say_where_and_what(string name, byte[] capture, CaptureError error, int offset, string mention)
    {
        await using var reader = new CaptureReader(new MemoryStream(capture));
        CaptureFormatException exception = await Assert.ThrowsAsync<CaptureFormatException>(async () => await reader.ReadAsync(Token));
        Assert.True((exception.Error, exception.Offset) == (error, offset), $"{name}: {exception.Error} at {exception.Offset}: {exception.Message}");
        Assert.Contains(mention, exception.Message, StringComparison.Ordinal);
        Assert.StartsWith($"Byte {offset}: ", exception.Message, StringComparison.Ordinal);
        Assert.Same(exception, await Assert.ThrowsAsync<CaptureFormatException>(async () => await reader.ReadAsync(Token)));
    }

    [Fact]
    public async Task More_interfaces_than_accepted_are_an_error()
    {
        var builder = new CaptureBuilder(false).Section();
        byte[] one = new CaptureBuilder(false).Interface(1).ToArray();
        for (int i = 0; i <= CaptureReader.MaxInterfaces; i++)
        {
            builder.Raw(one);
        }

        (_, CaptureFormatException? failure) = await ReadUntilFailure(builder.ToArray());
        Assert.Equal((CaptureError.TooManyInterfaces, 28L + (CaptureReader.MaxInterfaces * 20L)), (failure!.Error, failure.Offset));
    }

    [Fact]
    public async Task Garbage_ends_with_a_typed_exception_and_nothing_else()
    {
        var random = new Random(20261124);
        byte[][] heads = [[], [0xA1, 0xB2, 0xC3, 0xD4, 0, 2, 0, 4], [0x4D, 0x3C, 0xB2, 0xA1, 2, 0, 4, 0], new CaptureBuilder(false).Section().Interface(1).ToArray(), new CaptureBuilder(true).Section().ToArray()];
        byte[][] seeds = [Samples.Pcap(false, false), Samples.PcapNg(false), Samples.PcapNg(true)];
        int failures = 0;
        for (int i = 0; i < 6000; i++)
        {
            byte[] capture;
            if (i % 2 == 0)
            {
                byte[] noise = new byte[random.Next(200)];
                random.NextBytes(noise);
                capture = [.. heads[random.Next(heads.Length)], .. noise];
            }
            else
            {
                capture = [.. seeds[random.Next(seeds.Length)]];
                for (int flips = random.Next(1, 8); flips > 0; flips--)
                {
                    capture[random.Next(capture.Length)] = (byte)random.Next(256);
                }
            }

            (List<CapturedPacket> packets, CaptureFormatException? failure) = await ReadUntilFailure(capture);
            Assert.All(packets, packet => Assert.InRange(packet.Data.Length, 0, capture.Length));
            Assert.True(failure is null || (failure.Offset >= 0 && failure.Offset <= capture.Length), failure?.Message);
            failures += failure is null ? 0 : 1;
        }

        Assert.InRange(failures, 3000, 5999);
    }

    private static void OracleAgrees(byte[] capture, IReadOnlyList<CapturedPacket> packets)
    {
        Requires.Tool("tshark");
        using var file = new TemporaryFile(capture);
        SameAsTshark(file.Path, packets, "synthetic");
    }

    private static void SameAsTshark(string path, IReadOnlyList<CapturedPacket> packets, string name)
    {
        IReadOnlyList<TsharkFrame> frames = Tshark.Frames(path);
        Assert.True(frames.Count == packets.Count, $"{name}: tshark reads {frames.Count} packets, not {packets.Count}");
        for (int i = 0; i < frames.Count; i++)
        {
            Assert.True(frames[i].Length == packets[i].OriginalLength, $"{name}, packet {i + 1}: length {frames[i].Length}, not {packets[i].OriginalLength}");
            Assert.True(frames[i].Nanoseconds == packets[i].UnixNanoseconds, $"{name}, packet {i + 1}: time {frames[i].Nanoseconds}, not {packets[i].UnixNanoseconds}");
            Assert.True(packets[i].Data.Span.SequenceEqual(frames[i].Bytes), $"{name}, packet {i + 1}: other bytes");
        }
    }

    private static void Same(IEnumerable<CapturedPacket> expected, IReadOnlyList<CapturedPacket> actual, string name)
    {
        static string Text(CapturedPacket packet) =>
            $"{packet.FileOffset} {packet.UnixNanoseconds} {packet.OriginalLength} {packet.InterfaceName} {packet.Comment} {packet.Flags} {Convert.ToHexString(packet.Data.Span)}";
        Assert.True(expected.Select(Text).SequenceEqual(actual.Select(Text)), name);
    }

    private static async Task<List<CapturedPacket>> ReadAll(PipeReader pipe)
    {
        await using var reader = new CaptureReader(pipe);
        List<CapturedPacket> packets = [];
        await foreach (CapturedPacket packet in reader.ReadAllAsync(Token))
        {
            packets.Add(packet);
        }

        return packets;
    }

    private static async Task<(List<CapturedPacket> Packets, CaptureFormatException? Failure)> ReadUntilFailure(byte[] capture)
    {
        await using var reader = new CaptureReader(new MemoryStream(capture));
        List<CapturedPacket> packets = [];
        try
        {
            while (await reader.ReadAsync(Token) is { } packet)
            {
                packets.Add(packet);
            }

            return (packets, null);
        }
        catch (CaptureFormatException exception)
        {
            return (packets, exception);
        }
    }

    // Walks the file by its lengths alone, as the slow twin of the reader.
    private static HashSet<int> Boundaries(byte[] bytes)
    {
        HashSet<int> boundaries = [];
        bool pcapNg = bytes[0] == 0x0A;
        bool bigEndian = bytes[0] == 0xA1;
        int Word(int at) => bigEndian
            ? (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
            : (bytes[at + 3] << 24) | (bytes[at + 2] << 16) | (bytes[at + 1] << 8) | bytes[at];
        for (int at = pcapNg ? 0 : 24; at < bytes.Length;)
        {
            if (at > 0)
            {
                boundaries.Add(at);
            }

            if (pcapNg)
            {
                bigEndian = bytes[at] == 0x0A && bytes[at + 1] == 0x0D ? bytes[at + 8] == 0x1A : bigEndian;
                at += Word(at + 4);
            }
            else
            {
                at += 16 + Word(at + 8);
            }
        }

        return boundaries;
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public static ReadOnlySequence<byte> Chain(byte[] bytes, int size)
        {
            Segment? first = null;
            Segment? last = null;
            for (int at = 0; at < bytes.Length; at += size)
            {
                var next = new Segment { Memory = bytes.AsMemory(at, Math.Min(size, bytes.Length - at)), RunningIndex = at };
                last?.Next = next;
                last = next;
                first ??= next;
            }

            return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
        }
    }

    /// <summary>A stream that gives one byte per read.</summary>
    private sealed class TricklingStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(1, buffer.Length)], cancellationToken);
    }
}
