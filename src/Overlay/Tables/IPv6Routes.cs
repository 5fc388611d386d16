using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Overlay.Tables;

/// <summary>
/// IPv6 prefixes and the numbers they lead to, at one moment: nothing in it ever changes. A change makes a new one, which shares with the old one all
/// but the path to what changed.
/// </summary>
/// <remarks>
/// A tree over the upper half of the address: forks of four bits down to where few prefixes are left, then a leaf that is searched by vectors. Prefixes
/// longer than 64 bits are a tree over the lower half, of their own for each upper half that has any.
/// </remarks>
internal sealed class IPv6Routes
{
    private const int HalfLength = 64;

    private readonly IPv6Branch _high;
    private readonly ImmutableDictionary<ulong, IPv6Branch> _low;

    private IPv6Routes(IPv6Branch high, ImmutableDictionary<ulong, IPv6Branch> low)
    {
        _high = high;
        _low = low;
    }

    /// <summary>No prefix.</summary>
    public static IPv6Routes Empty { get; } = new(default, ImmutableDictionary<ulong, IPv6Branch>.Empty);

    /// <summary>Makes the routes of all their prefixes at once.</summary>
    /// <param name="routes">In order, each once.</param>
    public static IPv6Routes Create(ReadOnlySpan<IPv6Route> routes)
    {
        List<IPv6Rule> high = [];
        List<IPv6Rule> below = [];
        ImmutableDictionary<ulong, IPv6Branch>.Builder low = ImmutableDictionary.CreateBuilder<ulong, IPv6Branch>();
        for (int i = 0; i < routes.Length; i++)
        {
            (ValueIPAddress prefix, byte length, uint number) = routes[i];
            if (length <= HalfLength)
            {
                high.Add(new IPv6Rule(prefix.High, length, number));
                continue;
            }

            below.Add(new IPv6Rule(prefix.Low, (byte)(length - HalfLength), number));
            if (i + 1 == routes.Length || routes[i + 1].Prefix.High != prefix.High)
            {
                high.Add(new IPv6Rule(prefix.High, IPv6Rule.LongerLength, 1));
                low.Add(prefix.High, IPv6Branch.Create(CollectionsMarshal.AsSpan(below)));
                below.Clear();
            }
        }

        return new IPv6Routes(IPv6Branch.Create(CollectionsMarshal.AsSpan(high)), low.ToImmutable());
    }

    /// <summary>Finds what the longest prefix that holds an address leads to; 0 if there is none.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public uint Find(ValueIPAddress address)
    {
        uint found = _high.Find(address.High);
        return found < IPv6Leaf.LongerMark ? found : FindLow(address, found & ~IPv6Leaf.LongerMark);
    }

    /// <summary>What exactly a prefix leads to; 0 if it is not there.</summary>
    public uint Get(ValueIPAddress prefix, int length) => length <= HalfLength
        ? _high.Get(prefix.High, (byte)length)
        : _low.GetValueOrDefault(prefix.High).Get(prefix.Low, (byte)(length - HalfLength));

    /// <summary>The routes with a prefix, or – with the number 0 – without it.</summary>
    /// <param name="prefix">The prefix.</param>
    /// <param name="length">Its length.</param>
    /// <param name="number">What it leads to.</param>
    public IPv6Routes With(ValueIPAddress prefix, int length, uint number)
    {
        int change = (number != 0 ? 1 : 0) - (Get(prefix, length) != 0 ? 1 : 0);
        if (length <= HalfLength)
        {
            return new IPv6Routes(_high.With(new IPv6Rule(prefix.High, (byte)length, number), change), _low);
        }

        IPv6Branch before = _low.GetValueOrDefault(prefix.High);
        IPv6Branch after = before.With(new IPv6Rule(prefix.Low, (byte)(length - HalfLength), number), change);
        IPv6Branch high = _high;
        if (before.IsEmpty != after.IsEmpty)
        {
            high = high.With(new IPv6Rule(prefix.High, IPv6Rule.LongerLength, after.IsEmpty ? 0u : 1), after.IsEmpty ? -1 : 1);
        }

        return new IPv6Routes(high, after.IsEmpty ? _low.Remove(prefix.High) : _low.SetItem(prefix.High, after));
    }

    /// <summary>Adds all prefixes, in no order.</summary>
    public void CopyTo(List<IPv6Route> routes)
    {
        List<IPv6Rule> rules = [];
        _high.CopyTo(rules);
        foreach (IPv6Rule rule in rules)
        {
            if (rule.Length != IPv6Rule.LongerLength)
            {
                routes.Add(new IPv6Route(ValueIPAddress.FromHighLow(rule.Key, 0), rule.Length, rule.Number));
            }
        }

        foreach ((ulong high, IPv6Branch branch) in _low)
        {
            rules.Clear();
            branch.CopyTo(rules);
            foreach (IPv6Rule rule in rules)
            {
                routes.Add(new IPv6Route(ValueIPAddress.FromHighLow(high, rule.Key), (byte)(HalfLength + rule.Length), rule.Number));
            }
        }
    }

    private uint FindLow(ValueIPAddress address, uint otherwise)
    {
        uint found = _low.GetValueOrDefault(address.High).Find(address.Low);
        return found != 0 ? found : otherwise;
    }
}
