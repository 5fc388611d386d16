using System.Collections.Frozen;
using System.Diagnostics;
using Overlay.Tables;

namespace Overlay.Benchmarks.Scale;

/// <summary>Everything that is measured, in rounds in which all take turns.</summary>
internal sealed class ScaleRun(ScaleOptions options, DpdkTables? dpdk, Action<string> say)
{
    private const int Changes = 20_000;
    private const int WarmUps = 3;

    /// <summary>Look-ups, beside others.</summary>
    public List<Series> Lookups { get; } = [];

    /// <summary>Entries set by the one writer, beside others.</summary>
    public List<Series> Inserts { get; } = [];

    /// <summary>Nanoseconds of a route set into the full table, and of one removed.</summary>
    public List<double> RouteInserts { get; } = [];

    /// <inheritdoc cref="RouteInserts"/>
    public List<double> RouteRemovals { get; } = [];

    public double ForwardingBytes { get; private set; }

    public double Route4Bytes { get; private set; }

    public double Route6Bytes { get; private set; }

    public List<ReplaceUnderLoad> Replaces { get; } = [];

    public List<LearningFlood> Floods { get; } = [];

    public List<GrowthPoint> Growth { get; } = [];

    /// <summary>Measures all.</summary>
    /// <exception cref="InvalidOperationException">Two tables with the same entries found different things.</exception>
    public void Run()
    {
        ForwardingKey[] keys = ScaleWorld.Keys(options.Entries);
        MeasureForwarding(keys);
        uint[] asked4 = ScaleWorld.Asked4();
        (RouteTable<int> routes4, Route4Bytes) = MeasureRoutes(
            "IPv4", "lpm4", ScaleWorld.Routes4(options.Entries), table => Stopwatches.Single(table, asked4), table => Stopwatches.Bulk(table, asked4));
        MeasureChanges(routes4, asked4);
        (ValueIPAddress, int)[] prefixes6 = ScaleWorld.Routes6(options.Routes6);
        ValueIPAddress[] asked6 = ScaleWorld.Asked6(prefixes6);
        (_, Route6Bytes) = MeasureRoutes("IPv6", "lpm6", prefixes6, table => Stopwatches.Single(table, asked6), table => Stopwatches.Bulk(table, asked6));
        MeasureGrowth();
    }

    private void MeasureForwarding(ForwardingKey[] keys)
    {
        say($"forwarding table, {keys.Length} entries");
        (ForwardingKey[] any, ForwardingKey[] hot) = ScaleWorld.Asked(keys);
        Series insert = new($"set {keys.Length} forwarding entries");
        Inserts.Add(insert);
        ForwardingTable table = null!;
        for (int round = 0; round < options.Rounds; round++)
        {
            (table, double each, double bytes) = TableBuilds.Forwarding(keys);
            insert.Overlay.Add(each);
            ForwardingBytes = Math.Max(ForwardingBytes, bytes);
            insert.Dpdk.AddRange(dpdk is null ? [] : [dpdk.Ask($"fdb {keys.Length}").Nanoseconds]);
        }

        Dictionary<ForwardingKey, int> dictionary = [];
        for (int i = 0; i < keys.Length; i++)
        {
            dictionary[keys[i]] = i;
        }

        FrozenDictionary<ForwardingKey, int> frozen = dictionary.ToFrozenDictionary();
        Compare("forwarding table, any entry", "fdb-single", () => Stopwatches.Single(table, any), () => Stopwatches.Single(dictionary, any), () => Stopwatches.Single(frozen, any));
        Compare($"forwarding table, batches of {ScaleWorld.Bulk}", "fdb-bulk", () => Stopwatches.Bulk(table, any));
        Compare($"forwarding table, {ScaleWorld.Hot} hot entries", "fdb-hot", () => Stopwatches.Single(table, hot), () => Stopwatches.Single(dictionary, hot), () => Stopwatches.Single(frozen, hot));
        for (int round = 0; round < options.Rounds; round++)
        {
            Replaces.Add(ReplaceUnderLoad.Measure(table, keys, any));
            Floods.Add(LearningFlood.Measure(keys, hot));
        }
    }

