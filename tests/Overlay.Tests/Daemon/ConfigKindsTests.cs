using Overlay.Daemon.Configuration;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Xunit;
using static Overlay.Tests.Daemon.ConfigSamples;

namespace Overlay.Tests.Daemon;

/// <summary>Every kind in the configuration, with what it defaults to.</summary>
public class ConfigKindsTests
{
    [Theory]
    [InlineData("vxlan", "tap", 4789, 50)]
    [InlineData("vxlan", "tun", 4789, 50)]
    [InlineData("vxlan-gpe", "tap", 4790, 50)]
    [InlineData("vxlan-gpe", "tun", 4790, 36)]
    [InlineData("geneve", "tap", 6081, 50)]
    [InlineData("geneve", "tun", 6081, 36)]
    [InlineData("ipip", "tun", 0, 20)]
    [InlineData("gue", "tun", 6080, 32)]
    [InlineData("fou", "tun", 5555, 28)]
    [InlineData("udp", "tun", 8285, 28)]
    public void Defaults(string kind, string type, int port, int overhead)
    {
        TunnelFacts facts = TunnelFacts.Find(kind)!;
        string[] keys = [facts.HasVni ? "\"vni\": 7" : "", facts.DefaultPort == 0 && facts.IsOverUdp ? $"\"port\": {port}" : ""];
        TunnelConfig tunnel = Assert.Single(Parse(Kind(kind, type, string.Join(", ", keys.Where(key => key.Length > 0)))).Tunnels);
        Assert.Equal((facts.Kind, port, overhead), (tunnel.Kind, tunnel.Endpoint.Port, tunnel.Overhead));
        Assert.Equal(new Vni(facts.HasVni ? 7u : 0u), tunnel.Vni);
        Assert.Equal(facts.HasInnerEthernet(type == "tap"), tunnel.HasInnerEthernet);
        Assert.Equal(facts.IsOverUdp ? "udp" : "raw", tunnel.Endpoint.SocketTransport);
        if (facts.IsOverUdp)
        {
            TunnelHeader header = tunnel.ToHeader();
            Assert.Equal((facts.Kind, type == "tap", facts.HeaderLength), (header.Kind, header.CarriesEthernet, header.Length));
        }
    }

    [Fact]
    public void A_group_and_options_reach_the_header()
    {
        TunnelConfig vxlan = Assert.Single(Parse(Tap("\"gbp\": 7")).Tunnels);
        Assert.Equal((ushort?)7, vxlan.ToHeader().GroupPolicyId);
        Assert.Equal((ushort?)7, vxlan.ToOptions(default).GroupPolicyId);
        TunnelConfig geneve = Assert.Single(Parse(Kind(
            "geneve", "tap", "\"vni\": 1, \"options\": [ { \"class\": 258, \"type\": 129, \"data\": \"DEADbeef\" }, { \"class\": 1, \"type\": 2 } ]")).Tunnels);
        Assert.Equal("01028101DEADBEEF" + "00010200", Convert.ToHexString(geneve.ToHeader().Options));
        Assert.Equal(62, geneve.Overhead);
    }

    [Fact]
    public void Tunnels_of_one_kind_share_an_endpoint_and_differ_in_layer_and_options()
    {
        DaemonConfig config = Parse("""
            { "tunnels": [
              { "name": "a", "kind": "geneve", "vni": 1, "local": "192.0.2.1", "device": { "type": "tap" } },
              { "name": "b", "kind": "geneve", "vni": 2, "local": "192.0.2.1", "device": { "type": "tun" } },
              { "name": "c", "kind": "geneve", "vni": 3, "local": "192.0.2.1", "device": { "type": "tap" }, "options": [ { "class": 1, "type": 1 } ] },
              { "name": "d", "kind": "fou", "port": 5555, "local": "192.0.2.1", "device": { "type": "tun" } },
              { "name": "e", "kind": "fou", "port": 5556, "local": "192.0.2.1", "device": { "type": "tun" } } ] }
            """);
        Assert.Equal([3, 1, 1], config.Tunnels.GroupBy(tunnel => tunnel.Endpoint).Select(group => group.Count()));
    }
}
