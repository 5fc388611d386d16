using System.Numerics;

namespace Overlay.Tables;

/// <summary>
/// What happened lately, in a fixed amount of memory: a newcomer takes the place of what it shares a slot with. So it may forget early, and say "new" of
/// what is not; it never says "seen" of what was not. One thread remembers and asks; others may look.
/// </summary>
/// <param name="capacity">Slots, rounded up to a power of two.</param>
internal sealed class RecentSet<T>(int capacity)
    where T : struct, IEquatable<T>
{
    private const int Attempts = 1_000;

    private readonly Slot[] _slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)capacity)];

    /// <summary>Whether it was remembered less than an interval ago.</summary>
    /// <param name="item">What.</param>
    /// <param name="now">The time in milliseconds.</param>
    /// <param name="interval">In milliseconds.</param>
    public bool Contains(in T item, long now, long interval)
    {
        ref Slot slot = ref SlotOf(item);
        return slot.IsSet && now - slot.Since < interval && slot.Item.Equals(item);
    }

    /// <summary>The same for any other thread; what is being remembered meanwhile is perhaps not seen yet.</summary>
    public bool WasSeen(in T item, long now, long interval)
    {
        ref Slot slot = ref SlotOf(item);
        for (int left = Attempts; left > 0; left--)
        {
            int version = Volatile.Read(ref slot.Version);
            bool isSeen = slot.IsSet && now - slot.Since < interval && slot.Item.Equals(item);
            // What was read is one whole thing only if nobody wrote before it, or between.
            Interlocked.MemoryBarrier();
            if ((version & 1) == 0 && Volatile.Read(ref slot.Version) == version)
            {
                return isSeen;
            }
        }

        return false;
    }

    /// <summary>Remembers it from now on.</summary>
    public void Remember(in T item, long now)
    {
        ref Slot slot = ref SlotOf(item);
        int version = slot.Version;
        Volatile.Write(ref slot.Version, version + 1);
        Interlocked.MemoryBarrier();
        slot.Item = item;
        slot.Since = now;
        slot.IsSet = true;
        Volatile.Write(ref slot.Version, version + 2);
    }

    // The hash of an IP address is keyed by a secret of the process, so nobody outside knows what shares a slot.
    private ref Slot SlotOf(in T item) => ref _slots[item.GetHashCode() & (_slots.Length - 1)];

    private struct Slot
    {
        public T Item;
        public long Since;
        public bool IsSet;

        // Odd while the rest is being written.
        public int Version;
    }
}
