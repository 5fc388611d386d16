namespace Overlay.Tables;

/// <summary>Prefixes of one half of an IPv6 address: none (the default value), a leaf, or a fork. Nothing below it ever changes.</summary>
/// <param name="Leaf">Few of them, see <see cref="IPv6Leaf"/>.</param>
/// <param name="Fork">Many.</param>
internal readonly record struct IPv6Branch(ulong[]? Leaf, IPv6Fork? Fork)
{
    /// <summary>When so few are left below a fork it becomes a leaf again: few enough that it does not change back and forth.</summary>
    private const int FewForFork = IPv6Leaf.Capacity / 2;

    /// <summary>Whether there is no prefix.</summary>
    public bool IsEmpty => Leaf is null && Fork is null;

    /// <summary>Finds what the longest prefix that holds a key leads to, with <see cref="IPv6Leaf.LongerMark"/>; 0 if there is none.</summary>
    public uint Find(ulong key) => Fork is not null ? Fork.Find(key) : Leaf is not null ? IPv6Leaf.Find(Leaf, key) : 0;

    /// <summary>What exactly a prefix leads to; 0 if it is not there.</summary>
    public uint Get(ulong key, byte length) => Fork is not null ? Fork.Get(key, length) : Leaf is not null ? IPv6Leaf.Get(Leaf, key, length) : 0;

    /// <summary>This with a rule more, or with another number at its prefix; without the rule if its number is 0.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="change">By how much the number of rules changes.</param>
    public IPv6Branch With(in IPv6Rule rule, int change)
    {
        if (Fork is null)
        {
            return WithInLeaf(rule);
        }

        if (!Fork.Holds(rule.Key, rule.Length))
        {
            return new IPv6Branch(null, Fork.Above(rule));
        }

        IPv6Fork fork = Fork.With(rule, change);
        return fork.Count <= FewForFork ? Create(Collect(fork)) : new IPv6Branch(null, fork);
    }

    /// <summary>Makes a branch of rules, ascending, each prefix once.</summary>
    public static IPv6Branch Create(ReadOnlySpan<IPv6Rule> rules) => rules.Length switch
    {
        0 => default,
        <= IPv6Leaf.Capacity => new IPv6Branch(IPv6Leaf.Create(rules), null),
        _ => new IPv6Branch(null, IPv6Fork.Create(rules)),
    };

    /// <summary>Adds all rules, in no order.</summary>
    public void CopyTo(List<IPv6Rule> rules)
    {
        if (Leaf is not null)
        {
            Span<IPv6Rule> own = stackalloc IPv6Rule[IPv6Leaf.Capacity];
            IPv6Leaf.CopyRules(Leaf, own);
            rules.AddRange(own[..IPv6Leaf.RuleCount(Leaf)]);
        }

        Fork?.CopyTo(rules);
    }

    private static IPv6Rule[] Collect(IPv6Fork fork)
    {
        List<IPv6Rule> rules = [];
        fork.CopyTo(rules);
        rules.Sort();
        return [.. rules];
    }

    private IPv6Branch WithInLeaf(in IPv6Rule rule)
    {
        Span<IPv6Rule> rules = stackalloc IPv6Rule[IPv6Leaf.Capacity + 1];
        int count = 0;
        if (Leaf is not null)
        {
            count = IPv6Leaf.RuleCount(Leaf);
            IPv6Leaf.CopyRules(Leaf, rules);
        }

        int index = rules[..count].BinarySearch(rule);
        int behind = index < 0 ? ~index : index + 1;
        index = index < 0 ? ~index : index;
        int inserted = rule.Number != 0 ? 1 : 0;
        rules[behind..count].CopyTo(rules[(index + inserted)..]);
        if (inserted != 0)
        {
            rules[index] = rule;
        }

        return Create(rules[..(index + inserted + count - behind)]);
    }
}
