using System.Diagnostics;
using Overlay.Tables;

namespace Overlay.Benchmarks.Scale;

/// <summary>Fills tables, and says how long one entry took and how many bytes of the heap it has.</summary>
internal static class TableBuilds
{
    public static (ForwardingTable Table, double Nanoseconds, double Bytes) Forwarding(ForwardingKey[] keys) => Measure(
        static () => new ForwardingTable(),
        static (table, keys) =>
        {
            for (int i = 0; i < keys.Length; i++)
            {
                table.Set(keys[i].Vni, keys[i].Mac, new FdbEntry(ScaleWorld.Remote(i), Origin: FdbOrigin.External));
            }
        },
        keys);

    public static (RouteTable<int> Table, double Nanoseconds, double Bytes) Routes((ValueIPAddress Prefix, int Length)[] routes) => Measure(
        static () => new RouteTable<int>(),
        static (table, routes) =>
        {
            for (int i = 0; i < routes.Length; i++)
            {
                table.Set(routes[i].Prefix, routes[i].Length, (i % ScaleWorld.Remotes) + 1);
            }
        },
        routes);

    private static (TTable Table, double Nanoseconds, double Bytes) Measure<TTable, TRow>(Func<TTable> make, Action<TTable, TRow[]> fill, TRow[] rows)
    {
        long before = GC.GetTotalMemory(forceFullCollection: true);
        TTable table = make();
        long start = Stopwatch.GetTimestamp();
        fill(table, rows);
        double each = Stopwatches.Each(start, rows.Length);
        return (table, each, (GC.GetTotalMemory(forceFullCollection: true) - before) / (double)rows.Length);
    }
}
