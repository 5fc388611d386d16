using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Overlay.DataPath;

/// <summary>
/// The unit of the data path: one pinned slab of bytes and up to <see cref="Capacity"/> descriptors into it, each with its
/// <see cref="PacketMeta"/>. Descriptors may share bytes (a flooded frame, the datagrams of one train). Not thread-safe.
/// </summary>
/// <remarks>
/// Bytes are taken from the slab in the order of arrival, each packet behind its headroom, so that small packets take little room and an
/// outer header can be written in front without a copy. The slab is pinned for its lifetime: ports hand its addresses to the kernel.
/// </remarks>
public sealed class PacketBatch
{
    /// <summary>The largest IP packet, and so the room a port reserves for one receive: 65 535 bytes and an Ethernet header with two tags.</summary>
    public const int MaxPacketLength = 65_535 + 22;

    /// <summary>Room in front of each packet: device headers, two VLAN tags and the largest outer header served, rounded up to 64.</summary>
    public const int DefaultHeadroom = 128;

    /// <summary>The default number of descriptors.</summary>
    public const int DefaultCapacity = 256;

    /// <summary>The default slab: half a megabyte, so that a worker's batches stay in the second-level cache.</summary>
    public const int DefaultSlabLength = 512 * 1024;

    private readonly byte[] _slab;
    private readonly Slot[] _slots;
    private readonly PacketMeta[] _metas;
    private readonly int[] _selection;
    private int _used;
    private int _reserved = -1;
    private int _selected;

