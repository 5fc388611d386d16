using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Tunnels between routed networks: layer-3 VXLAN as flannel runs it, and IP in IP beside VXLAN.</summary>
[Collection(FloodCollection.Name)]
public sealed class RoutedTunnelTests
{
    private const long Bytes = 50_000_000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_kernel_vxlan_device_programmed_as_flannel_does_is_understood(bool ipv6Underlay)
    {
        using PeerLab lab = new(ipv6Underlay);
        FlannelPeer.Add(lab, vni: 1, port: 8472);
        lab.Us.Ip("address", "add", "10.245.1.1/32", "dev", "lo");
        lab.Us.Ip("address", "add", "fd45:1::1/128", "dev", "lo");
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, $$"""
            { "name": "l3", "kind": "vxlan", "vni": 1, "local": "{{lab.Local}}", "port": 8472,
              "device": { "type": "tun", "name": "l3", "addresses": [ "10.245.1.0/32" ], "mac": "{{PeerLab.OurMac}}" },
              "routes": [ { "prefix": "10.245.2.0/24", "remote": "{{lab.Remote}}", "mac": "{{PeerLab.PeerMac}}" },
                          { "prefix": "fd45:2::/64", "remote": "{{lab.Remote}}", "mac": "{{PeerLab.PeerMac}}" } ] }
            """);
        Ping flood = Ping.Run(lab.Us, "10.245.2.1", 1_000, "-f", "-W", "10", "-I", "10.245.1.1");
        Assert.True(flood.Lost == 0, flood.Output);
        Ping inner6 = Ping.Run(lab.Us, "fd45:2::1", 100, "-f", "-W", "10", "-I", "fd45:1::1");
        Assert.True(inner6.Lost == 0, inner6.Output);
        AssertIntact(TcpTransfer.Run(lab.Us, lab.Them, "10.245.2.1", Bytes, seed: 1, source: "10.245.1.1"));
        AssertIntact(TcpTransfer.Run(lab.Them, lab.Us, "10.245.1.1", Bytes, seed: 2, source: "10.245.2.1"));
        AssertIntact(TcpTransfer.Run(lab.Us, lab.Them, "fd45:2::1", Bytes / 10, seed: 3, source: "fd45:1::1"));
        AssertIntact(TcpTransfer.Run(lab.Them, lab.Us, "fd45:1::1", Bytes / 10, seed: 4, source: "fd45:2::1"));
        JsonElement status = Books.Settled(daemon);
        Books.AssertBalanced(status);
        Assert.Equal(0, OverlayDaemon.Drops(status, "l3", "egress") + OverlayDaemon.Drops(status, "l3", "ingress"));
        lab.AssertNoFragments();
    }

    [Fact]
    public void Two_tunnels_of_different_kinds_share_a_process()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon ours = OverlayDaemon.Start(lab.Us, lab.Tunnel() + ", " + IPInIP("192.0.2.1", "10.246.1.1", "10.246.2.0/24", "192.0.2.2"));
        using OverlayDaemon theirs = OverlayDaemon.Start(lab.Them, IPInIP("192.0.2.2", "10.246.2.1", "10.246.1.0/24", "192.0.2.1"));
        Ping vxlan = Ping.Run(lab.Us, "10.42.0.2", 500, "-f", "-W", "10");
        Assert.True(vxlan.Lost == 0, vxlan.Output);
        Ping ipip = Ping.Run(lab.Us, "10.246.2.1", 500, "-f", "-W", "10");
        Assert.True(ipip.Lost == 0, ipip.Output);
        AssertIntact(TcpTransfer.Run(lab.Us, lab.Them, "10.246.2.1", Bytes, seed: 1));
        AssertIntact(TcpTransfer.Run(lab.Them, lab.Us, "10.246.1.1", Bytes, seed: 2));
        AssertIntact(TcpTransfer.Run(lab.Us, lab.Them, "10.42.0.2", Bytes, seed: 3));
        JsonElement status = Books.Settled(ours);
        Assert.Equal(["vx42", "ip4"], status.GetProperty("tunnels").EnumerateArray().Select(tunnel => tunnel.GetProperty("name").GetString()));
        Assert.Equal(JsonValueKind.Null, status.GetProperty("tunnels")[1].GetProperty("device").GetProperty("mac").ValueKind);
        Assert.Equal(1480, status.GetProperty("tunnels")[1].GetProperty("device").GetProperty("mtu").GetInt32());
        Books.AssertBalanced(status);
        Books.AssertBalanced(Books.Settled(theirs));
        foreach (string tunnel in new[] { "vx42", "ip4" })
        {
            Assert.Equal(0, OverlayDaemon.Drops(status, tunnel, "egress") + OverlayDaemon.Drops(status, tunnel, "ingress"));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_remote_on_the_same_link_gets_packets_without_the_tunnel_if_asked_for(bool ipv6)
    {
        using PeerLab lab = new(ipv6);
        (string near, string far, string inner, string back) = ipv6
            ? ("fd46:2::/64", "fd46:3::/64", "fd46:2::1", "fd46:1::1")
            : ("10.246.2.0/24", "10.246.3.0/24", "10.246.2.1", "10.246.1.1");

        // On the link, not on lo: who asks for an IPv6 neighbour needs an address there, and these namespaces have no link-local ones.
        lab.Them.Ip("address", "add", inner, "dev", "u1", "nodad");
        lab.Us.Ip("address", "add", back, "dev", "u0", "nodad");
        lab.Them.Ip("route", "add", back, "via", lab.Local);
        string family = ipv6 ? "-6" : "-4";
        string beyond = ipv6 ? "2001:db8:9::9" : "198.51.100.9";
        lab.Us.Ip("route", "add", beyond, "via", lab.Remote);
        using (OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, $$"""
            { "name": "ip4", "kind": "ipip", "local": "{{lab.Local}}", "directRouting": true, "device": { "type": "tun", "name": "ip4" },
              "routes": [ { "prefix": "{{near}}", "remote": "{{lab.Remote}}" }, { "prefix": "{{far}}", "remote": "{{beyond}}" } ] }
            """))
        {
            // Nobody at the other end would take them out of a tunnel.
            Ping ping = Ping.Run(lab.Us, inner, 100, "-f", "-W", "10", "-I", back);
            Assert.True(ping.Lost == 0, ping.Output);
            JsonElement tunnel = Books.Settled(daemon).GetProperty("tunnels")[0];
            Assert.Equal([$"{near} via {lab.Remote} dev u0"], tunnel.GetProperty("directRoutes").EnumerateArray().Select(route => route.GetString()));

            // Behind a router the tunnel is needed.
            Assert.Contains("dev ip4", lab.Us.Ip(family, "route", "show", far).Output, StringComparison.Ordinal);
            Assert.Contains("via " + lab.Remote, lab.Us.Ip(family, "route", "show", near).Output, StringComparison.Ordinal);
            Assert.Equal(0, daemon.Stop().ExitCode);
        }

        Assert.DoesNotContain(near, lab.Us.Ip(family, "route", "show").Output, StringComparison.Ordinal);
    }

    private static string IPInIP(string local, string address, string prefix, string remote) => $$"""
        { "name": "ip4", "kind": "ipip", "local": "{{local}}", "device": { "type": "tun", "name": "ip4", "addresses": [ "{{address}}/32" ] },
          "routes": [ { "prefix": "{{prefix}}", "remote": "{{remote}}" } ] }
        """;

    private static void AssertIntact(TcpTransferResult result) => Assert.True(result.IsIntact, result.ToString());
}
