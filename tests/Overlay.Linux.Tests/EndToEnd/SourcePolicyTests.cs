using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Policies of sources and of flooding in a running overlayd, with kernel VTEPs as those who break them.</summary>
public sealed class SourcePolicyTests
{
    private const int Port = 2000;
    private const int Sent = 20;

    /// <summary>Host 2 is a remote, host 3 is nobody.</summary>
    [Theory]
    [InlineData("off", 0, 0)]
    [InlineData("count", 0, Sent)]
    [InlineData("enforce", Sent, 0)]
    public void A_stranger_is_let_in_counted_or_kept_out(string check, int dropped, int tolerated)
    {
        using BridgedHosts hosts = new(3);
        hosts.AddKernelVxlan(2);
        hosts.AddKernelVxlan(3);
        using OverlayDaemon daemon = Start(hosts, ["192.0.2.2"], $$""" "policy": { "remoteCheck": "{{check}}" } """);
        using UdpApplication one = new(hosts[1], "0.0.0.0", Port);
        Send(hosts[2], "10.42.0.1");
        Assert.Equal(Sent, one.Take(Sent).Length);
        Send(hosts[3], "10.42.0.1");
        Assert.Equal(Sent - dropped, one.Take(Sent - dropped).Length);
        AssertBroken(daemon, "unknown-remote", dropped, tolerated);
        Assert.Equal(0, one.Count);
    }

    /// <summary>The file says that the station lives at host 2; host 3, a remote too, sends with its MAC address (static MAC hijack).</summary>
    [Theory]
    [InlineData("off", 0, 0)]
    [InlineData("count", 0, Sent)]
    [InlineData("enforce", Sent, 0)]
    public void A_static_station_that_another_remote_claims(string check, int dropped, int tolerated)
    {
        using BridgedHosts hosts = new(3);
        hosts.AddKernelVxlan(2);
        hosts.AddKernelVxlan(3);
        hosts[3].Ip("link", "set", "vx42", "address", BridgedHosts.Mac(2).ToString());
        hosts[3].Ip("neigh", "replace", "10.42.0.1", "lladdr", BridgedHosts.Mac(1).ToString(), "dev", "vx42", "nud", "permanent");
        using OverlayDaemon daemon = Start(hosts, ["192.0.2.2", "192.0.2.3"], $$"""
            "fdb": [ { "mac": "{{BridgedHosts.Mac(2)}}", "remote": "192.0.2.2" } ], "policy": { "innerSourceCheck": "{{check}}" }
            """);
        hosts[1].Ip("neigh", "replace", "10.42.0.2", "lladdr", BridgedHosts.Mac(2).ToString(), "dev", "vx42", "nud", "permanent");
        using UdpApplication one = new(hosts[1], "0.0.0.0", Port);
        using UdpApplication two = new(hosts[2], "0.0.0.0", Port);
        Send(hosts[2], "10.42.0.1");
        Assert.Equal(Sent, one.Take(Sent).Length);
        Send(hosts[3], "10.42.0.1");
        Assert.Equal(Sent - dropped, one.Take(Sent - dropped).Length);
        AssertBroken(daemon, "foreign-source", dropped, tolerated);
        // Whatever was claimed, the station is where it was.
        one.Send([9], "10.42.0.2", Port);
        Assert.Equal([[9]], two.Take(1));
        Assert.Equal(0, one.Count);
    }

    /// <summary>Routed: 10.46.3.0/24 lives at host 3, and host 2 sends from it.</summary>
    [Theory]
    [InlineData("off", 0, 0)]
    [InlineData("count", 0, Sent)]
    [InlineData("enforce", Sent, 0)]
    public void An_address_that_is_routed_to_another_remote(string check, int dropped, int tolerated)
    {
        using BridgedHosts hosts = new(2);
        using OverlayDaemon peer = OverlayDaemon.Start(
            hosts[2], TunnelJson.IPInIP("vx42", "192.0.2.2", ["10.46.2.1/32", "10.46.3.1/32"], ("10.46.1.0/24", "192.0.2.1")));
        using OverlayDaemon daemon = OverlayDaemon.Start(hosts[1], TunnelJson.IPInIP(
            "vx42", "192.0.2.1", ["10.46.1.1/32"], $$""", "policy": { "innerSourceCheck": "{{check}}" } """,
            [("10.46.2.0/24", "192.0.2.2"), ("10.46.3.0/24", "192.0.2.3")]));
        using UdpApplication one = new(hosts[1], "0.0.0.0", Port);
        Send(hosts[2], "10.46.1.1", from: "10.46.2.1");
        Assert.Equal(Sent, one.Take(Sent).Length);
        Send(hosts[2], "10.46.1.1", from: "10.46.3.1");
        Assert.Equal(Sent - dropped, one.Take(Sent - dropped).Length);
        AssertBroken(daemon, "foreign-source", dropped, tolerated);
    }

