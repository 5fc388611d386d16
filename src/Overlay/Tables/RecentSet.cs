using System.Numerics;

namespace Overlay.Tables;

/// <summary>
/// What happened lately, in a fixed amount of memory: a newcomer takes the place of what it shares a slot with. So it may forget early, and say "new" of
/// what is not; it never says "seen" of what was not. One thread.
/// </summary>
/// <param name="capacity">Slots, rounded up to a power of two.</param>
internal sealed class RecentSet<T>(int capacity)
    where T : struct, IEquatable<T>
{
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

    /// <summary>Remembers it from now on.</summary>
    public void Remember(in T item, long now) => SlotOf(item) = new Slot { Item = item, Since = now, IsSet = true };

    // The hash of an IP address is keyed by a secret of the process, so nobody outside knows what shares a slot.
    private ref Slot SlotOf(in T item) => ref _slots[item.GetHashCode() & (_slots.Length - 1)];

    private struct Slot
    {
        public T Item;
        public long Since;
        public bool IsSet;
    }
}
