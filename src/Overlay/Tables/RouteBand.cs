using System.Numerics;
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
/// A rule of n bits (0 to 8) and the value v has the place 2^n + v, its node in a heap: by place is by length.
/// </remarks>
internal static class RouteBand
{
    /// <summary>The slots of a band.</summary>
    public const int Slots = 256;

    /// <summary>The most rules.</summary>
    public const int MaxRules = (2 * Slots) - 1;

    private const int NumberBits = 23;
    private const uint NumberMask = (1 << NumberBits) - 1;

    /// <summary>The place of a rule.</summary>
    /// <param name="slot">Its first slot.</param>
    /// <param name="length">How many bits of the band it has, 0 to 8.</param>
    public static uint Place(uint slot, int length) => (1u << length) | (slot >> (8 - length));

    /// <summary>The length of a rule, 0 to 8.</summary>
    public static int LengthOf(uint rule) => BitOperations.Log2(rule >> NumberBits);

    /// <summary>The first slot of a rule.</summary>
    public static uint SlotOf(uint rule) => ((rule >> NumberBits) << (8 - LengthOf(rule))) & (Slots - 1);

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
        for (int length = rules.IsEmpty ? -1 : LengthOf(rules[^1]); length >= 0; length--)
        {
            if (Get(rules, Place(slot, length)) is not 0 and uint number)
            {
                return number;
            }
        }

        return 0;
    }

    /// <summary>The rules with another one, or with another number at its place, or – with the number 0 – without it.</summary>
    public static uint[] With(ReadOnlySpan<uint> rules, uint place, uint number)
    {
        int index = IndexOf(rules, place);
        int behind = index < rules.Length && rules[index] >> NumberBits == place ? index + 1 : index;
        int inserted = number != 0 ? 1 : 0;
        uint[] result = new uint[index + inserted + rules.Length - behind];
        rules[..index].CopyTo(result);
        if (number != 0)
        {
            result[index] = Rule(place, number);
        }

        rules[behind..].CopyTo(result.AsSpan(index + inserted));
        return result;
    }

    /// <summary>Writes for each slot what the longest rule leads to.</summary>
    /// <param name="rules">In the order of places.</param>
    /// <param name="inherited">What holds where no rule does.</param>
    /// <param name="slots">256 words.</param>
    public static void Paint(ReadOnlySpan<uint> rules, uint inherited, Span<uint> slots)
    {
        slots.Fill(inherited);
        foreach (uint rule in rules)
        {
            // Shorter rules come first, so that the longer ones are painted over them.
            slots.Slice((int)SlotOf(rule), Slots >> LengthOf(rule)).Fill(rule & NumberMask);
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

    private static int IndexOf(ReadOnlySpan<uint> rules, uint place)
    {
        int low = 0;
        int high = rules.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (rules[middle] >> NumberBits < place)
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