    private (RouteTable<int> Table, double Bytes) MeasureRoutes(
        string family,
        string command,
        (ValueIPAddress Prefix, int Length)[] routes,
        Func<RouteTable<int>, (double Nanoseconds, long Found)> single,
        Func<RouteTable<int>, (double Nanoseconds, long Found)> bulk)
    {
        say($"route table, {routes.Length} routes of {family}{(dpdk is null ? "" : "; DPDK takes minutes to fill its own")}");
        Series insert = new($"set {routes.Length} routes of {family}");
        Inserts.Add(insert);
        (RouteTable<int> table, double each, double bytes) = TableBuilds.Routes(routes);
        insert.Overlay.Add(each);
        insert.Dpdk.AddRange(dpdk is null ? [] : [dpdk.Ask($"{command} {routes.Length}").Nanoseconds]);
        Compare($"routes of {family}, any", $"{command}-single", () => single(table));
        Compare($"routes of {family}, batches of {ScaleWorld.Bulk}", $"{command}-bulk", () => bulk(table));
        return (table, bytes);
    }

    // Host routes to addresses anywhere: each is new, and each lies in a part of the table that is not in the cache.
    private void MeasureChanges(RouteTable<int> table, uint[] addresses)
    {
        for (int round = 0; round < options.Rounds; round++)
        {
            ReadOnlySpan<uint> hosts = addresses.AsSpan(round * Changes % (addresses.Length - Changes), Changes);
            long start = Stopwatch.GetTimestamp();
            foreach (uint host in hosts)
            {
                table.Set(ValueIPAddress.FromIPv4(host), 32, 1);
            }

            RouteInserts.Add(Stopwatches.Each(start, Changes));
            start = Stopwatch.GetTimestamp();
            foreach (uint host in hosts)
            {
                table.Remove(ValueIPAddress.FromIPv4(host), 32);
            }

            RouteRemovals.Add(Stopwatches.Each(start, Changes));
        }
    }

    private void MeasureGrowth()
    {
        for (int entries = 100; entries <= options.Entries; entries = entries.ToString(System.Globalization.CultureInfo.InvariantCulture)[0] == '1' ? 3 * entries : entries / 3 * 10)
        {
            say($"growth, {entries} entries");
            ForwardingKey[] keys = ScaleWorld.Keys(entries);
            ForwardingKey[] any = ScaleWorld.Asked(keys).Any;
            (ForwardingTable table, _, double bytes) = TableBuilds.Forwarding(keys);
            Growth.Add(new GrowthPoint("forwarding table", entries, Best(() => Stopwatches.Single(table, any)), Best(() => Stopwatches.Bulk(table, any)), bytes));
            (ValueIPAddress, int)[] routes = ScaleWorld.Routes4(entries);
            uint[] asked = ScaleWorld.Asked4();
            (RouteTable<int> routeTable, _, bytes) = TableBuilds.Routes(routes);
            Growth.Add(new GrowthPoint("routes of IPv4", entries, Best(() => Stopwatches.Single(routeTable, asked)), Best(() => Stopwatches.Bulk(routeTable, asked)), bytes));
        }
    }

    private static double Best(Func<(double Nanoseconds, long Found)> measure) => Enumerable.Range(0, WarmUps + 2).Min(_ => measure().Nanoseconds);

    private void Compare(
        string work,
        string command,
        Func<(double Nanoseconds, long Found)> overlay,
        Func<(double Nanoseconds, long Found)>? dictionary = null,
        Func<(double Nanoseconds, long Found)>? frozen = null)
    {
        Series series = new(work);
        Lookups.Add(series);
        for (int i = 0; i < WarmUps; i++)
        {
            _ = overlay();
            _ = dictionary?.Invoke();
            _ = frozen?.Invoke();
            Thread.Sleep(150);
        }

        for (int round = 0; round < options.Rounds; round++)
        {
            (double ours, long found) = overlay();
            series.Overlay.Add(ours);
            Add(series.Dpdk, dpdk?.Ask(command), found, work);
            Add(series.Dictionary, dictionary?.Invoke(), found, work);
            Add(series.Frozen, frozen?.Invoke(), found, work);
        }
    }

    private static void Add(List<double> times, (double Nanoseconds, long Found)? measured, long found, string work)
    {
        if (measured is { } other)
        {
            times.Add(other.Found == found
                ? other.Nanoseconds
                : throw new InvalidOperationException($"{work}: another table with the same entries found {other.Found} where ours found {found}."));
        }
    }
}
