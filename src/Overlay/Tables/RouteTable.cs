using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Numerics;

namespace Overlay.Tables;

/// <summary>
/// Longest-prefix match (RFC 1812 §5.2.4.3), IPv4 and IPv6 apart: an IPv4 destination never matches an IPv6 prefix, ::/0 included. One writer; any number
/// of readers, which take no lock and never allocate.
/// </summary>
/// <remarks>
/// A radix trie per family whose nodes never change: a change copies the path from the root and publishes the new root by one store. A reader
/// keeps the root it began with, so it sees the table before the change or after it, never between.
/// </remarks>
/// <typeparam name="T">What a prefix leads to.</typeparam>
public sealed class RouteTable<T>
{
    private const int AddressBits = 128;
    private const int MappedBits = 96;

    private Node? _rootIPv4;
    private Node? _rootIPv6;
    private int _count;

    /// <summary>Prefixes of both families.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Finds what the longest prefix that holds a destination leads to.</summary>
    public bool TryLookup(ValueIPAddress destination, [MaybeNullWhen(false)] out T value)
    {
        Node? best = null;
        for (Node? node = Volatile.Read(ref RootOf(destination)); node is not null && node.Contains(destination); node = node.ChildFor(destination))
        {
            if (node.HasValue)
            {
                best = node;
            }
        }

        value = best is null ? default : best.Value;
        return best is not null;
    }

    /// <summary>Gets what exactly this prefix leads to.</summary>
    /// <exception cref="ArgumentException">No prefix: bits behind its length are set.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or larger than the address.</exception>
    public bool TryGet(ValueIPAddress prefix, int length, [MaybeNullWhen(false)] out T value)
    {
        int bits = CheckPrefix(prefix, length);
        Node? node = Volatile.Read(ref RootOf(prefix));
        while (node is not null && node.Length < bits && node.Contains(prefix))
        {
            node = node.ChildFor(prefix);
        }

        if (node is { HasValue: true } && node.Length == bits && node.Prefix == prefix)
        {
            value = node.Value;
            return true;
        }

        value = default;
        return false;
    }

    /// <summary>Sets what a prefix leads to. Writer only.</summary>
    /// <param name="prefix">The first address of the prefix.</param>
    /// <param name="length">0 to 32 for IPv4, 0 to 128 for IPv6.</param>
    /// <param name="value">What it leads to.</param>
    /// <returns>Whether the prefix is new.</returns>
    /// <exception cref="ArgumentException">No prefix: bits behind its length are set.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or larger than the address.</exception>
    public bool Set(ValueIPAddress prefix, int length, T value)
    {
        int bits = CheckPrefix(prefix, length);
        ref Node? root = ref RootOf(prefix);
        Volatile.Write(ref root, Insert(root, new Node(prefix, bits, value), out bool isNew));
        Volatile.Write(ref _count, _count + (isNew ? 1 : 0));
        return isNew;
    }

    /// <inheritdoc cref="Set(ValueIPAddress, int, T)"/>
    public bool Set(IPNetwork prefix, T value) => Set(prefix.BaseAddress, prefix.PrefixLength, value);

    /// <summary>Removes a prefix. Writer only.</summary>
    /// <returns>Whether it was there.</returns>
    /// <exception cref="ArgumentException">No prefix: bits behind its length are set.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or larger than the address.</exception>
    public bool Remove(ValueIPAddress prefix, int length)
    {
        int bits = CheckPrefix(prefix, length);
        ref Node? root = ref RootOf(prefix);
        Node? changed = Remove(root, prefix, bits);
        if (ReferenceEquals(changed, root))
        {
            return false;
        }

        Volatile.Write(ref root, changed);
        Volatile.Write(ref _count, _count - 1);
        return true;
    }

    /// <inheritdoc cref="Remove(ValueIPAddress, int)"/>
    public bool Remove(IPNetwork prefix) => Remove(prefix.BaseAddress, prefix.PrefixLength);

    /// <summary>All prefixes as they are at one moment, IPv4 first, in the order of addresses, shorter before longer. Any thread.</summary>
    public IReadOnlyList<RouteRow<T>> Snapshot()
    {
        List<RouteRow<T>> rows = new(Count);
        Collect(Volatile.Read(ref _rootIPv4), MappedBits, rows);
        Collect(Volatile.Read(ref _rootIPv6), 0, rows);
        return rows;
    }

    private static void Collect(Node? node, int familyBits, List<RouteRow<T>> rows)
    {
        if (node is null)
        {
            return;
        }

        if (node.HasValue)
        {
            rows.Add(new RouteRow<T>(node.Prefix, node.Length - familyBits, node.Value));
        }

        Collect(node.Zero, familyBits, rows);
        Collect(node.One, familyBits, rows);
    }

