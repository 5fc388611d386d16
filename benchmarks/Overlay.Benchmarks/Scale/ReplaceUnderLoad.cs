using System.Diagnostics;
using Overlay.Tables;

namespace Overlay.Benchmarks.Scale;

/// <summary>A bulk replace of the whole table while another thread looks up and times each look-up, its clock included.</summary>
/// <param name="Seconds">How long the replace took.</param>
/// <param name="Lookups">How many look-ups there were meanwhile.</param>
/// <param name="P50">The median of them, in nanoseconds.</param>
/// <param name="P99">What 99 % of them did not exceed.</param>
/// <param name="P999">What 99.9 % of them did not exceed.</param>
internal sealed record ReplaceUnderLoad(double Seconds, long Lookups, int P50, int P99, int P999)
{
    private const int Longest = 1 << 16;

    public static ReplaceUnderLoad Measure(ForwardingTable table, ForwardingKey[] keys, ForwardingKey[] asked)
    {
        long[] histogram = new long[Longest];
        bool stop = false;
        using ManualResetEventSlim reading = new();
        Thread reader = new(() => Read(table, asked, histogram, reading, ref stop));
        reader.Start();
        reading.Wait();

        // Half of the entries move to other remotes, as after a resynchronisation that was worth it.
        long start = Stopwatch.GetTimestamp();
        table.Replace(FdbOrigin.External, keys.Select(static (key, i) => KeyValuePair.Create(key, new FdbRemote(ScaleWorld.Remote(i + (i & 1))))));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Volatile.Write(ref stop, true);
        reader.Join();
        long lookups = histogram.Sum();
        return new ReplaceUnderLoad(seconds, lookups, Quantile(0.5), Quantile(0.99), Quantile(0.999));

        int Quantile(double share)
        {
            long sum = 0;
            int nanoseconds = 0;
            while (nanoseconds < histogram.Length - 1 && (sum += histogram[nanoseconds]) < share * lookups)
            {
                nanoseconds++;
            }

            return nanoseconds;
        }
    }

    private static void Read(ForwardingTable table, ForwardingKey[] asked, long[] histogram, ManualResetEventSlim reading, ref bool stop)
    {
        double nanosecondsPerTick = 1e9 / Stopwatch.Frequency;
        for (int i = 0; !Volatile.Read(ref stop); i = (i + 1) & (asked.Length - 1))
        {
            long start = Stopwatch.GetTimestamp();
            bool found = table.TryLookup(asked[i].Vni, asked[i].Mac, out int _);
            int nanoseconds = (int)Math.Min(Longest - 1, (Stopwatch.GetTimestamp() - start) * nanosecondsPerTick);
            if (!found)
            {
                throw new InvalidOperationException($"{asked[i]} was not there while the table was replaced.");
            }

            if (reading.IsSet)
            {
                histogram[nanoseconds]++;
            }
            else if (i == asked.Length / 2)
            {
                // Warm by now.
                reading.Set();
            }
        }
    }
}
