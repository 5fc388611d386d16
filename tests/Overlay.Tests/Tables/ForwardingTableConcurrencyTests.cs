using Overlay.Tables;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

/// <summary>One writer, two readers. A remote names its MAC address in its upper bits, so a reader knows a wrong one when it sees it.</summary>
public sealed class ForwardingTableConcurrencyTests
{
    private const int Macs = 256;
    private const int Generations = 8;
    private const int Milliseconds = 1_000;

    [Fact]
    public async Task A_reader_never_sees_the_entry_of_another_address()
    {
        ForwardingTable table = new();
        for (uint i = 0; i < Macs; i++)
        {
            table.Set(VniOf(i), Mac(i + 1), EntryOf(i, 0));
        }

        // Even addresses are never removed: they must be found each time, whatever is rebuilt meanwhile.
        long reads = await RunWithReaders(
            random =>
            {
                uint i = (uint)random.Next(Macs);
                if (i % 2 == 1 && random.Next(3) == 0)
                {
                    table.Remove(VniOf(i), Mac(i + 1));
                }
                else
                {
                    table.Set(VniOf(i), Mac(i + 1), EntryOf(i, (uint)random.Next(Generations)));
                }
            },
            random => Check(table, (uint)random.Next(Macs)));
        Assert.True(reads > 1_000);
    }

    [Fact]
    public async Task Nor_does_it_if_all_addresses_meet_in_one_chain_and_come_and_go()
    {
        // A product with zero: the seed is chosen so that every key of this network hashes to the same slot.
        const int Few = 12;
        ForwardingTable table = new(new ForwardingTableOptions(), new HashSeed(0, Net.Value));
        long reads = await RunWithReaders(
            random =>
            {
                uint i = (uint)random.Next(Few);
                table.Remove(Net, Mac(i + 1));
                table.Set(Net, Mac((uint)random.Next(Few) + 1), new FdbEntry(Remote(1)));
                i = (uint)random.Next(Few);
                table.Set(Net, Mac(i + 1), EntryOf(i, (uint)random.Next(Generations)));
            },
            random =>
            {
                uint i = (uint)random.Next(Few);
                if (table.TryLookup(Net, Mac(i + 1), out FdbEntry entry) && entry != new FdbEntry(Remote(1)) && entry != EntryOf(i, entry.Remote.ToIPv4() & 0xFF))
                {
                    Assert.Fail($"Address {i} was given {entry}.");
                }
            });
        Assert.True(reads > 1_000);
    }

    [Fact]
    public async Task Bulk_growth_hides_nothing_from_readers()
    {
        ForwardingTable table = new(1_000_000);
        for (uint i = 0; i < Macs; i++)
        {
            table.Set(VniOf(i), Mac(i + 1), EntryOf(i, 0));
        }

        uint next = 0;
        long reads = await RunWithReaders(
            _ =>
            {
                next++;
                table.Learn(Net, Mac(0x100_0000 + next), EntryOf(next % Macs, 1).Remote, Environment.TickCount64);
                if (next % 150_000 == 0)
                {
                    table.Age(Environment.TickCount64, 0);
                }
            },
            random => Check(table, (uint)random.Next(Macs / 2) * 2));
        Assert.True(next > 1_000 && reads > 1_000);
    }

    [Fact]
    public async Task Workers_that_refresh_do_not_disturb_the_writer()
    {
        ForwardingTable table = new();
        long now = 1_000_000;
        long asked = await RunWithReaders(
            random =>
            {
                uint i = (uint)random.Next(Macs);
                long time = Interlocked.Increment(ref now);
                switch (random.Next(3))
                {
                    case 0: table.Learn(Net, Mac(i + 1), Remote(i + 1), time); break;
                    case 1: table.Remove(Net, Mac(i + 1)); break;
                    default: table.Age(time, 3_000); break;
                }
            },
            random =>
            {
                uint i = (uint)random.Next(Macs);
                table.NeedsLearning(Net, Mac(i + 1), Remote(i + 1), Volatile.Read(ref now));
                if (table.TryLookup(Net, Mac(i + 1), out FdbEntry entry))
                {
                    Assert.Equal(new FdbEntry(Remote(i + 1), 0, FdbOrigin.Learned), entry);
                }
            });
        Assert.True(asked > 1_000);
        Assert.Equal(default, table.Refusals);
        Assert.Equal(table.Count, table.Snapshot(now).Count);
        Assert.Equal(table.Count, table.Age(now, 0));
    }

