using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>A multicast group in place of a list of remotes (RFC 7348 §4.2), with two kernel VTEPs as the other members.</summary>
public sealed class GroupFloodTests
{
    private const int Port = 2000;

    [Theory]
    [InlineData(false, "udp", 1)]
    [InlineData(true, "udp", 1)]
    [InlineData(false, "udp", 2)]
    [InlineData(true, "tunnelGso", 1)]
    public void A_broadcast_is_one_packet_to_the_group_and_unicast_goes_to_one(bool ipv6, string transport, int workers)
    {
        (string group, string prefix, string lladdr) = ipv6 ? ("ff05::4789", "2001:db8::/64", "2001:db8::") : ("239.1.1.1", "192.0.2.0/24", "192.0.2.");
        using BridgedHosts hosts = new(3);
        for (int i = 1; i <= 3; i++)
        {
            hosts[i].Ip("addr", "add", $"2001:db8::{i}/64", "dev", BridgedHosts.Device, "nodad");
        }

        foreach (int i in (int[])[2, 3])
        {
            hosts[i].Ip(
                "link", "add", "vx42", "address", BridgedHosts.Mac(i).ToString(), "type", "vxlan", "id", "42", "local", $"{lladdr}{i}",
                "group", group, "dev", BridgedHosts.Device, "dstport", "4789");
            hosts[i].Configure("vx42", $"10.42.0.{i}/24");
        }

        using OverlayDaemon daemon = OverlayDaemon.Start(hosts[1], TunnelJson.Tap(
            local: $"{lladdr}1", mac: BridgedHosts.Mac(1), flood: [group],
            more: $$""" "transport": "{{transport}}", "policy": { "remotes": [ "{{prefix}}" ] } """), $$"""{ "count": {{workers}} }""");
        Assert.Contains(group, hosts[1].Ip("maddr", "show", "dev", BridgedHosts.Device).Output, StringComparison.Ordinal);

        Assert.Equal(
            $"[\n  {{\"tunnel\":\"vx42\",\"vni\":42,\"remote\":\"{group}\",\"groupLink\":\"{BridgedHosts.Device}\",\"origin\":\"static\"}}\n]\n",
            daemon.Ask("show", "flood", "--json"));

        // No ARP: what goes out at first is what is sent below.
        foreach ((int host, int other) in ((int, int)[])[(1, 2), (1, 3), (2, 1), (3, 1)])
        {
            hosts[host].Ip("neigh", "replace", $"10.42.0.{other}", "lladdr", BridgedHosts.Mac(other).ToString(), "dev", "vx42", "nud", "permanent");
        }

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
        Assert.Equal(broadcasts, one.Take(100));
        JsonElement status = Books.Settled(daemon);
        // One packet each, none of them a copy, and none that came back by the group.
        Assert.Equal((100, 0, 100), (Of(status, "egress", "rxPackets"), Of(status, "egress", "replicated"), Of(status, "egress", "txPackets")));
        Assert.Equal(0, Of(status, "ingress", "rxPackets"));

        // The other way: each member hears it once, whichever sent it.
        foreach (byte[] datagram in broadcasts)
        {
            two.Send(datagram, "10.42.0.255", Port);
        }

        Assert.Equal(broadcasts, one.Take(100));
        Assert.Equal(broadcasts, three.Take(100));
        Assert.Equal(broadcasts, two.Take(100));
        status = Books.Settled(daemon);
        Assert.Equal((100, 100), (Of(status, "ingress", "rxPackets"), Of(status, "ingress", "txPackets")));
        Assert.Equal(100, Of(status, "egress", "txPackets"));

        // Host 2 has been heard: what is for it goes to it alone, and back.
        long elsewhere = Kernel.ReceivedPackets(hosts[3], "vx42");
        for (int i = 0; i < 50; i++)
        {
            one.Send([7], "10.42.0.2", Port);
            Assert.Equal([[7]], two.Take(1));
            two.Send([8], "10.42.0.1", Port);
            Assert.Equal([[8]], one.Take(1));
        }

        Assert.Equal(elsewhere, Kernel.ReceivedPackets(hosts[3], "vx42"));
        status = Books.Settled(daemon);
        Assert.Equal((0, 0), (OverlayDaemon.Drops(status, "vx42", "egress"), OverlayDaemon.Drops(status, "vx42", "ingress")));
        Books.AssertBalanced(status);
        Assert.Equal((0, 0, 0), (one.Count, two.Count, three.Count));
    }

    [Fact]
    public void A_sender_to_the_group_who_is_in_no_prefix_stays_out()
    {
        using BridgedHosts hosts = new(2);
        hosts[2].Ip(
            "link", "add", "vx42", "address", BridgedHosts.Mac(2).ToString(), "type", "vxlan", "id", "42", "local", "192.0.2.2",
            "group", "239.1.1.1", "dev", BridgedHosts.Device, "dstport", "4789");
        hosts[2].Configure("vx42", "10.42.0.2/24");
        using OverlayDaemon daemon = OverlayDaemon.Start(hosts[1], TunnelJson.Tap(
            mac: BridgedHosts.Mac(1), flood: ["239.1.1.1"], more: """ "policy": { "remotes": [ "198.51.100.0/24" ] } """));
        using UdpApplication two = new(hosts[2], "0.0.0.0", Port);
        for (int i = 0; i < 10; i++)
        {
            two.Send([1], "10.42.0.255", Port);
        }

        JsonElement status = default;
        Wait.Until(
            () => Drops(status = daemon.Query(), "unknown-remote") >= 10,
            () => $"ten packets of a stranger were sent to the group: {status}");
        Assert.Equal(0, Of(Books.Settled(daemon), "ingress", "txPackets"));
    }

    [Fact]
    public void Without_an_interface_to_join_on_the_daemon_says_so()
    {
        using PeerLab lab = new();
        Refusal refusal = Refusal.Run(lab, TunnelJson.Tap(local: "203.0.113.9", flood: ["239.1.1.1"], more: """ "policy": { "remotes": "any" } """));
        Assert.Equal(3, refusal.ExitCode);
        Assert.Contains("UDP group 239.1.1.1:4789: ", refusal.Error, StringComparison.Ordinal);
        Assert.Contains("no interface has the address 203.0.113.9; a link says which one is meant", refusal.Error, StringComparison.Ordinal);
        lab.AssertNothingLeft();
    }

    private static long Of(JsonElement status, string direction, string counter) => OverlayDaemon.Counter(status, "vx42", direction, counter);

    private static long Drops(JsonElement status, string reason) => Of(status, "ingress", $"drops.{reason}");
}
