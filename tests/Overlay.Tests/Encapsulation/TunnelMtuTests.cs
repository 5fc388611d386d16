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

    /// <summary>Each kind with each of its options, the bytes counted by hand from the documents that define the headers.</summary>
    [Theory]
    [InlineData(TunnelKind.Vxlan, 0, 0, false, 20 + 8 + 8 + 14)]
    [InlineData(TunnelKind.Vxlan, 2, 0, false, 20 + 8 + 8 + 14 + 8)]
    [InlineData(TunnelKind.Vxlan, 0, 0, true, 20 + 8 + 8 + 14)]
    [InlineData(TunnelKind.VxlanGpe, 1, 0, false, 20 + 8 + 8 + 14 + 4)]
    [InlineData(TunnelKind.VxlanGpe, 0, 0, true, 20 + 8 + 8)]
    [InlineData(TunnelKind.Geneve, 0, 0, false, 20 + 8 + 8 + 14)]
    [InlineData(TunnelKind.Geneve, 0, 8, false, 20 + 8 + 8 + 8 + 14)]
    [InlineData(TunnelKind.Geneve, 0, 12, false, 20 + 8 + 8 + 12 + 14)]
    [InlineData(TunnelKind.Geneve, 2, 252, false, 20 + 8 + 8 + 252 + 14 + 8)]
    [InlineData(TunnelKind.Geneve, 0, 252, true, 20 + 8 + 8 + 252)]
    [InlineData(TunnelKind.Gre, 0, 0, true, 20 + 4)]
    [InlineData(TunnelKind.Gre, 0, 4, true, 20 + 4 + 4)]
    [InlineData(TunnelKind.Gre, 0, 12, true, 20 + 4 + 12)]
    [InlineData(TunnelKind.Gretap, 0, 0, false, 20 + 4 + 14)]
    [InlineData(TunnelKind.Gretap, 1, 4, false, 20 + 4 + 4 + 14 + 4)]
    [InlineData(TunnelKind.IPInIP, 0, 0, true, 20)]
    [InlineData(TunnelKind.Gue, 0, 0, true, 20 + 8 + 4)]
    [InlineData(TunnelKind.Gue, 0, 124, true, 20 + 8 + 4 + 124)]
    [InlineData(TunnelKind.Fou, 0, 0, true, 20 + 8)]
    [InlineData(TunnelKind.IPInUdp, 0, 0, true, 20 + 8)]
    public void Options_add_their_bytes_and_IPv6_20(TunnelKind kind, int tags, int options, bool innerIP, int overhead)
    {
        Assert.Equal(overhead, TunnelMtu.Overhead(kind, AddressFamily.InterNetwork, tags, options, innerIP));
        Assert.Equal(overhead + 20, TunnelMtu.Overhead(kind, AddressFamily.InterNetworkV6, tags, options, innerIP));
        Assert.Equal(9000 - overhead - 20, TunnelMtu.InnerMtu(9000, kind, AddressFamily.InterNetworkV6, tags, options, innerIP));
    }

    [Fact]
    public void An_encapsulation_limit_takes_8_over_IPv6_and_does_not_exist_over_IPv4()
    {
        Assert.Equal(48, TunnelMtu.Overhead(TunnelKind.IPInIP, AddressFamily.InterNetworkV6, optionLength: 8));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.Overhead(TunnelKind.IPInIP, AddressFamily.InterNetwork, optionLength: 8));
    }

    [Theory]
    [InlineData(TunnelKind.Vxlan, 0)]
    [InlineData(TunnelKind.VxlanGpe, 0)]
    [InlineData(TunnelKind.Geneve, 252)]
    [InlineData(TunnelKind.Gre, 12)]
    [InlineData(TunnelKind.Gretap, 12)]
    [InlineData(TunnelKind.IPInIP, 0)]
    [InlineData(TunnelKind.Gue, 124)]
    [InlineData(TunnelKind.Fou, 0)]
    [InlineData(TunnelKind.IPInUdp, 0)]
    public void Options_that_a_kind_does_not_have_are_refused(TunnelKind kind, int most)
    {
        Assert.Equal(most, TunnelMtu.MaxOptions(kind, AddressFamily.InterNetwork));
        Assert.Equal(most, TunnelMtu.Overhead(kind, AddressFamily.InterNetwork, optionLength: most) - TunnelMtu.Overhead(kind, AddressFamily.InterNetwork));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.Overhead(kind, AddressFamily.InterNetwork, optionLength: most + 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.Overhead(kind, AddressFamily.InterNetwork, optionLength: 2));
    }

    [Theory]
    [InlineData(1500, 1460, 1440)]
    [InlineData(1450, 1410, 1390)]
    [InlineData(1280, 1240, 1220)]
    [InlineData(576, 536, null)]
    [InlineData(68, 28, null)]
    [InlineData(65_536, 65_495, 65_475)]
    public void The_MSS_leaves_room_for_both_headers(int mtu, int mss4, int? mss6)
    {
        Assert.Equal(mss4, TunnelMtu.TcpMss(mtu, AddressFamily.InterNetwork));
        if (mss6 is int mss)
        {
            Assert.Equal(mss, TunnelMtu.TcpMss(mtu, AddressFamily.InterNetworkV6));
        }
        else
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.TcpMss(mtu, AddressFamily.InterNetworkV6));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.TcpMss(67, AddressFamily.InterNetwork));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.TcpMss(1279, AddressFamily.InterNetworkV6));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelMtu.TcpMss(1500, AddressFamily.Unix));
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
