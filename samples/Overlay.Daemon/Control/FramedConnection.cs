using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace Overlay.Daemon.Control;

/// <summary>How a read ended.</summary>
internal enum FrameStatus
{
    /// <summary>A whole frame came.</summary>
    Frame,

    /// <summary>The other side closed between two frames.</summary>
    End,

    /// <summary>The other side closed within a frame.</summary>
    Truncated,

    /// <summary>The length announced is larger than the limit; nothing behind it can be understood.</summary>
    TooLong,
}

/// <summary>What a read came to.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Payload">The frame without its length; empty unless <paramref name="Status"/> is <see cref="FrameStatus.Frame"/>.</param>
/// <param name="Length">The length announced, if it came.</param>
internal readonly record struct FrameResult(FrameStatus Status, byte[] Payload, uint Length);

/// <summary>
/// Frames on a byte stream: four bytes of length, big-endian, and so many bytes. One reader and one writer at a time.
/// </summary>
/// <remarks>Nothing is allocated by what a length announces: memory grows with the bytes that really came.</remarks>
internal sealed class FramedConnection(PipeReader input, PipeWriter output, int maxReceive) : IAsyncDisposable
{
    /// <summary>Bytes of the length field.</summary>
    public const int HeaderLength = 4;

    /// <summary>The largest frame at all, in bytes.</summary>
    public const int MaxFrame = 16 * 1024 * 1024;

    /// <summary>The largest frame of a request, in bytes: a packet of 65 535 bytes in hexadecimal fits.</summary>
    public const int MaxRequest = 256 * 1024;

    /// <summary>Frames on a stream, such as a socket's. Disposal closes it.</summary>
    public static FramedConnection Over(Stream stream, int maxReceive) => new(PipeReader.Create(stream), PipeWriter.Create(stream), maxReceive);

    /// <summary>Reads one frame.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="IOException">The stream failed.</exception>
    public async ValueTask<FrameResult> ReadAsync(CancellationToken cancellation)
    {
        while (true)
        {
            ReadResult read = await input.ReadAsync(cancellation).ConfigureAwait(false);
            ReadOnlySequence<byte> buffer = read.Buffer;
            if (TryReadLength(buffer, out uint length))
            {
                if (length > maxReceive)
                {
                    input.AdvanceTo(buffer.Start);
                    return new FrameResult(FrameStatus.TooLong, [], length);
                }

                if (buffer.Length - HeaderLength >= length)
                {
                    ReadOnlySequence<byte> payload = buffer.Slice(HeaderLength, length);
                    byte[] bytes = payload.ToArray();
                    input.AdvanceTo(payload.End);
                    return new FrameResult(FrameStatus.Frame, bytes, length);
                }
            }

            if (read.IsCompleted)
            {
                input.AdvanceTo(buffer.Start, buffer.End);
                return new FrameResult(buffer.IsEmpty ? FrameStatus.End : FrameStatus.Truncated, [], length);
            }

            input.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    /// <summary>Writes one frame and waits until the stream has taken it.</summary>
    /// <exception cref="ArgumentException">The frame is longer than <see cref="MaxFrame"/>.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the frame may be there in part.</exception>
    /// <exception cref="IOException">The stream failed.</exception>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        if (payload.Length > MaxFrame)
        {
            throw new ArgumentException($"A frame has at most {MaxFrame} bytes, not {payload.Length}.", nameof(payload));
        }

        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(HeaderLength), payload.Length);
        output.Advance(HeaderLength);
        output.Write(payload.Span);
        await output.FlushAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Closes both directions.</summary>
    public async ValueTask DisposeAsync()
    {
        await input.CompleteAsync().ConfigureAwait(false);
        // Given an exception the writer does not try to flush what a broken or slow client left.
        await output.CompleteAsync(new OperationCanceledException()).ConfigureAwait(false);
    }

    private static bool TryReadLength(ReadOnlySequence<byte> buffer, out uint length)
    {
        var reader = new SequenceReader<byte>(buffer);
        bool complete = reader.TryReadBigEndian(out int value);
        length = (uint)value;
        return complete;
    }
}
