using System.Numerics;
using System.Runtime.CompilerServices;

namespace Overlay.Tables;

/// <summary>
/// Which networks there are, by number: VNIs in a <see cref="VniTable{T}"/>, and GRE keys, which have 32 bits and may be absent. One writer; any number of
/// readers, which take no lock and never allocate.
/// </summary>
/// <remarks>
/// Open addressing with linear probing, at most half full. A slot is written before the word that makes it visible and is never changed afterwards; removing,
/// which is rare, makes a new array, published by one store. So a reader sees a network whole or not at all. The numbers are the configuration's, so nobody
/// outside chooses what collides, and multiplying by the golden ratio spreads numbers in a row best of all (Knuth, TAOCP 3, §6.4).
/// </remarks>
/// <typeparam name="T">What belongs to a network.</typeparam>
internal sealed class NetworkMap<T>
{
    /// <summary>The largest number: all of 32 bits, and one more for "none".</summary>
    public const ulong MaxNumber = 1UL << 32;

    private const int MinimumCapacity = 8;
    private const ulong GoldenRatio = 0x9E37_79B9_7F4A_7C15;

    private Slot[] _slots = new Slot[MinimumCapacity];
    private int _count;

    /// <summary>How many networks there are.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Finds what belongs to a network. Any thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGet(ulong number, out T value)
    {
        Slot[] slots = Volatile.Read(ref _slots);
        ulong state = number + 1;
        for (int position = Start(slots, number); ; position = (position + 1) & (slots.Length - 1))
        {
            ref Slot slot = ref slots[position];
            ulong found = Volatile.Read(ref slot.State);
            if (found == state)
            {
                value = slot.Value;
                return true;
            }

            if (found == 0)
            {
                value = default!;
                return false;
            }
        }
    }

    /// <summary>Adds a network. Writer only.</summary>
    /// <param name="number">Its number, up to <see cref="MaxNumber"/>.</param>
    /// <param name="owner">Whose it is, for messages.</param>
    /// <param name="value">What belongs to it.</param>
    /// <returns>null, or the name of the owner that has it already.</returns>
    public string? Add(ulong number, string owner, T value)
    {
        ref Slot slot = ref Find(_slots, number);
        if (slot.State != 0)
        {
            return slot.Owner;
        }

        if (2 * (_count + 1) > _slots.Length)
        {
            Slot[] larger = new Slot[2 * _slots.Length];
            CopyTo(larger, number);
            Fill(ref Find(larger, number), number, owner, value);
            Volatile.Write(ref _slots, larger);
        }
        else
        {
            Fill(ref slot, number, owner, value);
        }

        Volatile.Write(ref _count, _count + 1);
        return null;
    }

    /// <summary>Removes a network. Writer only.</summary>
    /// <returns>Whether it was there.</returns>
    public bool Remove(ulong number)
    {
        if (Find(_slots, number).State == 0)
        {
            return false;
        }

        Slot[] without = new Slot[(int)Math.Max(MinimumCapacity, BitOperations.RoundUpToPowerOf2((uint)(2 * _count)))];
        CopyTo(without, number);
        Volatile.Write(ref _slots, without);
        Volatile.Write(ref _count, _count - 1);
        return true;
    }

    /// <summary>All networks by number. Any thread.</summary>
    public List<(ulong Number, string Owner, T Value)> Snapshot()
    {
        List<(ulong Number, string Owner, T Value)> rows = new(Count);
        Slot[] slots = Volatile.Read(ref _slots);
        for (int i = 0; i < slots.Length; i++)
        {
            if (Volatile.Read(ref slots[i].State) is not 0 and ulong state)
            {
                rows.Add((state - 1, slots[i].Owner, slots[i].Value));
            }
        }

        rows.Sort(static (a, b) => a.Number.CompareTo(b.Number));
        return rows;
    }

    // The upper bits of the product, as many as number the slots.
    private static int Start(Slot[] slots, ulong number) => (int)((number * GoldenRatio) >> (33 + BitOperations.LeadingZeroCount((uint)slots.Length)));

    private static ref Slot Find(Slot[] slots, ulong number)
    {
        int position = Start(slots, number);
        while (slots[position].State != 0 && slots[position].State != number + 1)
        {
            position = (position + 1) & (slots.Length - 1);
        }

        return ref slots[position];
    }

    private static void Fill(ref Slot slot, ulong number, string owner, T value)
    {
        slot.Owner = owner;
        slot.Value = value;
        Volatile.Write(ref slot.State, number + 1);
    }

    private void CopyTo(Slot[] slots, ulong without)
    {
        foreach (Slot slot in _slots)
        {
            if (slot.State != 0 && slot.State != without + 1)
            {
                Find(slots, slot.State - 1) = slot;
            }
        }
    }

    private struct Slot
    {
        // 0 for an empty slot, else the number and one.
        public ulong State;
        public T Value;
        public string Owner;
    }
}
