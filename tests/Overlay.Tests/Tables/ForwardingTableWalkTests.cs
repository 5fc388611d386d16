using Overlay.Tables;
using Xunit;

namespace Overlay.Tests.Tables;

/// <summary>A table that is read a part at a time, while it stays, grows, shrinks, and is replaced.</summary>
public sealed class ForwardingTableWalkTests
{
    private static readonly Vni Vni = new(0x123456);
    private static readonly ValueIPAddress Remote = ValueIPAddress.Parse("192.0.2.1");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(100_000)]
    public void What_is_read_in_parts_is_what_a_snapshot_has(int count)
    {
        ForwardingTable table = new();
        Fill(table, 0, count);
        List<ForwardingRow> all = [];
        List<ForwardingRow> part = [];
        ulong position = 0;
        bool more = true;
        while (more)
        {
            part.Clear();
            more = table.Read(ref position, part, 0);
            Assert.InRange(part.Count, 0, 8_192);
            all.AddRange(part);
        }

        Assert.Equal(table.Snapshot(0).Order(Comparer<ForwardingRow>.Create((a, b) => a.Mac.CompareTo(b.Mac))), all.OrderBy(row => row.Mac));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void What_stays_is_read_once_while_segments_split_and_merge_between_the_parts(int seed)
    {
        const int Staying = 20_000;
        const int Coming = 100_000;
        Random random = new(seed);
        ForwardingTable table = new();
        Fill(table, 0, Staying);
        int present = 0;
        Dictionary<ulong, int> seen = [];
        List<ForwardingRow> part = [];
        ulong position = 0;
        bool more = true;
        for (int parts = 0; more; parts++)
        {
            part.Clear();
            more = table.Read(ref position, part, 0);
            part.ForEach(row => seen[row.Mac.Value] = seen.GetValueOrDefault(row.Mac.Value) + 1);

            // All of them come, or all go: the segments become many times as many, or as few.
            int next = present == 0 && random.Next(2) == 0 ? Coming : 0;
            if (next > present)
            {
                Fill(table, Staying, Coming);
            }
            else
            {
                for (int i = 0; i < present; i++)
                {
                    table.Remove(Vni, Mac(Staying + i));
                }
            }

            present = next;
            Assert.InRange(parts, 0, 1_000);
        }

        Assert.All(Enumerable.Range(0, Staying), i => Assert.Equal(1, seen.GetValueOrDefault(Mac(i).Value)));
        Assert.Equal(1, seen.Values.Max());
    }

    [Fact]
    public void A_walk_beside_a_writer_sees_what_stays_once_and_nothing_that_never_was()
    {
        const int Staying = 30_000;
        ForwardingTable table = new();
        Fill(table, 0, Staying);
        using CancellationTokenSource stop = new();
        Thread writer = new(() =>
        {
            for (int round = 0; !stop.IsCancellationRequested; round++)
            {
                Fill(table, Staying, 20_000);
                for (int i = 0; i < 20_000; i++)
                {
                    table.Remove(Vni, Mac(Staying + i));
                }
            }
        });
        writer.Start();
        try
        {
            for (int walk = 0; walk < 50; walk++)
            {
                HashSet<ulong> seen = [];
                List<ForwardingRow> part = [];
                ulong position = 0;
                bool more = true;
                while (more)
                {
                    part.Clear();
                    more = table.Read(ref position, part, 0);
                    foreach (ForwardingRow row in part)
                    {
                        Assert.True(seen.Add(row.Mac.Value), $"{row.Mac} twice");
                        Assert.Equal((Vni, Remote), (row.Vni, row.Entry.Remote));
                        Assert.InRange(row.Mac.Value, Mac(0).Value, Mac(Staying + 19_999).Value);
                    }
                }

                Assert.All(Enumerable.Range(0, Staying), i => Assert.Contains(Mac(i).Value, seen));
                Assert.All(table.Snapshot(0), row => Assert.InRange(row.Mac.Value, Mac(0).Value, Mac(Staying + 19_999).Value));
            }
        }
        finally
        {
            stop.Cancel();
            writer.Join();
        }
    }

    private static MacAddress Mac(int number) => MacAddress.FromValue(0x0201_0000_0000UL + (ulong)number);

    private static void Fill(ForwardingTable table, int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            table.Set(Vni, Mac(i), new FdbEntry(Remote));
        }
    }
}
