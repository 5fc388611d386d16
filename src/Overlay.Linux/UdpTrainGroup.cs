using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// Datagrams with one <see cref="TrainKey"/>, one behind another in one flat buffer, and how they fall into trains. A flat buffer costs a copy,
/// but less than the kernel needs to gather as many pieces (measured: 3.5 against 5.3 µs for 64 KB), and the bytes of the batch, which flood
/// copies share, stay as they are.
/// </summary>
internal sealed unsafe class UdpTrainGroup
{
    /// <summary>The longest UDP payload over IPv4, and the longest train.</summary>
    public const int MaxTrainLength = 65_507;

    /// <summary>The most datagrams of one train (UDP_MAX_SEGMENTS of the kernel).</summary>
    public const int MaxTrainSegments = 128;

    /// <summary>The most datagrams of one group.</summary>
    public const int MaxSegments = 512;

    private const int BufferLength = 64 * 1024;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(BufferLength, pinned: true);
    private readonly byte* _address;
    private readonly int[] _descriptors = new int[MaxSegments];
    private readonly Train[] _trains = new Train[MaxSegments];
    private TrainKey _key;

    public UdpTrainGroup() => _address = MessageSlots.Address(_buffer);

    /// <summary>What the datagrams have in common.</summary>
    public ref readonly TrainKey Key => ref _key;

    /// <summary>The number of datagrams.</summary>
    public int SegmentCount { get; private set; }

    /// <summary>The number of trains.</summary>
    public int TrainCount { get; private set; }

    /// <summary>Bytes in the buffer.</summary>
    public int Length { get; private set; }

    /// <summary>The free part of the buffer.</summary>
    public Span<byte> Tail => _buffer.AsSpan(Length);

    /// <summary>Empties the group and gives it a key.</summary>
    public void Open(in TrainKey key)
    {
        _key = key;
        Clear();
    }

    /// <summary>Empties the group.</summary>
    public void Clear()
    {
        SegmentCount = 0;
        TrainCount = 0;
        Length = 0;
    }

    /// <summary>Whether another datagram of this length fits.</summary>
    public bool HasRoom(int length) => SegmentCount < MaxSegments && Length + length <= BufferLength;

    /// <summary>Takes in the datagram that was written to <see cref="Tail"/>.</summary>
    /// <param name="length">Its length.</param>
    /// <param name="descriptor">The descriptor that it comes from.</param>
    /// <param name="maxSegments">The most datagrams of one train; 1 for no trains.</param>
    public void Commit(int length, int descriptor, int maxSegments)
    {
        _descriptors[SegmentCount] = descriptor;
        if (TrainCount == 0 || !_trains[TrainCount - 1].TryAppend(length, maxSegments))
        {
            _trains[TrainCount++] = new Train { Offset = Length, Length = length, SegmentSize = length, FirstSegment = SegmentCount, SegmentCount = 1 };
        }

        SegmentCount++;
        Length += length;
    }

    /// <summary>A train.</summary>
    public ref Train this[int train] => ref _trains[train];

    /// <summary>The descriptor that a datagram comes from.</summary>
    public int Descriptor(int segment) => _descriptors[segment];

    /// <summary>The descriptors that the datagrams of a train come from.</summary>
    public ReadOnlySpan<int> Descriptors(in Train train) => _descriptors.AsSpan(train.FirstSegment, train.SegmentCount);

    /// <summary>Where a byte of the buffer lies; the buffer is pinned.</summary>
    public byte* Address(int offset) => _address + offset;

    /// <summary>Datagrams of one size, but for a shorter last one: one message to the kernel.</summary>
    internal struct Train
    {
        public int Offset;
        public int Length;
        public int SegmentSize;
        public int FirstSegment;
        public int SegmentCount;
        public bool Done;

        public bool TryAppend(int length, int maxSegments)
        {
            // A shorter datagram ends a train: then its length is no multiple any more.
            if (length > SegmentSize || SegmentCount >= maxSegments || Length != SegmentCount * SegmentSize || Length + length > MaxTrainLength)
            {
                return false;
            }

            Length += length;
            SegmentCount++;
            return true;
        }
    }
}
