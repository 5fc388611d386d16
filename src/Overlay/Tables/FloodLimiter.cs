namespace Overlay.Tables;

/// <summary>
/// The token buckets of one network, one for each <see cref="FloodClass"/>. All workers of a tunnel take from the same ones, without a lock.
/// </summary>
/// <remarks>
/// A bucket is one word (the generic cell rate algorithm, ITU-T I.371 A.1): when, on a clock that counts thousandths of a token, it will be full again. With a
/// time in milliseconds and whole packets per second nothing is ever rounded, so the rate is exact. Words are compared by their difference, so any origin of
/// time will do.
/// </remarks>
public sealed class FloodLimiter
{
    private const long Token = 1_000;

    // The difference of this one to any other is a matter of overflow; it means that nothing was taken yet.
    private const long Untouched = long.MinValue;

    private readonly long[] _full = [Untouched, Untouched, Untouched];

    internal FloodLimiter()
    {
    }

    /// <summary>Takes tokens. Any thread.</summary>
    /// <param name="kind">The class.</param>
    /// <param name="limit">What the bucket gets and holds; the same in every call for a class.</param>
    /// <param name="packets">
    /// How many. All or none: a superpacket of more packets than a burst passes where the bucket is full, and the next ones wait until that is paid back.
    /// </param>
    /// <param name="now">The time, in milliseconds. Where one worker's is a little behind another's, it sees that much less in the bucket.</param>
    /// <returns>Whether they were there.</returns>
    public bool TryTake(FloodClass kind, FloodLimit limit, int packets, long now)
    {
        ref long bucket = ref _full[(int)kind];
        long seen = Volatile.Read(ref bucket);
        while (Fits(limit, packets, now, seen, out long taken))
        {
            long before = Interlocked.CompareExchange(ref bucket, taken, seen);
            if (before == seen)
            {
                return true;
            }

            seen = before;
        }

        return false;
    }

    /// <summary>Whether <see cref="TryTake"/> would find them there; takes none. Any thread.</summary>
    /// <param name="kind">The class.</param>
    /// <param name="limit">What the bucket gets and holds.</param>
    /// <param name="packets">How many.</param>
    /// <param name="now">The time, in milliseconds.</param>
    public bool CanTake(FloodClass kind, FloodLimit limit, int packets, long now) => Fits(limit, packets, now, Volatile.Read(ref _full[(int)kind]), out _);

    // Whether a bucket has them, and what stands in it after they were taken.
    private static bool Fits(FloodLimit limit, int packets, long now, long seen, out long taken)
    {
        unchecked
        {
            long clock = now * limit.PacketsPerSecond;
            long room = (limit.Burst - Math.Min(packets, limit.Burst)) * Token;
            long missing = seen == Untouched ? 0 : Math.Max(0, seen - clock);
            taken = clock + missing + (packets * Token);
            return missing <= room;
        }
    }
}
