using System.Collections.Frozen;
using System.Diagnostics;
using Overlay.Tables;

namespace Overlay.Benchmarks.Scale;

/// <summary>The loops that are measured: each goes once over all that is asked and says how long one look-up took and how many were found.</summary>
internal static class Stopwatches
{
    public static (double Nanoseconds, long Found) Single(ForwardingTable table, ForwardingKey[] asked)
    {
        long found = 0;
        long start = Stopwatch.GetTimestamp();
        foreach (ForwardingKey key in asked)
        {
            found += table.TryLookup(key.Vni, key.Mac, out int _) ? 1 : 0;
        }

        return (Each(start, asked.Length), found);
    }

    public static (double Nanoseconds, long Found) Bulk(ForwardingTable table, ForwardingKey[] asked)
    {
        Span<int> remotes = stackalloc int[ScaleWorld.Bulk];
        long found = 0;
        long start = Stopwatch.GetTimestamp();
        for (ReadOnlySpan<ForwardingKey> rest = asked; rest.Length >= ScaleWorld.Bulk; rest = rest[ScaleWorld.Bulk..])
        {
            found += table.Lookup(rest[..ScaleWorld.Bulk], remotes);
        }

        return (Each(start, asked.Length), found);
    }

    public static (double Nanoseconds, long Found) Single(RouteTable<int> table, ValueIPAddress[] asked)
    {
        long found = 0;
        long start = Stopwatch.GetTimestamp();
        foreach (ValueIPAddress address in asked)
        {
            found += table.TryLookup(address, out int _) ? 1 : 0;
        }

        return (Each(start, asked.Length), found);
    }

    public static (double Nanoseconds, long Found) Bulk(RouteTable<int> table, ValueIPAddress[] asked)
    {
        Span<int> hops = stackalloc int[ScaleWorld.Bulk];
        long found = 0;
        long start = Stopwatch.GetTimestamp();
        for (ReadOnlySpan<ValueIPAddress> rest = asked; rest.Length >= ScaleWorld.Bulk; rest = rest[ScaleWorld.Bulk..])
        {
            found += table.Lookup(rest[..ScaleWorld.Bulk], hops);
        }

        return (Each(start, asked.Length), found);
    }

    /// <summary>Addresses of four bytes, as they lie in packets and as DPDK is asked: sixteen would be other traffic for the caches.</summary>
    public static (double Nanoseconds, long Found) Single(RouteTable<int> table, uint[] asked)
    {
        long found = 0;
        long start = Stopwatch.GetTimestamp();
        foreach (uint address in asked)
        {
            found += table.TryLookup(ValueIPAddress.FromIPv4(address), out int _) ? 1 : 0;
        }

        return (Each(start, asked.Length), found);
    }

    /// <inheritdoc cref="Single(RouteTable{int}, uint[])"/>
    public static (double Nanoseconds, long Found) Bulk(RouteTable<int> table, uint[] asked)
    {
        Span<ValueIPAddress> addresses = stackalloc ValueIPAddress[ScaleWorld.Bulk];
        Span<int> hops = stackalloc int[ScaleWorld.Bulk];
        long found = 0;
        long start = Stopwatch.GetTimestamp();
        for (ReadOnlySpan<uint> rest = asked; rest.Length >= ScaleWorld.Bulk; rest = rest[ScaleWorld.Bulk..])
        {
            for (int i = 0; i < addresses.Length; i++)
            {
                addresses[i] = ValueIPAddress.FromIPv4(rest[i]);
            }

            found += table.Lookup(addresses, hops);
        }

        return (Each(start, asked.Length), found);
    }

    public static (double Nanoseconds, long Found) Single(Dictionary<ForwardingKey, int> table, ForwardingKey[] asked)
    {
        long found = 0;
        long start = Stopwatch.GetTimestamp();
        foreach (ForwardingKey key in asked)
        {
            found += table.TryGetValue(key, out int _) ? 1 : 0;
        }

        return (Each(start, asked.Length), found);
    }

    public static (double Nanoseconds, long Found) Single(FrozenDictionary<ForwardingKey, int> table, ForwardingKey[] asked)
    {
        long found = 0;
        long start = Stopwatch.GetTimestamp();
        foreach (ForwardingKey key in asked)
        {
            found += table.TryGetValue(key, out int _) ? 1 : 0;
        }

        return (Each(start, asked.Length), found);
    }

    /// <summary>Nanoseconds of one of so many.</summary>
    public static double Each(long start, int count) => Stopwatch.GetElapsedTime(start).TotalNanoseconds / count;
}
