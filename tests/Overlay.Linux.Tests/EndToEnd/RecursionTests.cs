using System.Diagnostics;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>A route leads the tunnel's endpoint into the tunnel: the packets that come back are counted, nothing spins, and all is well when it is gone.</summary>
public sealed class RecursionTests
{
    private const int Pings = 200;

    // Of one CPU, at a hundred packets in a second, each of which goes out and comes back in. Measured: 0.014 to 0.025.
    private const double MostCpu = 0.05;

    [Theory]
    [InlineData("tap", false)]
    [InlineData("l3", false)]
    [InlineData("ipip", false)]
    [InlineData("tap", true)]
    [InlineData("l3", true)]
    [InlineData("ipip", true)]
    public void An_endpoint_routed_into_its_own_tunnel_costs_drops_and_nothing_else(string kind, bool ipv6)
    {
        using VtepLab lab = new();
        (string we, string they) = ipv6 ? ("2001:db8::1", "2001:db8::2") : ("192.0.2.1", "192.0.2.2");
        (string name, string target, string ours, string theirs) = kind switch
        {
            "tap" => ("vx42", "10.42.0.2",
                TunnelJson.Tap(local: we, flood: [they]),
                TunnelJson.Tap(local: they, address: "10.42.0.2/24", mac: VtepLab.PeerMac, flood: [we])),
            "l3" => ("l3", "10.45.2.1",
                TunnelJson.RoutedVxlan("l3", we, VtepLab.OurMac, ["10.45.1.1/32"], ("10.45.2.0/24", they, VtepLab.PeerMac)),
                TunnelJson.RoutedVxlan("l3", they, VtepLab.PeerMac, ["10.45.2.1/32"], ("10.45.1.0/24", we, VtepLab.OurMac))),
            _ => ("ipip0", "10.46.2.1",
                TunnelJson.IPInIP("ipip0", we, ["10.46.1.1/32"], ("10.46.2.0/24", they)),
                TunnelJson.IPInIP("ipip0", they, ["10.46.2.1/32"], ("10.46.1.0/24", we))),
        };
        using OverlayDaemon peer = OverlayDaemon.Start(lab.Them, theirs);
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, ours);
        Assert.Equal(0, Ping.Run(lab.Us, target, 1, "-W", "5").Lost);
        if (kind == "tap")
        {
            // On Ethernet the way into the tunnel needs a MAC; one that ARP would have found. And no ARP of either end is to be counted with the rest.
            lab.Them.Ip("neigh", "replace", "10.42.0.1", "lladdr", VtepLab.OurMac.ToString(), "dev", name, "nud", "permanent");
            lab.Us.Ip("neigh", "replace", they, "lladdr", VtepLab.PeerMac.ToString(), "dev", name, "nud", "permanent");
            lab.Us.Ip("neigh", "replace", target, "lladdr", VtepLab.PeerMac.ToString(), "dev", name, "nud", "permanent");
        }

        JsonElement before = daemon.Query();
        string route = ipv6 ? $"{they}/128" : $"{they}/32";
        lab.Us.Ip("route", "add", route, "dev", name);
        TimeSpan cpu = daemon.CpuTime();
        long start = Stopwatch.GetTimestamp();
        Assert.Equal(0, Ping.Run(lab.Us, target, Pings, "-i", "0.01", "-W", "1").Received);
        double share = (daemon.CpuTime() - cpu) / Stopwatch.GetElapsedTime(start);
        Assert.True(share < MostCpu, $"The daemon uses {share:P1} of a CPU.");

        // Each echo goes out once and comes back once.
        JsonElement after = daemon.Query();
        Assert.Equal(Pings, Difference("drops.loop"));
        Assert.Equal((2 * Pings, Pings), (Difference("rxPackets"), Difference("txPackets")));

        lab.Us.Ip("route", "del", route, "dev", name);
        Wait.Until(() => Ping.Run(lab.Us, target, 1, "-W", "1").Lost == 0, () => "no answer after the route is gone");
        Assert.True(TcpTransfer.Run(lab.Us, lab.Them, target, 1 << 20).IsIntact);

        long Difference(string counter) =>
            OverlayDaemon.Counter(after, name, "egress", counter) - OverlayDaemon.Counter(before, name, "egress", counter);
    }
}
