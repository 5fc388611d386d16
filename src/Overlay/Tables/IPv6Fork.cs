using System.Numerics;
using System.Runtime.CompilerServices;

namespace Overlay.Tables;

/// <summary>
/// Where the prefixes of one half of an IPv6 address part: four bits at a depth, with a branch for each of their values, and the prefixes that
/// end in them. Nothing in it ever changes.
/// </summary>
/// <remarks>Between a fork and the one above may lie bits that all its prefixes share; an address in which they differ has nothing here.</remarks>
internal sealed class IPv6Fork
{
    private const int Bits = 4;
    private const int Slots = 1 << Bits;
    private const int HalfLength = 64;

    private readonly ulong _prefix;
    private readonly ulong _mask;
    private readonly int _shift;
    private readonly uint[] _rules;
    private readonly uint[]? _numbers;
    private Forks _forks;
    private Leaves _leaves;

    private IPv6Fork(int depth, ulong prefix, uint[] rules, int count)
    {
        Depth = depth;
        Count = count;
        _shift = HalfLength - Bits - depth;
        _mask = depth == 0 ? 0 : ulong.MaxValue << (HalfLength - depth);
        _prefix = prefix & _mask;
        _rules = rules;
        if (rules.Length > 0)
        {
            _numbers = new uint[Slots];
            for (uint slot = 0; slot < Slots; slot++)
            {
                _numbers[slot] = RouteBand.Resolve(rules, slot << Bits);
            }
        }
    }

    private IPv6Fork(IPv6Fork other, int count)
    {
        Depth = other.Depth;
        Count = count;
        _shift = other._shift;
        _mask = other._mask;
        _prefix = other._prefix;
        _rules = other._rules;
        _numbers = other._numbers;
        _forks = other._forks;
        _leaves = other._leaves;
    }

    /// <summary>The bits in front of its four: 0, 4 … 60.</summary>
    public int Depth { get; }

    /// <summary>The rules in it and below.</summary>
    public int Count { get; }

    /// <summary>Finds what the longest prefix that holds a key leads to, with <see cref="IPv6Leaf.LongerMark"/>; 0 if there is none.</summary>
    public uint Find(ulong key)
    {
        uint best = 0;
        IPv6Fork? fork = this;
        do
        {
            if (((key ^ fork._prefix) & fork._mask) != 0)
            {
                break;
            }

            int slot = fork.SlotOf(key);
            if (fork._numbers is { } numbers)
            {
                uint number = numbers[slot];
                best = number != 0 ? number : best;
            }

            if (fork._leaves[slot] is { } leaf)
            {
                uint found = IPv6Leaf.Find(leaf, key);
                return (found & ~IPv6Leaf.LongerMark) != 0 ? found : found | best;
            }

            fork = fork._forks[slot];
        }
        while (fork is not null);
        return best;
    }

    /// <summary>What exactly a prefix leads to; 0 if it is not there.</summary>
    public uint Get(ulong key, byte length) =>
        !Holds(key, length) ? 0
        : length < Depth + Bits ? RouteBand.Get(_rules, PlaceOf(key, length))
        : Branch(SlotOf(key)).Get(key, length);

    /// <summary>Whether a prefix belongs into this fork or below.</summary>
    public bool Holds(ulong key, byte length) => length >= Depth && ((key ^ _prefix) & _mask) == 0;

    /// <summary>A fork above this one and a prefix that does not belong into it.</summary>
    public IPv6Fork Above(in IPv6Rule rule)
    {
        int depth = DepthOf(rule.Key, _prefix, Math.Min(rule.Length, Depth - 1));
        IPv6Fork above = new(depth, _prefix, [], Count);
        above._forks[above.SlotOf(_prefix)] = this;
        return above.With(rule, 1);
    }

    /// <summary>This with a rule more, or with another number at its prefix; without the rule if its number is 0.</summary>
    /// <param name="rule">The rule, which belongs here.</param>
    /// <param name="change">By how much the number of rules changes.</param>
    public IPv6Fork With(in IPv6Rule rule, int change)
    {
        if (rule.Length < Depth + Bits)
        {
            uint[] rules = RouteBand.With(_rules, PlaceOf(rule.Key, rule.Length), rule.Number);
            return new IPv6Fork(Depth, _prefix, rules, Count + change) { _forks = _forks, _leaves = _leaves };
        }

        int slot = SlotOf(rule.Key);
        IPv6Branch branch = Branch(slot).With(rule, change);
        IPv6Fork result = new(this, Count + change);
        result.SetBranch(slot, branch);
        return result;
    }

    /// <summary>Makes a fork of rules, ascending, more than a leaf holds.</summary>
    public static IPv6Fork Create(ReadOnlySpan<IPv6Rule> rules)
    {
        int shortest = HalfLength;
        foreach (ref readonly IPv6Rule rule in rules)
        {
            shortest = Math.Min(shortest, rule.Length);
        }

        int depth = DepthOf(rules[0].Key, rules[^1].Key, shortest);
        IPv6Fork shape = new(depth, rules[0].Key, [], 0);
        List<uint> own = [];
        List<IPv6Rule> longer = [];
        foreach (ref readonly IPv6Rule rule in rules)
        {
            if (rule.Length < depth + Bits)
            {
                own.Add(RouteBand.Rule(shape.PlaceOf(rule.Key, rule.Length), rule.Number));
            }
            else
            {
                longer.Add(rule);
            }
        }

        IPv6Fork result = new(depth, rules[0].Key, RouteBand.Sorted(own), rules.Length);
        ReadOnlySpan<IPv6Rule> rest = longer.ToArray();
        while (!rest.IsEmpty)
        {
            int slot = result.SlotOf(rest[0].Key);
            int count = 1;
            while (count < rest.Length && result.SlotOf(rest[count].Key) == slot)
            {
                count++;
            }

            result.SetBranch(slot, IPv6Branch.Create(rest[..count]));
            rest = rest[count..];
        }

        return result;
    }

    /// <summary>Adds all rules, in no order.</summary>
    public void CopyTo(List<IPv6Rule> rules)
    {
        foreach (uint rule in _rules)
        {
            ulong key = _prefix | ((ulong)(RouteBand.SlotOf(rule) >> Bits) << _shift);
            rules.Add(new IPv6Rule(key, (byte)(Depth + RouteBand.LengthOf(rule)), RouteBand.NumberOf(rule)));
        }

        for (int slot = 0; slot < Slots; slot++)
        {
            Branch(slot).CopyTo(rules);
        }
    }

    /// <summary>The last depth in front of which two keys agree and no prefix ends.</summary>
    private static int DepthOf(ulong key, ulong other, int shortest)
    {
        int common = Math.Min(BitOperations.LeadingZeroCount(key ^ other), shortest);
        return Math.Min(common, HalfLength - Bits) & -Bits;
    }

    private int SlotOf(ulong key) => (int)(key >> _shift) & (Slots - 1);

    // The rules of four bits are written like those of eight: the slots are sixteen apart.
    private uint PlaceOf(ulong key, int length) => RouteBand.Place((uint)SlotOf(key) << Bits, length - Depth);

    private IPv6Branch Branch(int slot) => new(_leaves[slot], _forks[slot]);

    private void SetBranch(int slot, IPv6Branch branch)
    {
        _leaves[slot] = branch.Leaf;
        _forks[slot] = branch.Fork;
    }

    [InlineArray(Slots)]
    private struct Forks
    {
        private IPv6Fork? _first;
    }

    [InlineArray(Slots)]
    private struct Leaves
    {
        private ulong[]? _first;
    }
}
