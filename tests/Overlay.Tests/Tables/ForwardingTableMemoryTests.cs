using Overlay.Tables;
using Xunit;

namespace Overlay.Tests.Tables;

/// <summary>48 bytes per entry at any large size: while it grows, while it shrinks, while addresses come and go.</summary>
public sealed class ForwardingTableMemoryTests
{
    private const int Entries = 1_000_000;
    private const int Remotes = 10_000;
    private const double BytesPerEntry = 48;

    [Fact]
    public void A_million_entries_over_4096_networks_and_10_000_remotes()
    {
        ForwardingTable table = new();
        for (uint i = 0; i < Entries; i++)
        {
            Set(table, i);
            if (i >= 50_000 && i % 5_000 == 0)
            {
                AssertSmall(table);
            }
        }

        AssertSmall(table);
        Assert.Equal(Entries, table.Count);

        // Addresses come and go.
        for (uint i = Entries; i < Entries + 500_000; i++)
        {
            Assert.True(table.Remove(VniOf(i - Entries), MacOf(i - Entries)));
            Set(table, i);
            if (i % 50_000 == 0)
            {
                AssertSmall(table);
            }
        }

        // And go.
        for (uint i = 500_000; i < Entries + 450_000; i++)
        {
            table.Remove(VniOf(i), MacOf(i));
            if (i % 50_000 == 0)
            {
                AssertSmall(table);
            }
        }

        Assert.Equal(50_000, table.Count);
        AssertSmall(table);
    }

    [Fact]
    public void Bytes_are_what_the_heap_holds()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        ForwardingSlots slots = new(HashSeed.Create(), 1_000_000);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.InRange(slots.Bytes, allocated * 0.98, allocated);
    }

    private static void Set(ForwardingTable table, uint i) => table.Set(VniOf(i), MacOf(i), new FdbEntry(TableSamples.Remote(i % Remotes)));

    private static Vni VniOf(uint i) => new((i * 2_654_435_761u) >> 20);

    private static MacAddress MacOf(uint i) => TableSamples.Mac(i);

    private static void AssertSmall(ForwardingTable table)
    {
        // What 10 000 remotes take is spread over the entries there are; at 50 000 it is 30 bytes of each, so it is said apart.
        double slots = (table.Bytes - RemoteBytes(table)) / (double)table.Count;
        Assert.True(slots <= BytesPerEntry - 1.5, $"{slots:F1} bytes per entry at {table.Count}.");
        Assert.True(RemoteBytes(table) <= 2_500_000);
        Assert.True(table.Count < 500_000 || table.Bytes <= BytesPerEntry * table.Count, $"{(double)table.Bytes / table.Count:F1} bytes per entry at {table.Count}.");
    }

    // Remotes and counts per network do not grow with the entries.
    private static long RemoteBytes(ForwardingTable table) => table.Bytes - table.SlotBytes;
}
