using System.Numerics;
using System.Runtime.CompilerServices;

namespace Overlay.Tables;

/// <summary>
/// A set of IPv4 addresses for one writer and any number of readers, which take no lock and never allocate: what every received packet is asked, in one
/// multiplication and one load.
/// </summary>
/// <remarks>
/// Open addressing, at most half full. A slot is one word and belongs to its address for the life of the array; whether the address is in the set is a bit of it.
/// </remarks>
internal sealed class IPv4Set
{
    private const int MinimumCapacity = 16;
    private const ulong Used = 1UL << 33;
    private const ulong Present = 1UL << 32;

    // Odd and secret: who chooses addresses cannot know which of them meet.
    private readonly ulong _multiplier = HashSeed.Create().Secret | 1;
    private ulong[] _slots = new ulong[MinimumCapacity];
    private int _used;
    private int _count;

    /// <summary>Bytes of the slots.</summary>
    public long Bytes => Volatile.Read(ref _slots).Length * (long)sizeof(ulong);

    /// <summary>Whether an address is in the set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(uint address)
    {
        ulong[] slots = Volatile.Read(ref _slots);
        ulong wanted = Used | Present | address;
        for (uint position = Hash(address); ; position++)
        {
            ulong found = Volatile.Read(ref slots[(int)(position & (uint)(slots.Length - 1))]);
            if (found == wanted)
            {
                return true;
            }

            if (found == 0)
            {
                return false;
            }
        }
    }

    /// <summary>Adds an address. Writer only.</summary>
    public void Add(uint address)
    {
        ref ulong slot = ref Find(_slots, address);
        if (slot == 0)
        {
            if (2 * (_used + 1) > _slots.Length)
            {
                Rebuild();
                slot = ref Find(_slots, address);
            }

            _used++;
        }

        _count += (slot & Present) == 0 ? 1 : 0;
        Volatile.Write(ref slot, Used | Present | address);
    }

    /// <summary>Removes an address. Writer only.</summary>
    public void Remove(uint address)
    {
        ref ulong slot = ref Find(_slots, address);
        if ((slot & Present) != 0)
        {
            _count--;
            Volatile.Write(ref slot, Used | address);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Hash(uint address) => (uint)((address * _multiplier) >> 32);

    /// <summary>The slot of an address, else the empty one that it will get.</summary>
    private ref ulong Find(ulong[] slots, uint address)
    {
        for (uint position = Hash(address); ; position++)
        {
            ref ulong slot = ref slots[(int)(position & (uint)(slots.Length - 1))];
            if (slot == 0 || (slot | Present) == (Used | Present | address))
            {
                return ref slot;
            }
        }
    }

    private void Rebuild()
    {
        ulong[] slots = new ulong[BitOperations.RoundUpToPowerOf2((uint)Math.Max(MinimumCapacity, 3 * (_count + 1)))];
        foreach (ulong slot in _slots)
        {
            if ((slot & Present) != 0)
            {
                Find(slots, (uint)slot) = slot;
            }
        }

        _used = _count;
        Volatile.Write(ref _slots, slots);
    }
}
