using System.Globalization;
using Overlay.DataPath;

namespace Overlay.Daemon.Status;

/// <summary>Turns the counters of reserved header bits into what status shows.</summary>
internal static class ReservedBitCounts
{
    private const int Bits = 64;

    /// <summary>
    /// The counters of several workers together: only bits that came, by the bit as a mask of the eight header bytes, as the key <c>reservedBits.mask</c>
    /// of the configuration has it.
    /// </summary>
    /// <returns>null if no such bit came.</returns>
    public static IReadOnlyDictionary<string, long>? From(IReadOnlyList<ReservedBitCounters> workers)
    {
        OrderedDictionary<string, long>? counts = null;
        for (int bit = Bits - 1; bit >= 0; bit--)
        {
            long packets = workers.Sum(counters => counters[bit]);
            if (packets != 0)
            {
                (counts ??= []).Add((1UL << bit).ToString("x16", CultureInfo.InvariantCulture), packets);
            }
        }

        return counts;
    }
}
