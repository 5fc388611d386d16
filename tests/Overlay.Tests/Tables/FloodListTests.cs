using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

public sealed class FloodListTests
{
    [Fact]
    public void The_order_is_kept_and_nobody_is_there_twice()
    {
        FloodList list = new();
        Assert.True(list[Net].IsEmpty);
        Assert.True(list.Add(Net, Remote(3)));
        Assert.True(list.Add(Net, Remote(1)));
        Assert.True(list.Add(Net, IP("2001:db8::2")));
        Assert.False(list.Add(Net, Remote(3)));
        Assert.Equal([Remote(3), Remote(1), IP("2001:db8::2")], list[Net].ToArray());
        Assert.True(list.Remove(Net, Remote(1)));
        Assert.False(list.Remove(Net, Remote(1)));
        Assert.Equal([Remote(3), IP("2001:db8::2")], list[Net].ToArray());
        Assert.Equal(2, list.Count);
        Assert.True(list.Remove(Net, Remote(3)));
        Assert.True(list.Remove(Net, IP("2001:db8::2")));
        Assert.True(list[Net].IsEmpty);
        Assert.Empty(list.Snapshot());
    }

    [Fact]
    public void Networks_are_apart()
    {
        FloodList list = new();
        list.Add(new Vni(1), Remote(1));
        list.Add(new Vni(0x01_0001), Remote(2));
        Assert.Equal([Remote(1)], list[new Vni(1)].ToArray());
        Assert.Equal([Remote(2)], list[new Vni(0x01_0001)].ToArray());
        Assert.False(list.Remove(new Vni(1), Remote(2)));
        Assert.Equal([new FloodRow(new Vni(1), Remote(1)), new FloodRow(new Vni(0x01_0001), Remote(2))], list.Snapshot().OrderBy(r => r.Vni));
    }

    [Fact]
    public void A_span_in_hand_does_not_change()
    {
        FloodList list = new();
        list.Add(Net, Remote(1));
        list.Add(Net, Remote(2));
        ReadOnlySpan<ValueIPAddress> before = list[Net];
        list.Remove(Net, Remote(1));
        list.Add(Net, Remote(3));
        Assert.Equal([Remote(1), Remote(2)], before.ToArray());
        Assert.Equal([Remote(2), Remote(3)], list[Net].ToArray());
    }

    [Fact]
    public void A_group_may_be_flooded_to_but_nobody_may_not()
    {
        FloodList list = new();
        Assert.True(list.Add(Net, IP("239.1.1.1")));
        Assert.Throws<ArgumentException>(() => list.Add(Net, IP("0.0.0.0")));
        Assert.Throws<ArgumentException>(() => list.Add(Net, default));
    }

    [Fact]
    public void Readers_allocate_nothing()
    {
        FloodList list = new();
        list.Add(Net, Remote(1));
        int found = 0;
        Allocations.Zero(() =>
        {
            for (uint i = 0; i < 1_000; i++)
            {
                found += list[new Vni(i)].Length;
            }
        });
        Assert.True(found > 0);
    }
}
