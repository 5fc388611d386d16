using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Overlay.Tables;

/// <summary>
/// Rules for eight bits of an address: prefixes that end in them, each one word, and what they mean for the 256 slots.
/// </summary>
/// <remarks>
/// <code>
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-----------------+---------------------------------------------+
/// |      place      |                   number                    |
/// +-----------------+---------------------------------------------+
/// </code>
/// A rule of n bits (0 to 8) has as place its bits, a one, and zeros: 9 bits in all. It holds a slot if both differ at or behind that one only. The longer
/// come first, so that of those that hold a slot the first one wins; a word whose place is 0 holds every slot and comes behind all.
/// </remarks>
internal static class RouteBand
{
    /// <summary>The slots of a band.</summary>
    public const int Slots = 256;

    /// <summary>The most rules.</summary>
    public const int MaxRules = (2 * Slots) - 1;

    /// <summary>The largest number.</summary>
    public const uint NumberMask = (1 << NumberBits) - 1;

    private const int NumberBits = 23;

    /// <summary>The place of a rule.</summary>
    /// <param name="slot">Its first slot.</param>
    /// <param name="length">How many bits of the band it has, 0 to 8.</param>
    public static uint Place(uint slot, int length) => ((slot & ~(0xFFu >> length)) << 1) | (1u << (8 - length));

    /// <summary>The length of a rule, 0 to 8.</summary>
    public static int LengthOf(uint rule) => 8 - BitOperations.TrailingZeroCount(rule >> NumberBits);

    /// <summary>The first slot of a rule.</summary>
    public static uint SlotOf(uint rule) => ((rule >> NumberBits) & ((rule >> NumberBits) - 1)) >> 1;

    /// <summary>What a rule leads to.</summary>
    public static uint NumberOf(uint rule) => rule & NumberMask;

    /// <summary>A rule.</summary>
    public static uint Rule(uint place, uint number) => (place << NumberBits) | number;

    /// <summary>What the rule at a place leads to, 0 if there is none.</summary>
    public static uint Get(ReadOnlySpan<uint> rules, uint place)
    {
        int index = IndexOf(rules, place);
        return index < rules.Length && rules[index] >> NumberBits == place ? rules[index] & NumberMask : 0;
    }

    /// <summary>What the longest rule that holds a slot leads to, 0 if there is none.</summary>
    public static uint Resolve(ReadOnlySpan<uint> rules, uint slot)
    {
        for (int length = rules.IsEmpty ? -1 : LengthOf(rules[0]); length >= 0; length--)
        {
            if (Get(rules, Place(slot, length)) is not 0 and uint number)
            {
                return number;
            }
        }

        return 0;
    }

    /// <summary>Which of sixteen rules hold a slot, lowest bit first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Holding(ReadOnlySpan<uint> rules, uint slot)
    {
        Vector512<uint> place = Vector512.Create(rules) >> NumberBits;
        Vector512<uint> free = place ^ (place - Vector512<uint>.One);
        return (uint)Vector512.LessThanOrEqual(place ^ Vector512.Create(slot << 1), free).ExtractMostSignificantBits();
    }

    /// <summary>The rules with another one, or with another number at its place, or – with the number 0 – without it.</summary>
    public static uint[] With(ReadOnlySpan<uint> rules, uint place, uint number)
    {
        uint[] result = new uint[CountWith(rules, place, number)];
        Copy(rules, place, number, result);
        return result;
    }

    /// <summary>How many rules there are with another one, or with another number at its place, or – with the number 0 – without it.</summary>
    public static int CountWith(ReadOnlySpan<uint> rules, uint place, uint number) =>
        rules.Length + (number != 0 ? 1 : 0) - (Get(rules, place) != 0 ? 1 : 0);

    /// <summary>Writes the rules with another one, or with another number at its place, or – with the number 0 – without it.</summary>
    public static void Copy(ReadOnlySpan<uint> rules, uint place, uint number, Span<uint> result)
    {
        int index = IndexOf(rules, place);
        int behind = index < rules.Length && rules[index] >> NumberBits == place ? index + 1 : index;
        rules[..index].CopyTo(result);
        if (number != 0)
        {
            result[index] = Rule(place, number);
        }

        rules[behind..].CopyTo(result[(number != 0 ? index + 1 : index)..]);
    }

    /// <summary>Puts rules into their order.</summary>
    public static uint[] Sorted(List<uint> rules)
    {
        rules.Sort(static (one, other) => OrderOf(one >> NumberBits).CompareTo(OrderOf(other >> NumberBits)));
        return [.. rules];
    }

    /// <summary>Writes for each slot what the longest rule leads to.</summary>
    /// <param name="rules">In their order.</param>
    /// <param name="inherited">What holds where no rule does.</param>
    /// <param name="slots">256 words.</param>
    public static void Paint(ReadOnlySpan<uint> rules, uint inherited, Span<uint> slots)
    {
        slots.Fill(inherited);
        for (int i = rules.Length - 1; i >= 0; i--)
        {
            // Shorter rules go first, so that the longer ones are painted over them.
            slots.Slice((int)SlotOf(rules[i]), Slots >> LengthOf(rules[i])).Fill(rules[i] & NumberMask);
        }
    }

    /// <summary>Finds where runs of equal slots begin.</summary>
    /// <param name="slots">256 words.</param>
    /// <param name="starts">Gets four words, lowest bit first: a bit for each slot that differs from the one before it. The first one always counts.</param>
    /// <returns>How many runs there are.</returns>
    public static int FindRuns(ReadOnlySpan<uint> slots, Span<ulong> starts)
    {
        int runs = 0;
        for (int i = 0; i < Slots; i += 64)
        {
            ulong bits = 0;
            for (int j = 0; j < 64; j += 8)
            {
                // The very first slot has none before it, and is set below.
                Vector256<uint> here = Vector256.Create(slots[(i + j)..]);
                Vector256<uint> before = (i | j) == 0
                    ? Vector256.Shuffle(here, Vector256.Create(0u, 0, 1, 2, 3, 4, 5, 6))
                    : Vector256.Create(slots[(i + j - 1)..]);
                bits |= (ulong)(~Vector256.Equals(here, before)).ExtractMostSignificantBits() << j;
            }

            bits |= i == 0 ? 1UL : 0;
            starts[i / 64] = bits;
            runs += BitOperations.PopCount(bits);
        }

        return runs;
    }

    // Zeros behind the one: few for a long rule.
    private static uint OrderOf(uint place) => ((uint)BitOperations.TrailingZeroCount(place) << 9) | place;

    private static int IndexOf(ReadOnlySpan<uint> rules, uint place)
    {
        uint order = OrderOf(place);
        int low = 0;
        int high = rules.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (OrderOf(rules[middle] >> NumberBits) < order)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