    /// <summary>Class E is no martian to the kernel, so a packet from there comes as far as the daemon.</summary>
    [Theory]
    [InlineData("off", 0, 0)]
    [InlineData("count", 0, Sent)]
    [InlineData("enforce", Sent, 0)]
    public void A_martian_remote_is_kept_out_even_where_anybody_may_send(string check, int dropped, int tolerated)
    {
        using BridgedHosts hosts = new(2);
        hosts[2].Ip("addr", "add", "240.0.0.2/32", "dev", BridgedHosts.Device);
        hosts[1].Ip("route", "add", "240.0.0.2/32", "dev", BridgedHosts.Device);
        hosts[2].Ip(
            "link", "add", "vx42", "address", BridgedHosts.Mac(2).ToString(), "type", "vxlan", "id", "42", "local", "240.0.0.2", "remote", "192.0.2.1", "dstport", "4789");
        hosts[2].Configure("vx42", "10.42.0.2/24");
        hosts[2].Ip("neigh", "replace", "10.42.0.1", "lladdr", BridgedHosts.Mac(1).ToString(), "dev", "vx42", "nud", "permanent");
        using OverlayDaemon daemon = Start(hosts, [], $$""" "policy": { "remotes": "any", "martianRemotes": "{{check}}" } """);
        using UdpApplication one = new(hosts[1], "0.0.0.0", Port);
        Send(hosts[2], "10.42.0.1");
        Assert.Equal(Sent - dropped, one.Take(Sent - dropped).Length);
        AssertBroken(daemon, "martian-remote", dropped, tolerated);
    }

    /// <summary>However much comes in, no more than the limit goes to each remote; unicast is not touched.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_storm_of_broadcasts_is_held_to_its_limit_and_unicast_is_not(int workers)
    {
        const int Storm = 2_000;
        const int Gust = 200;
        const int Burst = 50;
        const int Rate = 100;
        using BridgedHosts hosts = new(3);
        hosts.AddKernelVxlan(2);
        hosts.AddKernelVxlan(3);
        using OverlayDaemon daemon = OverlayDaemon.Start(hosts[1], TunnelJson.Tap(
            mac: BridgedHosts.Mac(1), flood: ["192.0.2.2", "192.0.2.3"], more: $$"""
            "fdb": [ { "mac": "{{BridgedHosts.Mac(2)}}", "remote": "192.0.2.2" } ],
            "policy": { "floodLimit": { "broadcast": { "packetsPerSecond": {{Rate}}, "burst": {{Burst}} } } }
            """), $$"""{ "count": {{workers}} }""");
        hosts[1].Ip("neigh", "replace", "10.42.0.2", "lladdr", BridgedHosts.Mac(2).ToString(), "dev", "vx42", "nud", "permanent");
        // Sockets of several flows, which go to the queues of several workers.
        UdpApplication[] senders = [.. Enumerable.Range(0, 8).Select(i => new UdpApplication(hosts[1], "0.0.0.0", Port + 1 + i))];
        using UdpApplication two = new(hosts[2], "0.0.0.0", Port);
        JsonElement before = Books.Settled(daemon);
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        JsonElement after = default;
        for (int i = 1; i <= Storm; i++)
        {
            senders[i % senders.Length].Send([1], "10.42.0.255", Port);
            if (i % Gust == 0)
            {
                // No more at once than the queue of the device holds: what the kernel drops there is in nobody's books.
                Wait.Until(() => Difference(after = daemon.Query(), "rxPackets") >= i, () => $"of {i} broadcasts only these came: {after}");
            }
        }

        double seconds = System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds;
        after = Books.Settled(daemon);
        long flooded = Difference(after, "replicated");
        Assert.InRange(flooded, Burst, Burst + (Rate * seconds) + 1);
        Assert.Equal(Difference(after, "rxPackets"), flooded + Difference(after, "drops.broadcast-limit"));
        Assert.Equal(2 * flooded, Difference(after, "txPackets"));
        Books.AssertBalanced(after);
        Assert.Equal(flooded, two.Take((int)flooded).Length);

        // Known unicast goes on as if there were no storm.
        for (int i = 0; i < 500; i++)
        {
            senders[i % senders.Length].Send([2], "10.42.0.2", Port);
        }

        Assert.Equal(500, two.Take(500).Count(datagram => datagram[0] == 2));
        foreach (UdpApplication sender in senders)
        {
            sender.Dispose();
        }

        long Difference(JsonElement status, string counter) =>
            OverlayDaemon.Counter(status, "vx42", "egress", counter) - OverlayDaemon.Counter(before, "vx42", "egress", counter);
    }

    private static OverlayDaemon Start(BridgedHosts hosts, string[] flood, string more) =>
        OverlayDaemon.Start(hosts[1], TunnelJson.Tap(mac: BridgedHosts.Mac(1), flood: flood, more: more));

    private static void Send(Netns netns, string to, string from = "0.0.0.0")
    {
        using UdpApplication application = new(netns, from, 0);
        for (int i = 0; i < Sent; i++)
        {
            application.Send([(byte)i], to, Port);
        }
    }

    private static void AssertBroken(OverlayDaemon daemon, string reason, int dropped, int tolerated)
    {
        JsonElement status = default;
        Wait.Until(
            () => Ingress(status = daemon.Query(), $"drops.{reason}") >= dropped && Ingress(status, $"tolerated.{reason}") >= tolerated,
            () => $"{reason} should stand {dropped} times in drops, {tolerated} in tolerated: {status}");
        status = Books.Settled(daemon);
        Assert.Equal((dropped, tolerated), (Ingress(status, $"drops.{reason}"), Ingress(status, $"tolerated.{reason}")));
        Books.AssertBalanced(status);
    }

    private static long Ingress(JsonElement status, string counter) => OverlayDaemon.Counter(status, "vx42", "ingress", counter);
}
