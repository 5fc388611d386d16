namespace Overlay.Tables;

/// <summary>
/// The slots of a <see cref="NeighborTable"/>: (VNI, address) → a word that is not 0, and when it was last heard. One array of 32 bytes a slot, between two
/// thirds and five sixths full, so 38 to 48 bytes for an entry: neighbours are asked for by broadcasts only, and there memory counts more than nanoseconds.
/// </summary>
/// <remarks>
/// A slot belongs to its key for the life of the array: removing clears the word, and only the same key may use the slot again. So a reader needs no lock: it
/// finds a key and reads its word in one load. A change of many entries is a new array, which the table publishes in one store.
/// </remarks>
internal sealed class NeighborMap
{
    /// <summary>The least slots that a map has.</summary>
    public const int MinimumCapacity = 16;

    private const uint Taken = 1U << 31;

    private readonly HashSeed _seed;
    private readonly Slot[] _slots;

    /// <summary>Makes an empty map.</summary>
    /// <param name="seed">The secret of its hash.</param>
    /// <param name="entries">For how many entries there is to be room.</param>
    public NeighborMap(HashSeed seed, int entries)
    {
        _seed = seed;
        // Two thirds full: the next map is made after a quarter more keys, so that a new key costs four moves.
        _slots = new Slot[(int)Math.Max(MinimumCapacity, Math.Min(Array.MaxLength, ((long)entries * 3 / 2) + 1))];
    }

    /// <summary>Slots that belong to a key, with a word or without.</summary>
    public int Used { get; private set; }

    /// <summary>Bytes that the slots take.</summary>
    public long Bytes => _slots.LongLength * 32;

    /// <summary>Whether another key has room: beyond five sixths, searches get long.</summary>
    public bool HasRoom => 6L * (Used + 1) <= 5L * _slots.Length;

    /// <summary>Slots, to walk over.</summary>
    public int Length => _slots.Length;

    /// <summary>Finds the slot of a key, with a word or without. Any thread.</summary>
    /// <returns>Its number; −1 if there is none.</returns>
    public int Find(uint vni, ValueIPAddress address)
    {
        uint state = Taken | vni;
        for (int i = Start(vni, address); ; i = i + 1 == _slots.Length ? 0 : i + 1)
        {
            ref Slot slot = ref _slots[i];

            // The state is stored after the address, so whoever sees it sees the address. There is an empty slot, so the walk ends.
            uint found = Volatile.Read(ref slot.State);
            if (found == 0)
            {
                return -1;
            }

            if (found == state && slot.Address == address)
            {
                return i;
            }
        }
    }

    /// <summary>The word of a slot; 0 if it has none. Any thread.</summary>
    public ulong Word(int slot) => Volatile.Read(ref _slots[slot].Word);

    /// <summary>When the entry of a slot was last heard, by the low 32 bits of milliseconds.</summary>
    public ref uint Heard(int slot) => ref _slots[slot].Heard;

    /// <summary>The key of a slot that has a word.</summary>
    public (uint Vni, ValueIPAddress Address) Key(int slot) => (_slots[slot].State & ~Taken, _slots[slot].Address);

    /// <summary>Replaces the word of a slot, 0 to remove it. Writer only.</summary>
    public void SetWord(int slot, ulong word) => Volatile.Write(ref _slots[slot].Word, word);

    /// <summary>Adds a key that is not there; there must be room. Writer only.</summary>
    public void Add(uint vni, ValueIPAddress address, ulong word, uint heard)
    {
        int i = Start(vni, address);
        while (_slots[i].State != 0)
        {
            i = i + 1 == _slots.Length ? 0 : i + 1;
        }

        ref Slot slot = ref _slots[i];
        slot.Address = address;
        slot.Heard = heard;
        Volatile.Write(ref slot.Word, word);
        Volatile.Write(ref slot.State, Taken | vni);
        Used++;
    }

    private int Start(uint vni, ValueIPAddress address) =>
        (int)(((ulong)_seed.Mix(address.High ^ ((ulong)vni << 32), address.Low) * (ulong)_slots.Length) >> 32);

    private struct Slot
    {
        public ValueIPAddress Address;
        public ulong Word;

        // 0 for an empty slot, else the VNI with a bit above it.
        public uint State;
        public uint Heard;
    }
}
