using System.Numerics;

namespace Overlay.Tables;

/// <summary>
/// A map (number, address) → non-zero word for one writer and any number of readers, which take no lock and never allocate. It works as the
/// <see cref="ForwardingTable"/> does: a slot belongs to its key for the life of the array, so a value is read and replaced in one load or store.
/// </summary>
internal sealed class AddressMap
{
    private const int MinimumCapacity = 16;
    private const int SlotBytes = 32;

    private readonly HashSeed _seed = HashSeed.Create();
    private Slot[] _slots = new Slot[MinimumCapacity];
    private int _used;
    private int _count;

    /// <summary>Keys that have a value.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Bytes of the slots.</summary>
    public long Bytes => Volatile.Read(ref _slots).Length * (long)SlotBytes;

    /// <summary>Finds a value.</summary>
    public bool TryGet(uint number, ValueIPAddress address, out ulong value)
    {
        Slot[] slots = Volatile.Read(ref _slots);
        ulong state = StateOf(number);
        for (uint position = Hash(number, address); ; position++)
        {
            ref Slot slot = ref slots[(int)(position & (uint)(slots.Length - 1))];

            // The state is stored after the address, so whoever sees it sees the address.
            ulong found = Volatile.Read(ref slot.State);
            if (found == state && ((slot.Address.High ^ address.High) | (slot.Address.Low ^ address.Low)) == 0)
            {
                value = Volatile.Read(ref slot.Value);
                return value != 0;
            }

            if (found == 0)
            {
                value = 0;
                return false;
            }
        }
    }

    /// <summary>Sets a value other than 0. Writer only.</summary>
    /// <returns>Whether there was none before.</returns>
    public bool Set(uint number, ValueIPAddress address, ulong value)
    {
        ref Slot slot = ref FindOwn(_slots, number, address);
        if (slot.State == 0)
        {
            if (2 * (_used + 1) > _slots.Length)
            {
                Rebuild();
                slot = ref FindOwn(_slots, number, address);
            }

            _used++;
            slot.Address = address;
        }

        bool isNew = slot.Value == 0;
        Volatile.Write(ref slot.Value, value);
        Volatile.Write(ref slot.State, StateOf(number));
        Volatile.Write(ref _count, _count + (isNew ? 1 : 0));
        return isNew;
    }

    /// <summary>Adds to a value that counts something; one that becomes 0 is removed. Writer only.</summary>
    /// <returns>The sum.</returns>
    public ulong Add(uint number, ValueIPAddress address, long difference)
    {
        TryGet(number, address, out ulong value);
        value += (ulong)difference;
        if (value == 0)
        {
            Remove(number, address);
        }
        else
        {
            Set(number, address, value);
        }

        return value;
    }

    /// <summary>Removes a value. Writer only.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Remove(uint number, ValueIPAddress address)
    {
        ref Slot slot = ref FindOwn(_slots, number, address);
        if (slot.State == 0 || slot.Value == 0)
        {
            return false;
        }

        Volatile.Write(ref slot.Value, 0);
        Volatile.Write(ref _count, _count - 1);
        return true;
    }

    /// <summary>All values. Any thread.</summary>
    public List<(uint Number, ValueIPAddress Address, ulong Value)> Snapshot()
    {
        Slot[] slots = Volatile.Read(ref _slots);
        List<(uint, ValueIPAddress, ulong)> rows = new(Count);
        for (int i = 0; i < slots.Length; i++)
        {
            ref Slot slot = ref slots[i];
            if (Volatile.Read(ref slot.State) is not 0 and ulong state && Volatile.Read(ref slot.Value) is not 0 and ulong value)
            {
                rows.Add(((uint)state, slot.Address, value));
            }
        }

        return rows;
    }

    private static ulong StateOf(uint number) => (1UL << 32) | number;

    private uint Hash(uint number, ValueIPAddress address) => _seed.Mix(address.High ^ ((ulong)number << 32), address.Low);

    private ref Slot FindOwn(Slot[] slots, uint number, ValueIPAddress address)
    {
        for (uint position = Hash(number, address); ; position++)
        {
            ref Slot slot = ref slots[(int)(position & (uint)(slots.Length - 1))];
            if (slot.State == 0 || (slot.State == StateOf(number) && slot.Address == address))
            {
                return ref slot;
            }
        }
    }

    private void Rebuild()
    {
        Slot[] slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)Math.Max(MinimumCapacity, 3 * (_count + 1)))];
        foreach (Slot slot in _slots)
        {
            if (slot.Value != 0)
            {
                FindOwn(slots, (uint)slot.State, slot.Address) = slot;
            }
        }

        _used = _count;
        Volatile.Write(ref _slots, slots);
    }

    private struct Slot
    {
        public ValueIPAddress Address;
        public ulong Value;

        // 0 for an empty slot, else the number with a bit above it.
        public ulong State;
    }
}
