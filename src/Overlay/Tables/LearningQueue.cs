using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Overlay.Tables;

/// <summary>
/// A bounded ring from one worker, which hears addresses, to the one writer of the tables. Neither waits for the other: what does not fit is counted and
/// will be heard again with the next frame.
/// </summary>
[SuppressMessage("Naming", "CA1711:Identifiers should not have incorrect suffix", Justification = "It is a queue, only no collection: the two ends belong to two threads.")]
public sealed class LearningQueue
{
    /// <summary>The capacity unless told otherwise.</summary>
    public const int DefaultCapacity = 1_024;

    /// <summary>The largest capacity.</summary>
    public const int CapacityLimit = 1 << 20;

    private readonly LearnedAddress[] _ring;
    private Positions _positions;

    /// <summary>Makes an empty queue.</summary>
    /// <param name="capacity">1 to <see cref="CapacityLimit"/>, rounded up to a power of two.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is out of range.</exception>
    public LearningQueue(int capacity = DefaultCapacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, CapacityLimit);
        _ring = new LearnedAddress[BitOperations.RoundUpToPowerOf2((uint)capacity)];
    }

    /// <summary>How many addresses fit.</summary>
    public int Capacity => _ring.Length;

    /// <summary>How many addresses were refused because the queue was full. Any thread.</summary>
    public long Overflows => Volatile.Read(ref _positions.Overflows);

    /// <summary>Puts an address in. The worker only.</summary>
    /// <returns>false, and counted, if the queue is full. An address equal to the youngest one that still waits is not put in twice; that is true.</returns>
    public bool TryEnqueue(in LearnedAddress learned)
    {
        long tail = _positions.Tail;
        long waiting = tail - Volatile.Read(ref _positions.Head);

        // Frames come in trains: until the writer has run, each frame of one says the same.
        if (waiting > 0 && _ring[(int)((tail - 1) & (_ring.Length - 1))] == learned)
        {
            return true;
        }

        if (waiting >= _ring.Length)
        {
            Volatile.Write(ref _positions.Overflows, _positions.Overflows + 1);
            return false;
        }

        _ring[(int)(tail & (_ring.Length - 1))] = learned;
        Volatile.Write(ref _positions.Tail, tail + 1);
        return true;
    }

    /// <summary>Takes the oldest address out. The writer only.</summary>
    /// <returns>false if there is none.</returns>
    public bool TryDequeue(out LearnedAddress learned)
    {
        long head = _positions.Head;
        if (head == Volatile.Read(ref _positions.Tail))
        {
            learned = default;
            return false;
        }

        learned = _ring[(int)(head & (_ring.Length - 1))];
        Volatile.Write(ref _positions.Head, head + 1);
        return true;
    }

    /// <summary>Each side's words on lines of their own (two, since processors fetch pairs), so that neither takes the other's away.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Positions
    {
        [FieldOffset(128)]
        public long Head;

        [FieldOffset(256)]
        public long Tail;

        [FieldOffset(264)]
        public long Overflows;
    }
}