    /// <summary>Makes a batch.</summary>
    /// <param name="capacity">The number of descriptors.</param>
    /// <param name="slabLength">Bytes of the slab: at least one largest packet with headroom.</param>
    /// <param name="headroom">Bytes kept free in front of each packet.</param>
    public PacketBatch(int capacity = DefaultCapacity, int slabLength = DefaultSlabLength, int headroom = DefaultHeadroom)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfNegative(headroom);
        ArgumentOutOfRangeException.ThrowIfLessThan(slabLength, MaxPacketLength + headroom);
        Capacity = capacity;
        Headroom = headroom;
        _slab = GC.AllocateArray<byte>(slabLength, pinned: true);
        _slots = new Slot[capacity];
        _metas = new PacketMeta[capacity];
        _selection = new int[capacity];
    }

    /// <summary>The number of descriptors there is room for.</summary>
    public int Capacity { get; }

    /// <summary>Bytes kept free in front of each packet.</summary>
    public int Headroom { get; }

    /// <summary>The number of descriptors in use.</summary>
    public int Count { get; private set; }

    /// <summary>The descriptors to be sent next: set by <see cref="Select"/>, read by <see cref="IPacketPort.Send"/>.</summary>
    public ReadOnlySpan<int> Selection => _selection.AsSpan(0, _selected);

    /// <summary>Forgets all packets.</summary>
    public void Clear()
    {
        Count = 0;
        _used = 0;
        _reserved = -1;
        _selected = 0;
    }

    /// <summary>The bytes that one reservation can have now: what is left of the slab behind a headroom; 0 if no descriptor is free.</summary>
    public int Room => Count < Capacity ? Math.Max(0, _slab.Length - _used - Headroom) : 0;

    /// <summary>Whether there is a free descriptor and slab for <paramref name="length"/> bytes behind a headroom.</summary>
    public bool HasRoom(int length) => Count < Capacity && _used + Headroom + length <= _slab.Length;

    /// <summary>
    /// Room at the slab's tail for one packet of up to <paramref name="length"/> bytes, to be received into and then
    /// <see cref="Commit(int)">committed</see>. A reservation that is not committed is forgotten by the next one.
    /// </summary>
    /// <returns>false if the batch is full.</returns>
    public bool TryReserve(int length, out Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (!HasRoom(length))
        {
            buffer = default;
            return false;
        }

        _reserved = _used + Headroom;
        buffer = _slab.AsSpan(_reserved, length);
        return true;
    }

    /// <summary>Makes a descriptor over the first <paramref name="length"/> bytes of the reservation.</summary>
    /// <returns>The descriptor's index; its meta is cleared, with no output and no tunnel.</returns>
    /// <exception cref="InvalidOperationException">Nothing is reserved.</exception>
    public int Commit(int length)
    {
        if (_reserved < 0)
        {
            throw new InvalidOperationException("Nothing is reserved: call TryReserve first.");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _slab.Length - _reserved);
        int offset = _reserved;
        _reserved = -1;
        return Take(offset, length);
    }

    /// <summary>
    /// Makes a descriptor over a part of the reservation, which stays for further parts until the next one is made: for a port that receives
    /// several packets with one call.
    /// </summary>
    /// <param name="start">
    /// Where the part begins, counted from the first byte of the reservation. What lies in front of it is its headroom, so the caller leaves
    /// <see cref="Headroom"/> bytes between parts; parts may come in any order and must not overlap.
    /// </param>
    /// <param name="length">Bytes of the packet.</param>
    /// <returns>The descriptor's index; its meta is cleared, with no output and no tunnel.</returns>
    /// <exception cref="InvalidOperationException">Nothing is reserved, or no descriptor is free.</exception>
    public int Commit(int start, int length)
    {
        if (_reserved < 0 || Count == Capacity)
        {
            throw new InvalidOperationException(_reserved < 0 ? "Nothing is reserved: call TryReserve first." : $"All {Capacity} descriptors are in use.");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + (long)length, _slab.Length - _reserved, nameof(length));
        return Take(_reserved + start, length);
    }

    /// <summary>Puts the first <paramref name="length"/> bytes of the reservation in the place of a packet's; its meta stays.</summary>
    /// <exception cref="InvalidOperationException">Nothing is reserved.</exception>
    internal void Replace(int index, int length)
    {
        Check(index);
        int taken = Commit(length);
        _slots[index] = _slots[taken];
        Count--;
    }

    /// <summary>Copies a packet into the batch.</summary>
    /// <returns>false if the batch is full.</returns>
    public bool TryAppend(ReadOnlySpan<byte> packet, out int index)
    {
        index = -1;
        if (!TryReserve(packet.Length, out Span<byte> buffer))
        {
            return false;
        }

        packet.CopyTo(buffer);
        index = Commit(packet.Length);
        return true;
    }

    /// <summary>Makes another descriptor over the same bytes, with a copy of the meta.</summary>
    /// <returns>The new descriptor's index, or −1 if there is no free descriptor.</returns>
    public int Share(int index)
    {
        Slot slot = _slots[Check(index)];
        return Count == Capacity ? -1 : Copy(index, slot);
    }

    /// <summary>Makes another descriptor over a part of the bytes of one, with a copy of the meta: one datagram of a train.</summary>
    /// <returns>The new descriptor's index, or −1 if there is no free descriptor.</returns>
    public int Share(int index, int start, int length)
    {
        Slot slot = _slots[Check(index)];
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + (long)length, slot.Length, nameof(length));
        return Count == Capacity ? -1 : Copy(index, new Slot(slot.Offset + start, length));
    }

    /// <summary>The bytes of a packet.</summary>
    public Span<byte> Data(int index)
    {
        return Data(_slots[Check(index)]);
    }

    /// <summary>The bytes of a slot of this batch.</summary>
    /// <remarks>A slot lies within the slab from when it is made; to check that again for each packet on each path is dear.</remarks>
    internal Span<byte> Data(Slot slot) =>
        MemoryMarshal.CreateSpan(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_slab), slot.Offset), slot.Length);

    /// <summary>The bytes of a packet's headroom that are free: what <see cref="Prepend"/> can still take.</summary>
    public int AvailableHeadroom(int index) => _slots[Check(index)].Offset;

    /// <summary>The length of a packet in bytes.</summary>
    public int Length(int index) => _slots[Check(index)].Length;

    /// <summary>The meta of a packet.</summary>
    public ref PacketMeta Meta(int index) => ref _metas[Check(index)];

    /// <summary>The metas of all packets.</summary>
    internal Span<PacketMeta> Metas => _metas.AsSpan(0, Count);

    /// <summary>Where all packets lie.</summary>
    internal ReadOnlySpan<Slot> Slots => _slots.AsSpan(0, Count);

    /// <summary>Puts <paramref name="length"/> bytes in front of a packet.</summary>
    /// <returns>The new bytes, with whatever the slab held there.</returns>
    /// <exception cref="InvalidOperationException">The headroom is used up.</exception>
    /// <remarks>A datagram cut from a train has the one before it as its headroom: prepend only to packets that were received alone.</remarks>
    public Span<byte> Prepend(int index, int length)
    {
        ref Slot slot = ref _slots[Check(index)];
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length > slot.Offset)
        {
            throw new InvalidOperationException($"Packet {index} has {slot.Offset} bytes of headroom; {length} are needed.");
        }

        slot = new Slot(slot.Offset - length, slot.Length + length);
        Move(ref _metas[index], length);
        return _slab.AsSpan(slot.Offset, length);
    }

    /// <summary>Takes <paramref name="length"/> bytes off the front of a packet.</summary>
    public void TrimStart(int index, int length)
    {
        ref Slot slot = ref _slots[Check(index)];
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, slot.Length);
        slot = new Slot(slot.Offset + length, slot.Length - length);
        Move(ref _metas[index], -length);
    }

    /// <summary>Cuts a packet to <paramref name="length"/> bytes.</summary>
    public void Truncate(int index, int length)
    {
        ref Slot slot = ref _slots[Check(index)];
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, slot.Length);
        slot = new Slot(slot.Offset, length);
    }

    /// <summary>Marks a packet as dropped.</summary>
    public void Drop(int index, DropReason reason)
    {
        ref PacketMeta meta = ref Meta(index);
        meta.State = PacketState.Dropped;
        meta.Drop = reason;
    }

    /// <summary>Into how many wire packets a descriptor falls: 1 for a plain packet.</summary>
    public int SegmentCount(int index)
    {
        ref readonly PacketMeta meta = ref _metas[Check(index)];
        int payload = _slots[index].Length - meta.HeaderLength;
        return meta.Segmentation == SegmentationKind.None || meta.SegmentSize == 0 || payload <= meta.SegmentSize
            ? 1
            : (payload + meta.SegmentSize - 1) / meta.SegmentSize;
    }

    /// <summary>Puts every pending descriptor of an output port into <see cref="Selection"/>.</summary>
    /// <returns>How many there are.</returns>
    public int Select(int output)
    {
        _selected = 0;
        for (int i = 0; i < Count; i++)
        {
            if (_metas[i].Output == output && _metas[i].State == PacketState.Pending)
            {
                _selection[_selected++] = i;
            }
        }

        return _selected;
    }

    private static void Move(ref PacketMeta meta, int by)
    {
        if (meta.Segmentation != SegmentationKind.None || meta.Checksum == ChecksumState.Partial)
        {
            meta.NetworkStart = (ushort)(meta.NetworkStart + by);
            meta.ChecksumStart = (ushort)(meta.ChecksumStart + by);
            if (meta.HeaderLength != 0)
            {
                meta.HeaderLength = (ushort)(meta.HeaderLength + by);
            }
        }
    }

    private int Take(int offset, int length)
    {
        // Packets begin at multiples of 64: the copies that vectors make then cross no more cache lines than they must.
        _used = Math.Max(_used, (offset + length + 63) & ~63);
        return Add(offset, length);
    }

    private int Copy(int index, Slot slot)
    {
        int copy = Count++;
        _slots[copy] = slot;
        _metas[copy] = _metas[index];
        return copy;
    }

    private int Add(int offset, int length)
    {
        int index = Count++;
        _slots[index] = new Slot(offset, length);
        _metas[index] = new PacketMeta { Output = -1, Tunnel = -1 };
        return index;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Check(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        return index;
    }

    /// <summary>Where a packet lies in the slab.</summary>
    internal readonly record struct Slot(int Offset, int Length);
}
