using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Head-end replication to two kernel VTEPs.</summary>
public sealed class FloodTests
{
    private const int Port = 2000;

    [Fact]
    public void A_broadcast_reaches_each_of_two_remotes_once_and_unicast_only_the_right_one()
    {
        using BridgedHosts hosts = new(3);
        hosts.AddKernelVxlan(2);
        hosts.AddKernelVxlan(3);
        using OverlayDaemon daemon = OverlayDaemon.Start(hosts[1], TunnelJson.Tap(mac: BridgedHosts.Mac(1), flood: ["192.0.2.2", "192.0.2.3"]));
        // No ARP and no unicast that would teach anything: what goes out at first is flooded.
        hosts[1].Ip("neigh", "replace", "10.42.0.2", "lladdr", BridgedHosts.Mac(2).ToString(), "dev", "vx42", "nud", "permanent");
        hosts[1].Ip("neigh", "replace", "10.42.0.3", "lladdr", BridgedHosts.Mac(3).ToString(), "dev", "vx42", "nud", "permanent");
        using UdpApplication one = new(hosts[1], "0.0.0.0", Port);
        using UdpApplication two = new(hosts[2], "0.0.0.0", Port);
        using UdpApplication three = new(hosts[3], "0.0.0.0", Port);

        byte[][] broadcasts = [.. Enumerable.Range(0, 100).Select(i => PacketBuilder.Payload(400, seed: i))];
        foreach (byte[] datagram in broadcasts)
        {
            one.Send(datagram, "10.42.0.255", Port);
        }

        Assert.Equal(broadcasts, two.Take(100));
        Assert.Equal(broadcasts, three.Take(100));
        // Its own broadcast a host hears by its own stack, once; a second time would be one that came back.
        Assert.Equal(broadcasts, one.Take(100));

        // Unknown unicast is flooded, too: both kernels get the frame, one has the address.
        one.Send([1], "10.42.0.2", Port);
        Assert.Equal([[1]], two.Take(1));
        Wait.Until(
            () => Kernel.ReceivedPackets(hosts[3], "vx42") == 101,
            () => $"{Kernel.ReceivedPackets(hosts[3], "vx42")} packets; 101 with the copy of an unknown unicast");
        Wait.Until(() => Counter(daemon, "egress", "txPackets") == 202, () => $"{Counter(daemon, "egress", "txPackets")} packets sent, not 202");
        Assert.Equal((101, 101, 0), (Counter(daemon, "egress", "rxPackets"), Counter(daemon, "egress", "replicated"), Drops(daemon, "egress")));

        // What comes from one remote goes to the device and nowhere else (split horizon).
        two.Send([2], "10.42.0.255", Port);
        Assert.Equal([[2]], one.Take(1));
        Assert.Equal([[2]], two.Take(1));
        three.Send([3], "10.42.0.1", Port);
        Assert.Equal([[3]], one.Take(1));

        // Now both are learned: unicast goes where its station is, and only there.
        Wait.Until(
            () =>
            {
                long before = Counter(daemon, "egress", "replicated");
                one.Send([4], "10.42.0.2", Port);
                one.Send([4], "10.42.0.3", Port);
                two.Take(1);
                three.Take(1);
                return Counter(daemon, "egress", "replicated") == before;
            },
            () => "the stations are not learned");
        long other = Kernel.ReceivedPackets(hosts[3], "vx42");
        long mine = Kernel.ReceivedPackets(hosts[2], "vx42");
        for (int i = 0; i < 100; i++)
        {
            one.Send([5], "10.42.0.2", Port);
        }

        Assert.Equal(100, two.Take(100).Length);
        Assert.Equal((other, mine + 100), (Kernel.ReceivedPackets(hosts[3], "vx42"), Kernel.ReceivedPackets(hosts[2], "vx42")));

        JsonElement status = daemon.Query();
        Assert.Equal((2, 2, 0), (
            OverlayDaemon.Counter(status, "vx42", "ingress", "rxPackets"),
            OverlayDaemon.Counter(status, "vx42", "ingress", "txPackets"),
            OverlayDaemon.Drops(status, "vx42", "ingress")));
        Assert.Equal(0, OverlayDaemon.Drops(status, "vx42", "egress"));
        // And nothing was heard that was not sent to them: the one that the other's broadcast must not reach has no datagram left over.
        Assert.Equal((0, 0, 0), (one.Count, two.Count, three.Count));
    }

    private static long Counter(OverlayDaemon daemon, string direction, string counter) => OverlayDaemon.Counter(daemon.Query(), "vx42", direction, counter);

    private static long Drops(OverlayDaemon daemon, string direction) => OverlayDaemon.Drops(daemon.Query(), "vx42", direction);
}
