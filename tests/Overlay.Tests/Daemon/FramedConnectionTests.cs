using System.Buffers;
using System.IO.Pipelines;
using Overlay.Daemon.Control;
using Xunit;

namespace Overlay.Tests.Daemon;

/// <summary>Frames on byte streams that come in any pieces.</summary>
public class FramedConnectionTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4096)]
    public async Task Frames_come_out_whole_whatever_pieces_they_come_in(int piece)
    {
        byte[] stream = [0, 0, 0, 2, (byte)'{', (byte)'}', 0, 0, 0, 0, 0, 0, 1, 0, .. Enumerable.Range(0, 256).Select(i => (byte)i)];
        await using FramedConnection connection = Reading(Pieces(stream, piece));

        FrameResult first = await connection.ReadAsync(Cancellation);
        FrameResult second = await connection.ReadAsync(Cancellation);
        FrameResult third = await connection.ReadAsync(Cancellation);
        FrameResult end = await connection.ReadAsync(Cancellation);

        Assert.Equal((FrameStatus.Frame, "{}"), (first.Status, System.Text.Encoding.ASCII.GetString(first.Payload)));
        Assert.Equal((FrameStatus.Frame, 0), (second.Status, second.Payload.Length));
        Assert.Equal(FrameStatus.Frame, third.Status);
        Assert.Equal(stream[^256..], third.Payload);
        Assert.Equal(FrameStatus.End, end.Status);
    }

    [Fact]
    public async Task A_frame_that_trickles_in_is_waited_for()
    {
        var pipe = new Pipe();
        await using var connection = new FramedConnection(pipe.Reader, new Pipe().Writer, FramedConnection.MaxRequest);
        Task<FrameResult> reading = connection.ReadAsync(Cancellation).AsTask();
        foreach (byte value in (byte[])[0, 0, 0, 3, 7, 8, 9])
        {
            Assert.False(reading.IsCompleted);
            await pipe.Writer.WriteAsync(new[] { value }, Cancellation);
        }

        Assert.Equal([7, 8, 9], (await reading).Payload);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task An_end_within_a_frame_is_told_from_one_between_frames(int length)
    {
        byte[] frame = [0, 0, 0, 2, 1, 2];
        await using FramedConnection connection = Reading(Pieces(frame[..length], 1));
        Assert.Equal(FrameStatus.Truncated, (await connection.ReadAsync(Cancellation)).Status);
    }

    [Theory]
    [InlineData(new byte[] { 0, 4, 0, 1 }, 262145u)]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF }, uint.MaxValue)]
    [InlineData(new byte[] { 0x80, 0, 0, 0 }, 0x8000_0000u)]
    public async Task A_length_beyond_the_limit_is_refused_at_once(byte[] header, uint length)
    {
        await using FramedConnection connection = Reading(Pieces(header, 1));
        FrameResult result = await connection.ReadAsync(Cancellation);
        Assert.Equal((FrameStatus.TooLong, length), (result.Status, result.Length));
    }

    [Fact]
    public async Task The_limit_itself_passes()
    {
        byte[] stream = [0, 4, 0, 0, .. new byte[FramedConnection.MaxRequest]];
        await using FramedConnection connection = Reading(Pieces(stream, 4096));
        FrameResult result = await connection.ReadAsync(Cancellation);
        Assert.Equal((FrameStatus.Frame, FramedConnection.MaxRequest), (result.Status, result.Payload.Length));
    }

    [Fact]
    public async Task A_written_frame_is_its_length_and_its_bytes()
    {
        var stream = new MemoryStream();
        await using var connection = new FramedConnection(PipeReader.Create(Stream.Null), PipeWriter.Create(stream), FramedConnection.MaxRequest);
        await connection.WriteAsync("{\"ok\":true}"u8.ToArray(), Cancellation);
        await connection.WriteAsync(ReadOnlyMemory<byte>.Empty, Cancellation);
        byte[] expected = [0, 0, 0, 11, .. "{\"ok\":true}"u8, 0, 0, 0, 0];
        Assert.Equal(expected, stream.ToArray());
    }

    [Fact]
    public async Task A_frame_beyond_16_MiB_is_the_callers_mistake()
    {
        await using var connection = new FramedConnection(PipeReader.Create(Stream.Null), PipeWriter.Create(Stream.Null), FramedConnection.MaxRequest);
        await Assert.ThrowsAsync<ArgumentException>(() => connection.WriteAsync(new byte[FramedConnection.MaxFrame + 1], Cancellation).AsTask());
    }

    private static FramedConnection Reading(ReadOnlySequence<byte> stream) =>
        new(PipeReader.Create(stream), new Pipe().Writer, FramedConnection.MaxRequest);

    private static ReadOnlySequence<byte> Pieces(byte[] stream, int piece)
    {
        Piece? first = null;
        Piece? last = null;
        for (int start = 0; start < stream.Length; start += piece)
        {
            last = new Piece(stream.AsMemory(start, Math.Min(piece, stream.Length - start)), last);
            first ??= last;
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? before)
        {
            Memory = memory;
            if (before is not null)
            {
                RunningIndex = before.RunningIndex + before.Memory.Length;
                before.Next = this;
            }
        }
    }
}
