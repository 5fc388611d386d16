using Overlay.Tables;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary>One writer, two readers. A MAC address names the generation that it was set in, so a reader knows what it sees.</summary>
public sealed class NeighborTableConcurrencyTests
{
    private const int Addresses = 200;
    private const int Milliseconds = 800;

    [Fact]
    public async Task A_replacement_is_seen_as_a_whole_and_without_a_gap()
    {
        NeighborTable table = new();
        uint generation = 0;
        table.Replace(NeighborOrigin.External, Rows(0));
        long reads = await RunWithReaders(
            random =>
            {
                generation++;
                table.Replace(NeighborOrigin.External, Rows(generation));
                // Others come and go meanwhile, and have the map rebuilt.
                table.Set(Net, Remote(10_000 + (uint)random.Next(500)), Mac(1));
                table.Remove(Net, Remote(10_000 + (uint)random.Next(500)));
                table.Learn(Net, Remote(20_000 + (uint)random.Next(500)), Mac(2), NeighborFlags.Override, generation);
            },
            random =>
            {
                // What is read later is of the same generation or a later one: none of the old comes back behind the new.
                uint first = GenerationOf(table, (uint)random.Next(Addresses));
                uint second = GenerationOf(table, (uint)random.Next(Addresses));
                Assert.True(second >= first, $"generation {second} behind {first}");
            });
        Assert.True(reads > 1_000 && generation > 10, $"{reads} reads of {generation} generations");
    }

    [Fact]
    public async Task A_reader_never_sees_the_entry_of_another_address()
    {
        // A product with zero: every key of this network hashes to the same slot, so that all share one chain.
        const int Few = 40;
        NeighborTable table = new(NeighborTableOptions.Default, new HashSeed((ulong)Net.Value << 32, 0));
        long reads = await RunWithReaders(
            random =>
            {
                uint i = (uint)random.Next(Few);
                if (random.Next(3) == 0)
                {
                    table.Remove(Net, Remote(i));
                }
                else
                {
                    table.Set(Net, Remote(i), Mac((i << 8) | (uint)random.Next(1, 200)));
                }
            },
            random =>
            {
                uint i = (uint)random.Next(Few);
                if (table.TryLookup(Net, Remote(i), out MacAddress mac) && (uint)mac.Value >> 8 != i)
                {
                    Assert.Fail($"Address {i} was given {mac}.");
                }
            });
        Assert.True(reads > 1_000);
    }

    private static uint GenerationOf(NeighborTable table, uint number)
    {
        if (!table.TryLookup(Net, Remote(number), out MacAddress mac))
        {
            Assert.Fail($"Address {number} was not found.");
        }

        Assert.Equal(number, (uint)mac.Value & 0xFF);
        return (uint)(mac.Value >> 8) & 0xFF_FFFF;
    }

    private static NeighborRow[] Rows(uint generation) =>
        [.. Enumerable.Range(0, Addresses).Select(i => new NeighborRow(Net, Remote((uint)i), new NeighborEntry(Mac((generation << 8) | (uint)i), NeighborOrigin.External)))];

    private static async Task<long> RunWithReaders(Action<Random> write, Action<Random> read)
    {
        using CancellationTokenSource stop = new();
        Task<long>[] readers = [.. Enumerable.Range(1, 2).Select(seed => Task.Factory.StartNew(
            () =>
            {
                Random random = new(seed);
                long reads = 0;
                for (; !stop.IsCancellationRequested; reads++)
                {
                    read(random);
                }

                return reads;
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];
        Random random = new(0);
        long end = Environment.TickCount64 + Milliseconds;
        while (Environment.TickCount64 < end && !readers.Any(reader => reader.IsFaulted))
        {
            write(random);
        }

        await stop.CancelAsync();
        return (await Task.WhenAll(readers)).Sum();
    }
}
