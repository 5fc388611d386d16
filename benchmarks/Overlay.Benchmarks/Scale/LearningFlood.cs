using Overlay.Tables;

namespace Overlay.Benchmarks.Scale;

/// <summary>Somebody sends from a million source MAC addresses: what that costs the addresses that are known.</summary>
/// <param name="Before">Nanoseconds of a look-up of a known address before.</param>
/// <param name="After">The same when the table is full of what was learned.</param>
/// <param name="BytesBefore">Bytes of the table when learning may fill it no further.</param>
/// <param name="BytesAfter">Bytes after the rest of the million.</param>
/// <param name="Refused">How many addresses were refused.</param>
internal sealed record LearningFlood(double Before, double After, long BytesBefore, long BytesAfter, long Refused)
{
    private const int Sources = 1_000_000;
    private const int Repetitions = 9;

    public static LearningFlood Measure(ForwardingKey[] keys, ForwardingKey[] hot)
    {
        ForwardingTable table = new();
        Vni vni = new(1);
        for (int i = 0; i < ScaleWorld.Hot; i++)
        {
            table.Set(keys[i].Vni, keys[i].Mac, new FdbEntry(ScaleWorld.Remote(i)));
        }

        double before = Look(table, hot);
        ValueIPAddress remote = ScaleWorld.Remote(1);
        SplitMix64 random = new(1);
        long bytes = 0;
        for (int i = 0; i < Sources; i++)
        {
            MacAddress mac = MacAddress.FromValue((random.Next() & 0xFEFF_FFFF_FFFF) | 0x0200_0000_0000);
            if (table.NeedsLearning(vni, mac, remote, i))
            {
                table.Learn(vni, mac, remote, i);
            }

            if (i == 2 * table.MaxEntries)
            {
                bytes = table.Bytes;
            }
        }

        return new LearningFlood(before, Look(table, hot), bytes, table.Bytes, table.Refusals.Full);
    }

    private static double Look(ForwardingTable table, ForwardingKey[] hot)
    {
        List<double> times = [];
        for (int i = 0; i < Repetitions; i++)
        {
            times.Add(Stopwatches.Single(table, hot).Nanoseconds);
        }

        return Series.Median(times)!.Value;
    }
}
