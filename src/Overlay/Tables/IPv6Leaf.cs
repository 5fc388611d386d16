using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Overlay.Tables;

/// <summary>
/// Up to <see cref="Capacity"/> prefixes of one half of an IPv6 address as one array that never changes: the ranges that they cut it into, by their
/// last keys, and what holds in each.
/// </summary>
/// <remarks>
/// <code>
///  word 0   how many ranges (lower 32 bits), how many rules (upper)
///  n words  the last key of each range, ascending; filled up with all bits to whole vectors of eight
///  n/2      what each range leads to, two a word: 23 bits number, and the highest bit if there are prefixes of more than 64 bits
///  m words  the keys of the rules
///  m/2      their lengths and numbers, two a word
/// </code>
/// </remarks>
internal static class IPv6Leaf
{
    /// <summary>The most rules; n of them make up to 2 n + 1 ranges.</summary>
    public const int Capacity = 32;

    /// <summary>Says that there are prefixes of more than 64 bits.</summary>
    public const uint LongerMark = 0x8000_0000;

    private const int MaxRanges = (2 * Capacity) + 1;
    private const int LengthShift = 24;
    private const uint NumberMask = (1 << LengthShift) - 1;

    /// <summary>Finds what holds at a key, with <see cref="LongerMark"/>; 0 if nothing does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Find(ulong[] leaf, ulong key)
    {
        // The ends ascend, and the last one is below no key.
        Vector512<ulong> wanted = Vector512.Create(key);
        int rank = 0;
        int below;
        do
        {
            Vector512<ulong> ends = Vector512.Create(leaf.AsSpan(1 + rank, Vector512<ulong>.Count));
            below = BitOperations.PopCount(Vector512.LessThan(ends, wanted).ExtractMostSignificantBits());
            rank += below;
        }
        while (below == Vector512<ulong>.Count);
        return Half(leaf, NumbersIndex((int)leaf[0]), rank);
    }

    /// <summary>How many rules there are.</summary>
    public static int RuleCount(ulong[] leaf) => (int)(leaf[0] >> 32);

    /// <summary>Copies the rules, ascending.</summary>
    public static void CopyRules(ulong[] leaf, Span<IPv6Rule> rules)
    {
        int count = RuleCount(leaf);
        int keys = KeysIndex((int)leaf[0]);
        for (int i = 0; i < count; i++)
        {
            uint facts = Half(leaf, keys + count, i);
            rules[i] = new IPv6Rule(leaf[keys + i], (byte)(facts >> LengthShift), facts & NumberMask);
        }
    }

    /// <summary>What exactly a prefix leads to; 0 if it is not there.</summary>
    public static uint Get(ulong[] leaf, ulong key, byte length)
    {
        int count = RuleCount(leaf);
        int keys = KeysIndex((int)leaf[0]);
        for (int i = leaf.AsSpan(keys, count).IndexOf(key); i >= 0 && i < count && leaf[keys + i] == key; i++)
        {
            uint facts = Half(leaf, keys + count, i);
            if (facts >> LengthShift == length)
            {
                return facts & NumberMask;
            }
        }

        return 0;
    }

    /// <summary>Makes a leaf of rules, ascending, each prefix once, at most <see cref="Capacity"/>.</summary>
    public static ulong[] Create(ReadOnlySpan<IPv6Rule> rules)
    {
        Span<ulong> ends = stackalloc ulong[MaxRanges];
        Span<uint> numbers = stackalloc uint[MaxRanges];
        int ranges = FindRanges(rules, ends, numbers);
        int numbersIndex = NumbersIndex(ranges);
        int keys = KeysIndex(ranges);
        ulong[] leaf = new ulong[keys + rules.Length + ((rules.Length + 1) / 2)];
        leaf[0] = ((ulong)rules.Length << 32) | (uint)ranges;
        ends[..ranges].CopyTo(leaf.AsSpan(1));
        leaf.AsSpan(1 + ranges, numbersIndex - 1 - ranges).Fill(ulong.MaxValue);
        for (int i = 0; i < ranges; i++)
        {
            leaf[numbersIndex + (i / 2)] |= (ulong)numbers[i] << (32 * (i & 1));
        }

        for (int i = 0; i < rules.Length; i++)
        {
            uint facts = ((uint)rules[i].Length << LengthShift) | rules[i].Number;
            leaf[keys + i] = rules[i].Key;
            leaf[keys + rules.Length + (i / 2)] |= (ulong)facts << (32 * (i & 1));
        }

        return leaf;
    }

    private static int NumbersIndex(int ranges) => 1 + ((ranges + Vector512<ulong>.Count - 1) & -Vector512<ulong>.Count);

    private static int KeysIndex(int ranges) => NumbersIndex(ranges) + ((ranges + 1) / 2);

    private static uint Half(ulong[] leaf, int start, int index) => (uint)(leaf[start + (index >> 1)] >> (32 * (index & 1)));

    /// <summary>The ranges, from 0 to the largest key, neighbours that lead to the same joined.</summary>
    private static int FindRanges(ReadOnlySpan<IPv6Rule> rules, Span<ulong> ends, Span<uint> numbers)
    {
        RangeWriter writer = new(ends, numbers);
        Span<(ulong End, uint Number)> open = stackalloc (ulong, uint)[Capacity + 1];
        int depth = 0;
        open[0] = (ulong.MaxValue, 0);
        foreach (ref readonly IPv6Rule rule in rules)
        {
            while (open[depth].End < rule.Key)
            {
                writer.UpTo(open[depth].End, open[depth].Number);
                depth--;
            }

            if (rule.Key > 0)
            {
                writer.UpTo(rule.Key - 1, open[depth].Number);
            }

            // Where there is nothing longer, what is around it holds.
            uint number = rule.Length == IPv6Rule.LongerLength ? open[depth].Number | LongerMark : rule.Number;
            open[++depth] = (rule.End, number);
        }

        for (; depth >= 0; depth--)
        {
            writer.UpTo(open[depth].End, open[depth].Number);
        }

        return writer.Count;
    }

    /// <summary>Takes ranges in ascending order.</summary>
    private ref struct RangeWriter(Span<ulong> ends, Span<uint> numbers)
    {
        private readonly Span<ulong> _ends = ends;
        private readonly Span<uint> _numbers = numbers;

        public int Count { get; private set; }

        /// <summary>From behind the last range to this key.</summary>
        public void UpTo(ulong end, uint number)
        {
            if (Count > 0 && end <= _ends[Count - 1])
            {
                return;
            }

            if (Count > 0 && _numbers[Count - 1] == number)
            {
                _ends[Count - 1] = end;
                return;
            }

            _ends[Count] = end;
            _numbers[Count++] = number;
        }
    }
}
