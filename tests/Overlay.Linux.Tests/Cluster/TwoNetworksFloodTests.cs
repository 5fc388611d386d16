using System.Text.Json;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.Cluster;

/// <summary>
/// The cases of Linux' vxlan_bridge_1q selftest: two networks that share VTEPs, and every MAC address in both. The selftest has one bridge with two VLANs; here
/// each VNI has a bridge and a TAP of its own, on one endpoint of overlayd, so that its "PVID off" is the TAP taken out of the bridge.
/// </summary>
public sealed class TwoNetworksFloodTests
{
    private const uint Ten = 10;
    private const uint Twenty = 20;
    private const uint Thirty = 30;
    private static readonly MacAddress Mobile = MacAddress.Parse("02:00:00:00:0f:01");
    private static readonly MacAddress HostMac = MacAddress.Parse("02:00:00:00:0f:02");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_one_network_floods_learns_and_forwards_the_other_never_sees(bool ipv6)
    {
        using VtepCluster cluster = new(3, ipv6);
        foreach (uint vni in (uint[])[Ten, Twenty])
        {
            cluster.AddKernelVtep(2, vni, [1, 3]);
        }

        using OverlayDaemon ours = cluster.Start(1, cluster.Tunnel(1, Ten, [2, 3]), cluster.Tunnel(1, Twenty, [2, 3]));
        using OverlayDaemon third = cluster.Start(3, cluster.Tunnel(3, Ten, [1, 2]), cluster.Tunnel(3, Twenty, [1, 2]));
        Network ten = new(cluster, Ten);
        Network twenty = new(cluster, Twenty);
        Station[] all = [ten.One, ten.Two, ten.First, ten.Second, twenty.One, twenty.Two, twenty.First, twenty.Second];
        Station[] silent = [];
        Deliveries deliveries = new(all, from => (ten.All.Contains(from) ? ten : twenty).All.Except([from, .. silent]));

        foreach (MacAddress everybody in (MacAddress[])[Mobile, MacAddress.Broadcast])
        {
            deliveries.Send(ten.One, everybody, [0, 10, 10, 10, 0, 0, 0, 0]);
            deliveries.Send(twenty.One, everybody, [0, 0, 0, 0, 0, 10, 10, 10]);
            deliveries.Send(ten.First, everybody, [10, 10, 0, 10, 0, 0, 0, 0]);
            deliveries.Send(twenty.Second, everybody, [0, 0, 0, 0, 10, 10, 10, 0]);
        }

        // One MAC address in both networks, behind another VTEP in each.
        deliveries.Send(ten.First, ten.One.Mac, [1, 0, 0, 0, 0, 0, 0, 0], Mobile, count: 1);
        deliveries.Send(twenty.Second, twenty.One.Mac, [0, 0, 0, 0, 1, 0, 0, 0], Mobile, count: 1);
        // The device of whoever sent, and this one.
        VtepCluster.AwaitEntries(ours, Ten, 2);
        VtepCluster.AwaitEntries(ours, Twenty, 2);
        deliveries.Send(ten.One, Mobile, [0, 0, 10, 0, 0, 0, 0, 0]);
        deliveries.Send(twenty.One, Mobile, [0, 0, 0, 0, 0, 0, 0, 10]);
        Assert.Equal((0, 0), (VtepCluster.Learning(ours, Ten).GetProperty("moves").GetInt64(), VtepCluster.Learning(ours, Twenty).GetProperty("moves").GetInt64()));

        // Out of its bridge, a network has no remotes; back in it, it has. The other one does not notice.
        cluster.Detach(1, VtepCluster.Device(Ten));
        silent = [ten.First, ten.Second];
        deliveries.Send(ten.One, MacAddress.Broadcast, [0, 10, 0, 0, 0, 0, 0, 0]);
        deliveries.Send(twenty.One, MacAddress.Broadcast, [0, 0, 0, 0, 0, 10, 10, 10]);
        cluster.Attach(1, Ten, VtepCluster.Device(Ten));
        silent = [];
        deliveries.Send(ten.One, MacAddress.Broadcast, [0, 10, 10, 10, 0, 0, 0, 0]);

        // A third network comes to the same port, and goes nowhere.
        cluster.AddKernelVtep(2, Thirty, [1]);
        Station stranger = cluster.Listen(2, Thirty);
        stranger.Send(run: -1, count: 10, MacAddress.Broadcast, HostMac);
        Wait.Until(() => UnknownVni(ours) == 10, () => $"{UnknownVni(ours)} of 10 packets of an unknown VNI");
        Assert.All(all, station => Assert.Empty(station.Heard(-1)));

        deliveries.AssertAll();
        foreach (OverlayDaemon daemon in (OverlayDaemon[])[ours, third])
        {
            JsonElement status = Books.Settled(daemon);
            Books.AssertBalanced(status);
            Assert.Equal(0, OverlayDaemon.Drops(status, VtepCluster.Device(Ten), "ingress") + OverlayDaemon.Drops(status, VtepCluster.Device(Twenty), "ingress"));
        }
    }

    private static long UnknownVni(OverlayDaemon daemon) =>
        daemon.Query().GetProperty("drops").TryGetProperty("unknown-vni", out JsonElement count) ? count.GetInt64() : 0;

    /// <summary>Two hosts on a bridge at the first VTEP, and the devices of the other two. The hosts' MAC addresses are the same in each network.</summary>
    private sealed class Network
    {
        public Network(VtepCluster cluster, uint vni)
        {
            cluster.AddBridge(1, vni);
            One = cluster.AddHost(1, vni, out _, mac: HostMac);
            Two = cluster.AddHost(1, vni, out _, mac: MacAddress.FromValue(HostMac.Value + 1));
            First = cluster.Listen(2, vni);
            Second = cluster.Listen(3, vni);
        }

        public Station One { get; }

        public Station Two { get; }

        public Station First { get; }

        public Station Second { get; }

        public Station[] All => [One, Two, First, Second];
    }
}
