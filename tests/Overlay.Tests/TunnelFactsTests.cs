using Xunit;

namespace Overlay.Tests;

public sealed class TunnelFactsTests
{
    [Theory]
    [InlineData(TunnelKind.Vxlan, "vxlan", 8, 4789, true, true, true)]
    [InlineData(TunnelKind.VxlanGpe, "vxlan-gpe", 8, 4790, true, true, true)]
    [InlineData(TunnelKind.Geneve, "geneve", 8, 6081, true, true, true)]
    [InlineData(TunnelKind.Gre, "gre", 4, 0, false, false, true)]
    [InlineData(TunnelKind.Gretap, "gretap", 4, 0, false, true, false)]
    [InlineData(TunnelKind.IPInIP, "ipip", 0, 0, false, false, true)]
    [InlineData(TunnelKind.Gue, "gue", 4, 6080, false, false, true)]
    [InlineData(TunnelKind.Fou, "fou", 0, 0, false, false, true)]
    [InlineData(TunnelKind.IPInUdp, "udp", 0, 8285, false, false, true)]
    public void Each_kind_is_described(TunnelKind kind, string name, int header, int port, bool vni, bool ethernet, bool ip)
    {
        TunnelFacts facts = TunnelFacts.Of(kind);
        Assert.Equal(kind, facts.Kind);
        Assert.Equal(name, facts.Name);
        Assert.Equal(name, facts.ToString());
        Assert.Equal(header, facts.HeaderLength);
        Assert.Equal(port, facts.DefaultPort);
        Assert.Equal(vni, facts.HasVni);
        Assert.Equal(ethernet, facts.CarriesEthernet);
        Assert.Equal(ip, facts.CarriesIP);
        Assert.Same(facts, TunnelFacts.Find(name));
    }

    [Fact]
    public void The_table_is_in_the_order_of_the_kinds_and_whole()
    {
        Assert.Equal(Enum.GetValues<TunnelKind>(), TunnelFacts.All.Select(facts => facts.Kind));
        Assert.Equal(TunnelFacts.All.Count, TunnelFacts.All.Select(facts => facts.Name).Distinct().Count());
    }

    [Fact]
    public void Only_VXLAN_wraps_IP_in_Ethernet()
    {
        foreach (TunnelFacts facts in TunnelFacts.All)
        {
            Assert.Equal(facts.Kind == TunnelKind.Vxlan, facts.HasInnerEthernet(ethernet: false));
            Assert.True(facts.HasInnerEthernet(ethernet: true));
        }
    }

    [Fact]
    public void Others_are_not_kinds()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => TunnelFacts.Of((TunnelKind)9));
        Assert.Null(TunnelFacts.Find("VXLAN"));
        Assert.Null(TunnelFacts.Find(""));
    }
}
