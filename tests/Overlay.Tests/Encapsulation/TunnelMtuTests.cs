using System.Net.Sockets;
using Overlay.Encapsulation;
using Xunit;

namespace Overlay.Tests.Encapsulation;

public sealed class TunnelMtuTests
{
    [Theory]
    [InlineData(TunnelKind.Vxlan, AddressFamily.InterNetwork, 0, 50)]
    [InlineData(TunnelKind.Vxlan, AddressFamily.InterNetwork, 1, 54)]
    [InlineData(TunnelKind.Vxlan, AddressFamily.InterNetwork, 2, 58)]
    [InlineData(TunnelKind.Vxlan, AddressFamily.InterNetworkV6, 0, 70)]
    [InlineData(TunnelKind.Vxlan, AddressFamily.InterNetworkV6, 1, 74)]
    [InlineData(TunnelKind.Vxlan, AddressFamily.InterNetworkV6, 2, 78)]
    [InlineData(TunnelKind.IPInIP, AddressFamily.InterNetwork, 0, 20)]
    [InlineData(TunnelKind.IPInIP, AddressFamily.InterNetworkV6, 0, 40)]
    public void Table_holds(TunnelKind kind, AddressFamily outer, int tags, int overhead)
    {
        Assert.Equal(overhead, TunnelMtu.Overhead(kind, outer, tags));
        Assert.Equal(1500 - overhead, TunnelMtu.InnerMtu(1500, kind, outer, tags));
        Assert.Equal(1500 + overhead, TunnelMtu.LinkMtu(1500, kind, outer, tags));
        Assert.Equal(68, TunnelMtu.InnerMtu(68 + overhead, kind, outer, tags));
        Assert.Equal(68 + overhead, TunnelMtu.LinkMtu(68, kind, outer, tags));
        Assert.Equal(65535 - overhead, TunnelMtu.InnerMtu(65536, kind, outer, tags));
        Assert.Equal(65535, TunnelMtu.LinkMtu(65535 - overhead, kind, outer, tags));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.InnerMtu(67 + overhead, kind, outer, tags));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.LinkMtu(67, kind, outer, tags));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.LinkMtu(65536 - overhead, kind, outer, tags));
    }

    [Fact]
    public void Device_MTUs_are_those_that_Linux_chose()
    {
        // "mtu" and "mtu6" of the kernel vectors: vxlan devices over links of 1500.
        KernelVxlanVectors vectors = KernelVxlanVectors.Load();
        Assert.Equal(vectors.Mtu, TunnelMtu.InnerMtu(1500, TunnelKind.Vxlan, AddressFamily.InterNetwork));
        Assert.Equal(vectors.Mtu6, TunnelMtu.InnerMtu(1500, TunnelKind.Vxlan, AddressFamily.InterNetworkV6));
    }

    [Fact]
    public void Encapsulators_write_what_is_counted()
    {
        ValueIPAddress a = ValueIPAddress.Parse("192.0.2.1"), b = ValueIPAddress.Parse("192.0.2.2");
        ValueIPAddress a6 = ValueIPAddress.Parse("2001:db8::1"), b6 = ValueIPAddress.Parse("2001:db8::2");
        Assert.Equal(TunnelMtu.Overhead(TunnelKind.Vxlan, AddressFamily.InterNetwork), new VxlanEncapsulator(a, b).Overhead + 14);
        Assert.Equal(TunnelMtu.Overhead(TunnelKind.Vxlan, AddressFamily.InterNetworkV6), new VxlanEncapsulator(a6, b6).Overhead + 14);
        Assert.Equal(TunnelMtu.Overhead(TunnelKind.IPInIP, AddressFamily.InterNetwork), new IPInIPEncapsulator(a, b).Overhead);
        Assert.Equal(TunnelMtu.Overhead(TunnelKind.IPInIP, AddressFamily.InterNetworkV6), new IPInIPEncapsulator(a6, b6).Overhead);
    }

    [Fact]
    public void Nonsense_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.Overhead(TunnelKind.Vxlan, AddressFamily.Unix));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.Overhead((TunnelKind)200, AddressFamily.InterNetwork));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.Overhead(TunnelKind.Vxlan, AddressFamily.InterNetwork, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.Overhead(TunnelKind.Vxlan, AddressFamily.InterNetwork, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.Overhead(TunnelKind.IPInIP, AddressFamily.InterNetwork, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.InnerMtu(-1, TunnelKind.Vxlan, AddressFamily.InterNetwork));
    }
}