    [Fact]
    public async Task What_a_reader_sees_of_a_key_was_true_at_some_moment_of_its_looking()
    {
        // Each key has a history of numbered states, every fourth of which is its absence. The writer notes a number before and after it stores the
        // state; so what a reader sees must not be older than what was noted as done before it looked, nor newer than what was begun after.
        const int Keys = 64;
        ForwardingTable table = new();
        int[] begun = new int[Keys];
        int[] done = new int[Keys];
        uint others = 0;
        Array.Fill(done, 3);
        Array.Fill(begun, 3);
        long reads = await RunWithReaders(
            random =>
            {
                int key = random.Next(Keys);
                int state = begun[key] + 1;
                Volatile.Write(ref begun[key], state);
                if (state % 4 == 3)
                {
                    table.Remove(Net, Mac((uint)key + 1));
                }
                else
                {
                    table.Set(Net, Mac((uint)key + 1), new FdbEntry(Remote((uint)state)));
                }

                Volatile.Write(ref done[key], state);

                // Strangers come in waves, so that segments are split, renewed and merged all the time.
                for (int i = 0; i < 20; i++)
                {
                    others++;
                    uint wave = others % 40_000;
                    if (wave < 20_000)
                    {
                        table.Set(Net, Mac(0x10_0000 + wave), new FdbEntry(Remote(1)));
                    }
                    else
                    {
                        table.Remove(Net, Mac(0x10_0000 + wave - 20_000));
                    }
                }
            },
            random =>
            {
                int key = random.Next(Keys);
                int oldest = Volatile.Read(ref done[key]);
                bool isFound = table.TryLookup(Net, Mac((uint)key + 1), out FdbEntry entry);
                int newest = Volatile.Read(ref begun[key]);
                int state = (int)(entry.Remote.ToIPv4() & 0xFF_FFFF);
                bool wasTrue = isFound
                    ? oldest <= state && state <= newest && state % 4 != 3
                    : Enumerable.Range(oldest, Math.Min(newest - oldest, 3) + 1).Any(s => s % 4 == 3);
                if (!wasTrue)
                {
                    Assert.Fail($"{entry} (found: {isFound}) was seen between the states {oldest} and {newest}.");
                }
            });
        Assert.True(reads > 1_000 && others > 80_000);
    }

    [Fact]
    public async Task A_bulk_replace_is_never_seen_half()
    {
        // Each generation is one remote for all keys. A bulk look-up sees one generation; one by one they never go back.
        const uint Keys = 500;
        ForwardingTable table = new();
        table.Set(Net, Mac(0xFFFF), new FdbEntry(Remote(0xFF_FFFF)));
        ForwardingKey[] keys = [.. Enumerable.Range(1, (int)Keys).Select(i => new ForwardingKey(new Vni((uint)i % 3), Mac((uint)i)))];
        uint generation = 1;
        table.Replace(FdbOrigin.External, keys.Select(key => KeyValuePair.Create(key, new FdbRemote(Remote(1)))));
        ThreadLocal<int[]> answers = new(() => new int[Keys]);
        long reads = await RunWithReaders(
            random =>
            {
                generation++;
                table.Replace(FdbOrigin.External, keys.Select(key => KeyValuePair.Create(key, new FdbRemote(Remote(generation)))));
                table.Learn(Net, Mac(0x20_0000 + (uint)random.Next(2_000)), Remote(1), 1);
                table.Learn(new Vni(1), Mac(1), Remote(0xFF_FFFE), 1);
            },
            random =>
            {
                int[] indices = answers.Value!;
                if (table.Lookup(keys, indices) != Keys || indices.AsSpan().ContainsAnyExcept(indices[0]))
                {
                    Assert.Fail("A look-up saw two generations.");
                }

                uint seen = table.GetRemote(indices[0]).Address.ToIPv4();
                for (int i = 0; i < 20; i++)
                {
                    ForwardingKey key = keys[random.Next((int)Keys)];
                    Assert.True(table.TryLookup(key.Vni, key.Mac, out FdbEntry entry));
                    Assert.True(entry.Remote.ToIPv4() >= seen, "A look-up went back to an older generation.");
                    Assert.Equal(FdbOrigin.External, entry.Origin);
                    seen = entry.Remote.ToIPv4();
                }

                Assert.True(table.TryLookup(Net, Mac(0xFFFF), out FdbEntry other));
                Assert.Equal(new FdbEntry(Remote(0xFF_FFFF)), other);
            });
        Assert.True(reads > 100 && generation > 200);
    }

    private static Vni VniOf(uint i) => new((i & 0xFF) << 16);

    private static FdbEntry EntryOf(uint i, uint generation) =>
        new(Remote((i << 8) | generation), (ushort)((i << 3) | generation), generation % 2 == 0 ? FdbOrigin.Static : FdbOrigin.External);

    private static void Check(ForwardingTable table, uint i)
    {
        if (!table.TryLookup(VniOf(i), Mac(i + 1), out FdbEntry entry))
        {
            Assert.True(i % 2 == 1, "An entry that is never removed was not found.");
            return;
        }

        uint generation = entry.Remote.ToIPv4() & 0xFF;
        if (generation >= Generations || entry != EntryOf(i, generation))
        {
            Assert.Fail($"Address {i} was given {entry}.");
        }
    }

    /// <summary>Runs a writer here and two readers beside it for a second; returns how often both readers ran.</summary>
    private static async Task<long> RunWithReaders(Action<Random> write, Action<Random> read)
    {
        bool isOver = false;
        Task<long>[] readers = [.. Enumerable.Range(1, 2).Select(seed => Task.Factory.StartNew(
            () =>
            {
                Random random = new(seed);
                long count = 0;
                for (; !Volatile.Read(ref isOver); count++)
                {
                    read(random);
                }

                return count;
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default))];
        try
        {
            Random random = new(0);
            long end = Environment.TickCount64 + Milliseconds;
            while (Environment.TickCount64 < end && !readers.Any(r => r.IsFaulted))
            {
                for (int i = 0; i < 100; i++)
                {
                    write(random);
                }
            }
        }
        finally
        {
            Volatile.Write(ref isOver, true);
        }

        long[] counts = await Task.WhenAll(readers);
        Assert.All(counts, count => Assert.True(count > 0));
        return counts.Sum();
    }
}
