using System.Text.Json;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.Cluster;

/// <summary>
/// The cases of Linux' vxlan_bridge_1d selftest with overlayd as the device under test: a bridge over its TAP with two hosts, or the TAP alone, and two
/// VTEPs of the kernel. Counts are exact: a copy too many is as wrong as one too few.
/// </summary>
public sealed class BridgedVtepTests
{
    private const uint Vni = 42;
    private static readonly MacAddress Nobody = MacAddress.Parse("02:00:00:00:0f:01");
    private static readonly MacAddress Group = MacAddress.Parse("01:00:5e:01:02:03");
    private static readonly MacAddress Local = MacAddress.Parse("02:00:00:00:0f:11");
    private static readonly MacAddress BehindTwo = MacAddress.Parse("02:00:00:00:0f:12");
    private static readonly MacAddress BehindThree = MacAddress.Parse("02:00:00:00:0f:13");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_bridge_over_the_tap_floods_and_forwards_exactly_and_again_when_all_was_made_anew(bool ipv6)
    {
        using VtepCluster cluster = new(3, ipv6);
        cluster.AddKernelVtep(2, Vni, [1], "10.42.0.2/24");
        cluster.AddKernelVtep(3, Vni, [1], "10.42.0.3/24");
        Station one = cluster.AddHost(1, Vni, out _, "10.42.0.11/24");
        Station two = cluster.AddHost(1, Vni, out string port, "10.42.0.12/24");
        Station first = cluster.Listen(2, Vni);
        Station second = cluster.Listen(3, Vni);
        Deliveries deliveries = new([one, two, first, second], from => from == one ? [two, first, second] : []);

        // The second time with a remote that nobody resolves, as the selftest has it: the others get no copy more for it.
        foreach (int[] flood in (int[][])[[2, 3], [2, 99, 3]])
        {
            using OverlayDaemon daemon = cluster.Start(1, cluster.Tunnel(1, Vni, flood, more: $$"""
                "fdb": [ { "mac": "{{BehindTwo}}", "remote": "{{cluster.Address(2)}}" }, { "mac": "{{BehindThree}}", "remote": "{{cluster.Address(3)}}" } ]
                """));
            cluster.AddBridge(1, Vni);
            foreach (string address in (string[])["10.42.0.12", "10.42.0.2", "10.42.0.3"])
            {
                Ping ping = Ping.Run(one.Netns, address, 1, "-W", "10");
                Assert.True(ping.Lost == 0, ping.Output);
            }

            foreach (MacAddress everybody in (MacAddress[])[Nobody, MacAddress.Broadcast, Group])
            {
                deliveries.Send(one, everybody, [0, 10, 10, 10]);
            }

            cluster.BridgeFdb(1, "add", Local.ToString(), "dev", port, "master", "static");
            cluster.BridgeFdb(1, "add", BehindTwo.ToString(), "dev", VtepCluster.Device(Vni), "master", "static");
            cluster.BridgeFdb(1, "add", BehindThree.ToString(), "dev", VtepCluster.Device(Vni), "master", "static");
            deliveries.Send(one, Local, [0, 10, 0, 0]);
            deliveries.Send(one, BehindTwo, [0, 0, 10, 0]);
            deliveries.Send(one, BehindThree, [0, 0, 0, 10]);

            JsonElement status = Books.Settled(daemon);
            Books.AssertBalanced(status);
            Assert.Equal(0, OverlayDaemon.Drops(status, VtepCluster.Device(Vni), "egress") + OverlayDaemon.Drops(status, VtepCluster.Device(Vni), "ingress"));
            cluster.RemoveBridge(1, Vni);
            Assert.Equal(0, daemon.Stop().ExitCode);
        }

        deliveries.AssertAll();
    }

    [Fact]
    public void The_tap_alone_floods_and_forwards_exactly()
    {
        using VtepCluster cluster = new(3);
        cluster.AddKernelVtep(2, Vni, [1], "10.42.0.2/24");
        cluster.AddKernelVtep(3, Vni, [1], "10.42.0.3/24");
        using OverlayDaemon daemon = cluster.Start(1, cluster.Tunnel(1, Vni, [2, 99, 3], "10.42.0.1/24", more: $$"""
            "fdb": [ { "mac": "{{BehindTwo}}", "remote": "{{cluster.Address(2)}}" }, { "mac": "{{BehindThree}}", "remote": "{{cluster.Address(3)}}" } ]
            """));
        Station tap = cluster.Listen(1, Vni);
        Station first = cluster.Listen(2, Vni);
        Station second = cluster.Listen(3, Vni);
        Deliveries deliveries = new([tap, first, second], from => from == tap ? [first, second] : [tap]);
        foreach (string address in (string[])["10.42.0.2", "10.42.0.3"])
        {
            Ping ping = Ping.Run(tap.Netns, address, 1, "-W", "10");
            Assert.True(ping.Lost == 0, ping.Output);
        }

        foreach (MacAddress everybody in (MacAddress[])[Nobody, MacAddress.Broadcast, Group])
        {
            deliveries.Send(tap, everybody, [0, 10, 10]);
            deliveries.Send(first, everybody, [10, 0, 0]);
            deliveries.Send(second, everybody, [10, 0, 0]);
        }

        deliveries.Send(tap, BehindTwo, [0, 10, 0]);
        deliveries.Send(tap, BehindThree, [0, 0, 10]);
        deliveries.AssertAll();
        JsonElement status = Books.Settled(daemon);
        Books.AssertBalanced(status);
        Assert.Equal(0, OverlayDaemon.Drops(status, VtepCluster.Device(Vni), "egress") + OverlayDaemon.Drops(status, VtepCluster.Device(Vni), "ingress"));
    }
}
