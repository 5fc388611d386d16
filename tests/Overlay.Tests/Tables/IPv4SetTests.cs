using Overlay.Tables;
using Overlay.Testing;
using Xunit;

namespace Overlay.Tests.Tables;

public sealed class IPv4SetTests
{
    [Theory]
    [InlineData(1, 300)]
    [InlineData(2, 40)]
    [InlineData(3, 5_000)]
    public void It_is_what_a_hash_set_is(int seed, int addresses)
    {
        Random random = new(seed);
        IPv4Set set = new();
        HashSet<uint> twin = [];
        for (int i = 0; i < 40_000; i++)
        {
            uint address = (uint)random.Next(addresses) << (random.Next(2) * 20);
            if (random.Next(3) == 0)
            {
                set.Remove(address);
                twin.Remove(address);
            }
            else if (random.Next(2) == 0)
            {
                set.Add(address);
                twin.Add(address);
            }

            uint asked = (uint)random.Next(addresses) << (random.Next(2) * 20);
            Assert.Equal(twin.Contains(asked), set.Contains(asked));
        }

        foreach (uint address in twin)
        {
            Assert.True(set.Contains(address));
        }
    }

    [Fact]
    public void Zero_and_the_last_address_are_addresses()
    {
        IPv4Set set = new();
        Assert.False(set.Contains(0));
        set.Add(0);
        set.Add(uint.MaxValue);
        Assert.True(set.Contains(0));
        Assert.True(set.Contains(uint.MaxValue));
        set.Remove(0);
        Assert.False(set.Contains(0));
    }

    [Fact]
    public void Coming_and_going_does_not_grow_it()
    {
        IPv4Set set = new();
        for (uint i = 0; i < 1_000_000; i++)
        {
            set.Add(i);
            set.Remove(i);
        }

        Assert.InRange(set.Bytes, 1, 1_024);
    }

    [Fact]
    public async Task A_reader_always_finds_what_stays()
    {
        IPv4Set set = new();
        for (uint i = 0; i < 100; i++)
        {
            set.Add(i << 8);
        }

        using CancellationTokenSource done = new();
        Task<bool> reader = Task.Run(() =>
        {
            bool all = true;
            while (!done.IsCancellationRequested)
            {
                for (uint i = 0; i < 100; i++)
                {
                    all &= set.Contains(i << 8);
                }
            }

            return all;
        });
        for (uint i = 1; i < 300_000; i++)
        {
            set.Add(0xC000_0000 + i);
            set.Remove(0xC000_0000 + i - 3);
        }

        done.Cancel();
        Assert.True(await reader);
    }

    [Fact]
    public void Looking_allocates_nothing()
    {
        IPv4Set set = new();
        set.Add(7);
        bool found = true;
        Allocations.Zero(() => found &= set.Contains(7) & !set.Contains(8));
        Assert.True(found);
    }
}
