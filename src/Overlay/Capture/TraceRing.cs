using System.Buffers.Binary;
using System.Numerics;

namespace Overlay.Capture;

/// <summary>
/// A bounded ring of records from one worker to whoever writes them out. Neither waits for the other: a record that finds no room is the worker's to count.
/// </summary>
/// <remarks>A record is four bytes of length and its bytes, in one piece; −1 as length says that the rest up to the end of the ring is free.</remarks>
internal sealed class TraceRing
{
    private const int HeaderLength = sizeof(int);
    private const int Alignment = 8;
    private const int Skip = -1;

    private readonly byte[] _bytes;
    private long _head;
    private long _tail;
    private long _reserved;

    /// <summary>Makes an empty ring.</summary>
    /// <param name="length">Bytes, rounded up to a power of two.</param>
    public TraceRing(int length) => _bytes = new byte[BitOperations.RoundUpToPowerOf2((uint)length)];

    /// <summary>Room for a record. The worker only.</summary>
    /// <returns>false if there is none now.</returns>
    public bool TryReserve(int length, out Span<byte> record)
    {
        record = default;
        int needed = Size(length);
        int offset = OffsetOf(_tail);
        int skipped = _bytes.Length - offset < needed ? _bytes.Length - offset : 0;
        if (skipped + (long)needed > _bytes.Length - (_tail - Volatile.Read(ref _head)))
        {
            return false;
        }

        if (skipped > 0)
        {
            BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(offset), Skip);
        }

        // Published with the record, by one store.
        _reserved = _tail + skipped;
        offset = OffsetOf(_reserved);
        BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(offset), length);
        record = _bytes.AsSpan(offset + HeaderLength, length);
        return true;
    }

    /// <summary>Hands over the record that was reserved last. The worker only.</summary>
    public void Commit()
    {
        int length = BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(OffsetOf(_reserved)));
        Volatile.Write(ref _tail, _reserved + Size(length));
    }

    /// <summary>The oldest record; it stays until <see cref="Release"/>. The other side only.</summary>
    /// <returns>false if there is none.</returns>
    public bool TryPeek(out ReadOnlySpan<byte> record)
    {
        record = default;
        if (_head == Volatile.Read(ref _tail))
        {
            return false;
        }

        int length = BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(OffsetOf(_head)));
        if (length == Skip)
        {
            // A skip is published with the record behind it.
            Volatile.Write(ref _head, _head + _bytes.Length - OffsetOf(_head));
            length = BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(OffsetOf(_head)));
        }

        record = _bytes.AsSpan(OffsetOf(_head) + HeaderLength, length);
        return true;
    }

    /// <summary>Gives the room of the oldest record back. The other side only.</summary>
    public void Release()
    {
        int length = BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(OffsetOf(_head)));
        Volatile.Write(ref _head, _head + Size(length));
    }

    private static int Size(int length) => (HeaderLength + length + Alignment - 1) & ~(Alignment - 1);

    private int OffsetOf(long position) => (int)(position & (_bytes.Length - 1));
}
