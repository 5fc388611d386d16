using Overlay.Tables;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

public sealed class AddressMapTests
{
    [Fact]
    public void A_hundred_thousand_random_operations_agree_with_a_dictionary()
    {
        Random random = new(3);
        AddressMap map = new();
        Dictionary<(uint, ValueIPAddress), ulong> twin = [];
        for (int i = 0; i < 100_000; i++)
        {
            uint number = (uint)random.Next(3) << 22;
            int n = random.Next(400);
            ValueIPAddress address = n % 2 == 0 ? Remote((uint)n) : IP($"2001:db8::{n:x}");
            switch (random.Next(3))
            {
                case 0:
                    ulong value = (ulong)random.NextInt64(1, long.MaxValue);
                    Assert.Equal(!twin.ContainsKey((number, address)), map.Set(number, address, value));
                    twin[(number, address)] = value;
                    break;
                case 1:
                    Assert.Equal(twin.Remove((number, address)), map.Remove(number, address));
                    break;
                default:
                    Assert.Equal(twin.TryGetValue((number, address), out ulong expected), map.TryGet(number, address, out ulong found));
                    Assert.Equal(expected, found);
                    break;
            }

            Assert.Equal(twin.Count, map.Count);
        }

        Assert.Equal(
            twin.Select(e => (e.Key.Item1, e.Key.Item2, e.Value)).Order(),
            map.Snapshot().Order());
    }

    [Fact]
    public void Ever_new_keys_do_not_fill_the_slots_with_marks()
    {
        AddressMap map = new();
        for (uint i = 1; i <= 100_000; i++)
        {
            Assert.True(map.Set(0, Remote(i), i));
            if (i > 10)
            {
                Assert.True(map.Remove(0, Remote(i - 10)));
            }
        }

        Assert.Equal(10, map.Count);
        Assert.True(map.TryGet(0, Remote(100_000), out ulong value));
        Assert.Equal(100_000ul, value);
        Assert.False(map.TryGet(0, Remote(99_990), out _));
    }

    [Fact]
    public void A_reader_sees_all_of_a_key_or_nothing()
    {
        AddressMap map = new();
        bool isOver = false;
        long wrong = 0;
        long seen = 0;
        Thread reader = new(() =>
        {
            for (uint i = 1; !Volatile.Read(ref isOver); i = (i % 5_000) + 1)
            {
                if (map.TryGet(i, Remote(i), out ulong value))
                {
                    seen++;
                    wrong += value % 5_001 == i ? 0 : 1;
                }
            }
        });
        reader.Start();
        Random random = new(9);
        long end = Environment.TickCount64 + 500;
        while (Environment.TickCount64 < end)
        {
            uint i = (uint)random.Next(1, 5_001);
            if (random.Next(2) == 0)
            {
                map.Set(i, Remote(i), i + (5_001ul * (ulong)random.Next(1_000)));
            }
            else
            {
                map.Remove(i, Remote(i));
            }
        }

        Volatile.Write(ref isOver, true);
        reader.Join();
        Assert.Equal(0, wrong);
        Assert.True(seen > 0);
    }
}