    /// <summary>Checks a prefix and returns its length in the 16-byte form.</summary>
    private static int CheckPrefix(ValueIPAddress prefix, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, prefix.BitLength);
        return prefix.Mask(length) == prefix
            ? AddressBits - prefix.BitLength + length
            : throw new ArgumentException($"{prefix}/{length} has bits set behind the prefix: {prefix.Mask(length)}/{length} has not.", nameof(prefix));
    }

    private static Node Insert(Node? node, Node leaf, out bool isNew)
    {
        isNew = true;
        if (node is null)
        {
            return leaf;
        }

        int common = CommonBits(node, leaf);
        if (common < node.Length)
        {
            // They part inside this node's prefix: the new one goes above it, or both below a fork.
            return common == leaf.Length ? leaf.WithChild(node) : new Node(leaf.Prefix, common).WithChild(node).WithChild(leaf);
        }

        if (common == leaf.Length)
        {
            isNew = !node.HasValue;
            return leaf.WithChildren(node.Zero, node.One);
        }

        return node.WithChild(Insert(node.ChildFor(leaf.Prefix), leaf, out isNew));
    }

    private static Node? Remove(Node? node, ValueIPAddress prefix, int bits)
    {
        if (node is null || node.Length > bits || !node.Contains(prefix))
        {
            return node;
        }

        if (node.Length == bits)
        {
            return !node.HasValue ? node
                : node.Zero is not null && node.One is not null ? new Node(node.Prefix, bits).WithChildren(node.Zero, node.One)
                : node.Zero ?? node.One;
        }

        Node? child = node.ChildFor(prefix);
        Node? changed = Remove(child, prefix, bits);
        if (ReferenceEquals(changed, child))
        {
            return node;
        }

        // A fork left with one branch is no fork.
        bool isOne = node.BitBehind(prefix);
        return changed is not null ? node.WithChild(changed)
            : !node.HasValue ? (isOne ? node.Zero : node.One)
            : node.WithChildren(isOne ? node.Zero : null, isOne ? null : node.One);
    }

    private static int CommonBits(Node a, Node b)
    {
        ulong high = a.Prefix.High ^ b.Prefix.High;
        int common = high != 0 ? BitOperations.LeadingZeroCount(high) : 64 + BitOperations.LeadingZeroCount(a.Prefix.Low ^ b.Prefix.Low);
        return Math.Min(common, Math.Min(a.Length, b.Length));
    }

    private ref Node? RootOf(ValueIPAddress address)
    {
        if (address.IsIPv4)
        {
            return ref _rootIPv4;
        }

        return ref _rootIPv6;
    }

    /// <summary>A prefix in the 16-byte form, IPv4 with 96 bits more, or a fork of two.</summary>
    private sealed class Node
    {
        private readonly ulong _highMask;
        private readonly ulong _lowMask;

        /// <summary>A fork: the first bits of an address, with nothing to give.</summary>
        public Node(ValueIPAddress address, int length)
        {
            _highMask = MaskOf(length);
            _lowMask = MaskOf(length - 64);
            Length = length;
            Prefix = ValueIPAddress.FromHighLow(address.High & _highMask, address.Low & _lowMask);
            Value = default!;
        }

        public Node(ValueIPAddress prefix, int length, T value)
            : this(prefix, length)
        {
            Value = value;
            HasValue = true;
        }

        private Node(Node other, Node? zero, Node? one)
        {
            _highMask = other._highMask;
            _lowMask = other._lowMask;
            Length = other.Length;
            Prefix = other.Prefix;
            Value = other.Value;
            HasValue = other.HasValue;
            Zero = zero;
            One = one;
        }

        public ValueIPAddress Prefix { get; }

        public int Length { get; }

        public bool HasValue { get; }

        public T Value { get; }

        public Node? Zero { get; }

        public Node? One { get; }

        public bool Contains(ValueIPAddress address) =>
            (((address.High ^ Prefix.High) & _highMask) | ((address.Low ^ Prefix.Low) & _lowMask)) == 0;

        /// <summary>The bit of an address that decides between the children.</summary>
        public bool BitBehind(ValueIPAddress address) =>
            (Length < 64 ? (address.High >> (63 - Length)) & 1 : (address.Low >> (127 - Length)) & 1) != 0;

        public Node? ChildFor(ValueIPAddress address) => Length == AddressBits ? null : BitBehind(address) ? One : Zero;

        public Node WithChildren(Node? zero, Node? one) => new(this, zero, one);

        public Node WithChild(Node child) => BitBehind(child.Prefix) ? new(this, Zero, child) : new(this, child, One);

        /// <summary>The first bits of a word set: none below 0, all from 64.</summary>
        private static ulong MaskOf(int bits) => bits <= 0 ? 0 : bits >= 64 ? ulong.MaxValue : ulong.MaxValue << (64 - bits);
    }
}
