using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Runtime.CompilerServices;

namespace Overlay.Tables;

/// <summary>
/// Longest-prefix match (RFC 1812 §5.2.4.3), IPv4 and IPv6 apart: an IPv4 destination never matches an IPv6 prefix, ::/0 included. One writer; any number
/// of readers, which take no lock and never allocate.
/// </summary>
/// <remarks>
/// What readers see never changes: a change makes a new table that shares with the old one all but the path to what changed, and publishes it by one
/// store. A reader keeps the table it began with, so it sees it before the change or after it, never between, and what no reader holds any more is
/// reclaimed. Values that are equal are kept once.
/// </remarks>
/// <typeparam name="T">What a prefix leads to; at most 8 388 606 different values.</typeparam>
public sealed class RouteTable<T>
    where T : notnull
{
    private RouteValues<T> _values = new();
    private State _state;

    /// <summary>Makes an empty table.</summary>
    public RouteTable() => _state = new State(IPv4Routes.Empty, IPv6Routes.Empty, _values.Array, 0);

    /// <summary>Prefixes of both families.</summary>
    public int Count => Volatile.Read(ref _state).Count;

    /// <summary>Finds what the longest prefix that holds a destination leads to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryLookup(ValueIPAddress destination, [MaybeNullWhen(false)] out T value)
    {
        State state = Volatile.Read(ref _state);
        uint number = destination.IsIPv4 ? state.IPv4.Find(destination.ToIPv4()) : state.IPv6.Find(destination);
        value = state.Values[number];
        return number != 0;
    }

    /// <summary>Finds many in one table of one moment; in large tables faster than one by one, because the waits for memory overlap.</summary>
    /// <param name="destinations">The destinations, of either family.</param>
    /// <param name="values">Gets for each what it leads to, the default value where no prefix holds it.</param>
    /// <returns>How many were found.</returns>
    /// <exception cref="ArgumentException"><paramref name="values"/> is shorter than <paramref name="destinations"/>.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Lookup(ReadOnlySpan<ValueIPAddress> destinations, Span<T> values)
    {
        if (values.Length < destinations.Length)
        {
            throw new ArgumentException($"There is room for {values.Length} values of {destinations.Length} destinations.", nameof(values));
        }

        State state = Volatile.Read(ref _state);
        T?[] array = state.Values;
        Span<uint> numbers = stackalloc uint[IPv4Routes.GroupLength];
        int found = 0;
        while (!destinations.IsEmpty)
        {
            ReadOnlySpan<ValueIPAddress> group = destinations[..Math.Min(destinations.Length, numbers.Length)];
            Find(state, group, numbers);
            for (int i = 0; i < group.Length && i < values.Length; i++)
            {
                uint number = numbers[i];
                values[i] = array[number]!;
                found += number != 0 ? 1 : 0;
            }

            destinations = destinations[group.Length..];
            values = values[group.Length..];
        }

        return found;
    }

    /// <summary>Gets what exactly this prefix leads to.</summary>
    /// <exception cref="ArgumentException">No prefix: bits behind its length are set.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or larger than the address.</exception>
    public bool TryGet(ValueIPAddress prefix, int length, [MaybeNullWhen(false)] out T value)
    {
        CheckPrefix(prefix, length);
        State state = Volatile.Read(ref _state);
        uint number = state.Get(prefix, length);
        value = state.Values[number];
        return number != 0;
    }

    /// <summary>Sets what a prefix leads to. Writer only.</summary>
    /// <param name="prefix">The first address of the prefix.</param>
    /// <param name="length">0 to 32 for IPv4, 0 to 128 for IPv6.</param>
    /// <param name="value">What it leads to.</param>
    /// <returns>Whether the prefix is new.</returns>
    /// <exception cref="ArgumentException">No prefix: bits behind its length are set.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or larger than the address.</exception>
    /// <exception cref="InvalidOperationException">The table leads to as many different values as it can; nothing was changed.</exception>
    public bool Set(ValueIPAddress prefix, int length, T value)
    {
        CheckPrefix(prefix, length);
        ArgumentNullException.ThrowIfNull(value);
        State state = _state;
        uint before = state.Get(prefix, length);
        uint number = _values.Retain(value);
        Volatile.Write(ref _state, state.With(prefix, length, number, _values.Array, before == 0 ? 1 : 0));
        if (before != 0)
        {
            _values.Release(before);
        }

        return before == 0;
    }

    /// <inheritdoc cref="Set(ValueIPAddress, int, T)"/>
    public bool Set(IPNetwork prefix, T value) => Set(prefix.BaseAddress, prefix.PrefixLength, value);

    /// <summary>Removes a prefix. Writer only.</summary>
    /// <returns>Whether it was there.</returns>
    /// <exception cref="ArgumentException">No prefix: bits behind its length are set.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or larger than the address.</exception>
    public bool Remove(ValueIPAddress prefix, int length)
    {
        CheckPrefix(prefix, length);
        State state = _state;
        uint before = state.Get(prefix, length);
        if (before == 0)
        {
            return false;
        }

        Volatile.Write(ref _state, state.With(prefix, length, 0, _values.Array, -1));
        _values.Release(before);
        return true;
    }

    /// <inheritdoc cref="Remove(ValueIPAddress, int)"/>
    public bool Remove(IPNetwork prefix) => Remove(prefix.BaseAddress, prefix.PrefixLength);

    /// <summary>
    /// Puts other rows in the place of all. Readers see all the old ones or all the new ones. Where a prefix stands twice the last one holds. Writer only.
    /// </summary>
    /// <exception cref="ArgumentException">A row is no prefix: bits behind its length are set. Nothing was changed.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A length is negative or larger than the address. Nothing was changed.</exception>
    /// <exception cref="InvalidOperationException">There are more different values than a table can lead to. Nothing was changed.</exception>
    public void Replace(IEnumerable<RouteRow<T>> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        RouteValues<T> values = new();
        List<IPv4Rule> four = [];
        List<IPv6Route> six = [];
        foreach (RouteRow<T> row in rows)
        {
            CheckPrefix(row.Prefix, row.Length);
            ArgumentNullException.ThrowIfNull(row.Value, nameof(rows));
            uint number = values.Retain(row.Value);
            if (row.Prefix.IsIPv4)
            {
                four.Add(new IPv4Rule(row.Prefix.ToIPv4(), (byte)row.Length, number));
            }
            else
            {
                six.Add(new IPv6Route(row.Prefix, (byte)row.Length, number));
            }
        }

        ReadOnlySpan<IPv4Rule> fours = RouteOrder.LastOfEach(four, rule => values.Release(rule.Number));
        ReadOnlySpan<IPv6Route> sixes = RouteOrder.LastOfEach(six, route => values.Release(route.Number));
        State state = new(IPv4Routes.Create(fours), IPv6Routes.Create(sixes), values.Array, fours.Length + sixes.Length);
        _values = values;
        Volatile.Write(ref _state, state);
    }

    /// <summary>All prefixes as they are at one moment, IPv4 first, in the order of addresses, shorter before longer. Any thread.</summary>
    public IReadOnlyList<RouteRow<T>> Snapshot()
    {
        State state = Volatile.Read(ref _state);
        List<IPv4Rule> four = [];
        List<IPv6Route> six = [];
        state.IPv4.CopyTo(four);
        state.IPv6.CopyTo(six);
        four.Sort();
        six.Sort();
        List<RouteRow<T>> rows = new(four.Count + six.Count);
        foreach (IPv4Rule rule in four)
        {
            rows.Add(new RouteRow<T>(ValueIPAddress.FromIPv4(rule.Prefix), rule.Length, state.Values[rule.Number]!));
        }

        foreach (IPv6Route route in six)
        {
            rows.Add(new RouteRow<T>(route.Prefix, route.Length, state.Values[route.Number]!));
        }

        return rows;
    }

    private static void Find(State state, ReadOnlySpan<ValueIPAddress> destinations, Span<uint> numbers)
    {
        bool areIPv4 = true;
        foreach (ref readonly ValueIPAddress destination in destinations)
        {
            areIPv4 &= destination.IsIPv4;
        }

        if (areIPv4)
        {
            state.IPv4.Find(destinations, numbers);
            return;
        }

        for (int i = 0; i < destinations.Length; i++)
        {
            ValueIPAddress destination = destinations[i];
            numbers[i] = destination.IsIPv4 ? state.IPv4.Find(destination.ToIPv4()) : state.IPv6.Find(destination);
        }
    }

    private static void CheckPrefix(ValueIPAddress prefix, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, prefix.BitLength);
        if (prefix.Mask(length) != prefix)
        {
            throw new ArgumentException($"{prefix}/{length} has bits set behind the prefix: {prefix.Mask(length)}/{length} has not.", nameof(prefix));
        }
    }

    /// <summary>All of the table at one moment.</summary>
    private sealed class State(IPv4Routes four, IPv6Routes six, T?[] values, int count)
    {
        public IPv4Routes IPv4 { get; } = four;

        public IPv6Routes IPv6 { get; } = six;

        public T?[] Values { get; } = values;

        public int Count { get; } = count;

        public uint Get(ValueIPAddress prefix, int length) => prefix.IsIPv4 ? IPv4.Get(prefix.ToIPv4(), length) : IPv6.Get(prefix, length);

        public State With(ValueIPAddress prefix, int length, uint number, T?[] array, int change) => prefix.IsIPv4
            ? new State(IPv4.With(prefix.ToIPv4(), length, number), IPv6, array, Count + change)
            : new State(IPv4, IPv6.With(prefix, length, number), array, Count + change);
    }
}
