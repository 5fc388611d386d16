using System.Numerics;

namespace Overlay.Tables;

/// <summary>The prefixes of 25 to 32 bits in one /24, and what they lead to for each address, as one array that never changes.</summary>
/// <remarks>
/// <code>
///  8 words   a bit for each address that leads to something else than the one before it, lowest first
///  word 8    how many rules
///  n words   what each run leads to, 0 for nothing longer than 24 bits
///  m words   the rules, see <see cref="RouteBand"/>
/// </code>
/// </remarks>
internal static class HostBand
{
    private const int RuleCountIndex = 8;
    private const int NumbersIndex = 9;

    /// <summary>The rules of a band.</summary>
    public static ReadOnlySpan<uint> Rules(uint[]? band) => band is null ? [] : band.AsSpan(^(int)band[RuleCountIndex]..);

    /// <summary>What an address leads to.</summary>
    public static uint Find(uint[] band, uint address)
    {
        int slot = (byte)address;
        int run = BitOperations.PopCount(band[slot / 32] << ~slot);
        for (int i = 0; i < slot / 32; i++)
        {
            run += BitOperations.PopCount(band[i]);
        }

        return band[NumbersIndex + run - 1];
    }

    /// <summary>Makes a band; null of no rules.</summary>
    public static uint[]? Create(ReadOnlySpan<uint> rules)
    {
        if (rules.IsEmpty)
        {
            return null;
        }

        Span<uint> slots = stackalloc uint[RouteBand.Slots];
        Span<ulong> starts = stackalloc ulong[RouteBand.Slots / 64];
        RouteBand.Paint(rules, 0, slots);
        int runs = RouteBand.FindRuns(slots, starts);
        uint[] band = new uint[NumbersIndex + runs + rules.Length];
        int next = NumbersIndex;
        for (int i = 0; i < starts.Length; i++)
        {
            band[2 * i] = (uint)starts[i];
            band[(2 * i) + 1] = (uint)(starts[i] >> 32);
            for (ulong bits = starts[i]; bits != 0; bits &= bits - 1)
            {
                band[next++] = slots[(64 * i) + BitOperations.TrailingZeroCount(bits)];
            }
        }

        band[RuleCountIndex] = (uint)rules.Length;
        rules.CopyTo(band.AsSpan(next));
        return band;
    }
}
