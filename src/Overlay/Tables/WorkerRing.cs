using System.Numerics;
using System.Runtime.InteropServices;

namespace Overlay.Tables;

/// <summary>A bounded ring from one worker to the one writer of the tables. Neither waits for the other: what does not fit is counted.</summary>
internal sealed class WorkerRing<T>
    where T : struct, IEquatable<T>
{
    private readonly T[] _ring;
    private RingPositions _positions;

    /// <summary>Makes an empty ring.</summary>
    /// <param name="capacity">Rounded up to a power of two.</param>
    public WorkerRing(int capacity) => _ring = new T[BitOperations.RoundUpToPowerOf2((uint)capacity)];

    /// <summary>How many fit.</summary>
    public int Capacity => _ring.Length;

    /// <summary>How many did not fit. Any thread.</summary>
    public long Overflows => Volatile.Read(ref _positions.Overflows);

    /// <summary>Puts one in. The worker only.</summary>
    /// <returns>false, and counted, if there is no room. What is equal to the youngest that still waits is not put in twice; that is true.</returns>
    public bool TryEnqueue(in T item)
    {
        long tail = _positions.Tail;
        long waiting = tail - Volatile.Read(ref _positions.Head);

        // Frames come in trains: until the writer has run, each frame of one says the same.
        if (waiting > 0 && _ring[(int)((tail - 1) & (_ring.Length - 1))].Equals(item))
        {
            return true;
        }

        if (waiting >= _ring.Length)
        {
            Volatile.Write(ref _positions.Overflows, _positions.Overflows + 1);
            return false;
        }

        _ring[(int)(tail & (_ring.Length - 1))] = item;
        Volatile.Write(ref _positions.Tail, tail + 1);
        return true;
    }

    /// <summary>Takes the oldest out. The writer only.</summary>
    public bool TryDequeue(out T item)
    {
        long head = _positions.Head;
        if (head == Volatile.Read(ref _positions.Tail))
        {
            item = default;
            return false;
        }

        item = _ring[(int)(head & (_ring.Length - 1))];
        Volatile.Write(ref _positions.Head, head + 1);
        return true;
    }
}

/// <summary>
/// Each side's words on lines of their own (two, since processors fetch pairs), so that neither takes the other's away. Not within the ring, since a generic
/// type cannot have its layout given.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 384)]
internal struct RingPositions
{
    [FieldOffset(128)]
    public long Head;

    [FieldOffset(256)]
    public long Tail;

    [FieldOffset(264)]
    public long Overflows;
}
