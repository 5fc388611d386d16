using System.Diagnostics;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>A route leads the tunnel's endpoint into the tunnel: the packets that come back are counted, nothing spins, and all is well when it is gone.</summary>
public sealed class RecursionTests
{
    private const int Pings = 200;

    [Theory]
    [InlineData("tap")]
    [InlineData("l3")]
    [InlineData("ipip")]
    public void An_endpoint_routed_into_its_own_tunnel_costs_drops_and_nothing_else(string kind)
    {
        using VtepLab lab = new();
        (string name, string target, string ours, string theirs) = kind switch
        {
            "tap" => ("vx42", "10.42.0.2",
                TunnelJson.Tap(),
                TunnelJson.Tap(local: "192.0.2.2", address: "10.42.0.2/24", mac: VtepLab.PeerMac, flood: ["192.0.2.1"])),
            "l3" => ("l3", "10.45.2.1",
                TunnelJson.RoutedVxlan("l3", "192.0.2.1", VtepLab.OurMac, ["10.45.1.1/32"], ("10.45.2.0/24", "192.0.2.2", VtepLab.PeerMac)),
                TunnelJson.RoutedVxlan("l3", "192.0.2.2", VtepLab.PeerMac, ["10.45.2.1/32"], ("10.45.1.0/24", "192.0.2.1", VtepLab.OurMac))),
            _ => ("ipip0", "10.46.2.1",
                TunnelJson.IPInIP("ipip0", "192.0.2.1", ["10.46.1.1/32"], ("10.46.2.0/24", "192.0.2.2")),
                TunnelJson.IPInIP("ipip0", "192.0.2.2", ["10.46.2.1/32"], ("10.46.1.0/24", "192.0.2.1"))),
        };
        using OverlayDaemon peer = OverlayDaemon.Start(lab.Them, theirs);
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, ours);
        Assert.Equal(0, Ping.Run(lab.Us, target, 1, "-W", "5").Lost);
        if (kind == "tap")
        {
            // On Ethernet the way into the tunnel needs a MAC; one that ARP would have found. And no ARP of either end is to be counted with the rest.
            lab.Them.Ip("neigh", "replace", "10.42.0.1", "lladdr", VtepLab.OurMac.ToString(), "dev", name, "nud", "permanent");
            lab.Us.Ip("neigh", "replace", "192.0.2.2", "lladdr", VtepLab.PeerMac.ToString(), "dev", name, "nud", "permanent");
            lab.Us.Ip("neigh", "replace", target, "lladdr", VtepLab.PeerMac.ToString(), "dev", name, "nud", "permanent");
        }

        JsonElement before = daemon.Query();
        lab.Us.Ip("route", "add", "192.0.2.2/32", "dev", name);
        TimeSpan cpu = daemon.CpuTime();
        long start = Stopwatch.GetTimestamp();
        Assert.Equal(0, Ping.Run(lab.Us, target, Pings, "-i", "0.01", "-W", "1").Received);
        double share = (daemon.CpuTime() - cpu) / Stopwatch.GetElapsedTime(start);
        Assert.True(share < 0.2, $"The daemon uses {share:P1} of a CPU.");

        // Each echo goes out once and comes back once.
        JsonElement after = daemon.Query();
        Assert.Equal(Pings, Difference("drops.loop"));
        Assert.Equal((2 * Pings, Pings), (Difference("rxPackets"), Difference("txPackets")));

        lab.Us.Ip("route", "del", "192.0.2.2/32", "dev", name);
        Wait.Until(() => Ping.Run(lab.Us, target, 1, "-W", "1").Lost == 0, () => "no answer after the route is gone");
        Assert.True(TcpTransfer.Run(lab.Us, lab.Them, target, 1 << 20).IsIntact);

        long Difference(string counter) =>
            OverlayDaemon.Counter(after, name, "egress", counter) - OverlayDaemon.Counter(before, name, "egress", counter);
    }
}
