using Overlay.Tables;
using Overlay.Testing;
using Xunit;
using static Overlay.Tests.Tables.TableSamples;

namespace Overlay.Tests.Tables;

public sealed class NeighborTableTests
{
    [Fact]
    public void What_was_set_is_found_until_it_is_removed()
    {
        NeighborTable table = new();
        Assert.False(table.TryLookup(Net, IP("10.0.0.1"), out MacAddress mac));
        Assert.True(mac.IsZero);
        Assert.True(table.Set(Net, IP("10.0.0.1"), Mac(1)));
        Assert.False(table.Set(Net, IP("10.0.0.1"), Mac(2)));
        Assert.True(table.Set(Net, IP("2001:db8::1"), MacAddress.FromValue(0xFEFF_FFFF_FFFF)));
        Assert.True(table.TryLookup(Net, IP("10.0.0.1"), out mac));
        Assert.Equal(Mac(2), mac);
        Assert.True(table.TryLookup(Net, IP("2001:db8::1"), out mac));
        Assert.Equal(MacAddress.FromValue(0xFEFF_FFFF_FFFF), mac);
        Assert.Equal(2, table.Count);
        Assert.True(table.Remove(Net, IP("10.0.0.1")));
        Assert.False(table.Remove(Net, IP("10.0.0.1")));
        Assert.False(table.TryLookup(Net, IP("10.0.0.1"), out _));
        Assert.Equal([new NeighborRow(Net, IP("2001:db8::1"), MacAddress.FromValue(0xFEFF_FFFF_FFFF))], table.Snapshot());
    }

    [Theory]
    [InlineData(0u, 0x01_0000u)]
    [InlineData(42u, 43u)]
    [InlineData(0u, 0xFF_FFFFu)]
    public void Networks_are_apart(uint one, uint other)
    {
        NeighborTable table = new();
        table.Set(new Vni(one), IP("10.0.0.1"), Mac(1));
        Assert.False(table.TryLookup(new Vni(other), IP("10.0.0.1"), out _));
        table.Set(new Vni(other), IP("10.0.0.1"), Mac(2));
        Assert.True(table.TryLookup(new Vni(one), IP("10.0.0.1"), out MacAddress mac));
        Assert.Equal(Mac(1), mac);
    }

    [Theory]
    [InlineData("0.0.0.0", "02:00:00:00:00:01")]
    [InlineData("::", "02:00:00:00:00:01")]
    [InlineData("224.0.0.1", "02:00:00:00:00:01")]
    [InlineData("255.255.255.255", "02:00:00:00:00:01")]
    [InlineData("ff02::1", "02:00:00:00:00:01")]
    [InlineData("10.0.0.1", "00:00:00:00:00:00")]
    [InlineData("10.0.0.1", "ff:ff:ff:ff:ff:ff")]
    [InlineData("10.0.0.1", "01:00:5e:00:00:01")]
    public void A_neighbour_has_unicast_addresses(string address, string mac)
    {
        NeighborTable table = new();
        Assert.Throws<ArgumentException>(() => table.Set(Net, IP(address), MacAddress.Parse(mac)));
        Assert.Equal(0, table.Count);
    }

    [Fact]
    public void Readers_allocate_nothing()
    {
        NeighborTable table = new();
        table.Set(Net, Remote(5), Mac(1));
        int found = 0;
        Allocations.Zero(() =>
        {
            for (uint i = 0; i < 1_000; i++)
            {
                found += table.TryLookup(Net, Remote(i), out _) ? 1 : 0;
            }
        });
        Assert.True(found > 0);
    }
}
