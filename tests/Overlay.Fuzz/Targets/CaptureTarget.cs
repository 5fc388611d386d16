using System.Buffers;
using System.IO.Pipelines;
using Overlay.Capture;

namespace Overlay.Fuzz.Targets;

/// <summary>
/// <see cref="CaptureReader"/>: pcap and pcapng, whole and in small pieces, with the same result. <see cref="CaptureFormatException"/> is how it refuses.
/// </summary>
internal sealed class CaptureTarget : IFuzzTarget
{
    private const int PieceLength = 13;

    public static unsafe void Fuzz(ReadOnlySpan<byte> input)
    {
        fixed (byte* start = input)
        {
            using NativeMemoryManager manager = new(start, input.Length);
            List<string> whole = Read(new ReadOnlySequence<byte>(manager.Memory));
            List<string> pieces = Read(Piece.Cut(manager.Memory, PieceLength));
            Check.Equal(string.Join('\n', whole), string.Join('\n', pieces), "what is read in pieces");
        }
    }

    private static List<string> Read(ReadOnlySequence<byte> bytes)
    {
        List<string> read = [];
        // All bytes are there: nothing waits.
        ReadAll().GetAwaiter().GetResult();
        return read;

        async Task ReadAll()
        {
            CaptureReader reader = new(PipeReader.Create(bytes));
            await using (reader.ConfigureAwait(false))
            {
                try
                {
                    while (await reader.ReadAsync().ConfigureAwait(false) is { } packet)
                    {
                        read.Add(
                            $"{packet.FileOffset} {packet.Interface.Id} {packet.InterfaceName} {packet.LinkType} {packet.UnixNanoseconds} {packet.Timestamp:O} {packet.OriginalLength} " +
                            $"{packet.Direction} {packet.Flags} {packet.Comment} {Convert.ToHexString(packet.Data.Span)}");
                    }
                }
                catch (CaptureFormatException exception)
                {
                    read.Add($"{exception.Error} at {exception.Offset}: {exception.Message}");
                }

                read.AddRange(reader.Interfaces.Select(known => $"{known.Id} {known.Name} {known.Description} {known.LinkType} {known.SnapLength}"));
                read.Add($"{reader.Format} {reader.Position}");
            }
        }
    }

    private sealed unsafe class NativeMemoryManager(byte* start, int length) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => new(start, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        private Piece(ReadOnlyMemory<byte> memory, long index)
        {
            Memory = memory;
            RunningIndex = index;
        }

        public static ReadOnlySequence<byte> Cut(ReadOnlyMemory<byte> bytes, int length)
        {
            Piece first = new(bytes[..Math.Min(length, bytes.Length)], 0);
            Piece last = first;
            for (int at = length; at < bytes.Length; at += length)
            {
                Piece next = new(bytes.Slice(at, Math.Min(length, bytes.Length - at)), at);
                last.Next = next;
                last = next;
            }

            return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
        }
    }
}
