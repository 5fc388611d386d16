using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>How overlayd starts, runs and ends, as the kernel and the processes around it see that.</summary>
[Collection(FloodCollection.Name)]
public sealed class DaemonLifeTests
{
    // House rules: both are promises to whoever starts and stops it.
    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan EndWithin = TimeSpan.FromSeconds(2);

    private const string RoutedTunnel = """
        , { "name": "ip4", "kind": "ipip", "local": "192.0.2.1", "device": { "type": "tun", "name": "ip4", "addresses": [ "10.246.0.1/32" ] },
            "routes": [ { "prefix": "10.246.2.0/24", "remote": "192.0.2.2" } ] }
        """;

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public void A_signal_under_traffic_ends_it_in_time_and_leaves_nothing(string signal)
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, lab.Tunnel() + RoutedTunnel);
        Assert.InRange(daemon.StartTime, TimeSpan.Zero, ReadyWithin);
        Assert.True(File.Exists(daemon.Socket));
        Assert.Equal(["ip4", "lo", "u0", "vx42"], PeerLab.Devices(lab.Us));
        Assert.Contains("10.246.2.0/24 dev ip4", lab.Us.Ip("route").Output, StringComparison.Ordinal);

        using (Chatter chatter = new(lab.Us, "10.42.0.1", lab.Them, "10.42.0.2"))
        {
            Wait.Until(
                () => Transmitted(daemon.Query(), "egress") > 1_000 && Transmitted(daemon.Query(), "ingress") > 1_000,
                () => $"no traffic: {daemon.Query()}");
            long before = chatter.Sent;
            (int exitCode, TimeSpan time) = daemon.Stop(signal);
            Assert.True(exitCode == 0, $"exit {exitCode}: {daemon.Log}");
            Assert.InRange(time, TimeSpan.Zero, EndWithin);
            // Traffic was there to the end.
            Assert.True(chatter.Sent > before);
        }

        lab.AssertNothingLeft();
        Assert.False(File.Exists(daemon.Socket));
    }

    [Fact]
    public void It_can_be_started_again_at_once()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        for (int i = 0; i < 3; i++)
        {
            using OverlayDaemon daemon = lab.StartDaemon();
            Assert.Equal(0, Ping.Run(lab.Us, "10.42.0.2", 10, "-i", "0.01").Lost);
            Assert.Equal(0, daemon.Stop().ExitCode);
            lab.AssertNothingLeft();
        }
    }

    [Fact]
    public void What_was_read_from_the_device_was_sent_or_dropped_by_the_kernels_count_too()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        // Senders are not told, or the second would not leave. Without gro, which hands several packets to the device as one: the kernel would count that one.
        using OverlayDaemon daemon = lab.StartDaemon(", \"offload\": { \"gro\": false }, \"policy\": { \"packetTooBig\": \"silent\" }");
        using (new Chatter(lab.Us, "10.42.0.1", lab.Them, "10.42.0.2"))
        {
            Wait.Until(
                () => Transmitted(daemon.Query(), "egress") > 20_000 && Transmitted(daemon.Query(), "ingress") > 20_000,
                () => $"no traffic: {daemon.Query()}");
        }

        // Too large for the link, so that something is dropped, too.
        lab.Us.Ip("link", "set", "vx42", "mtu", "1600");
        Assert.Equal(3, Ping.Run(lab.Us, "10.42.0.2", 3, "-s", "1500", "-M", "do", "-i", "0.01", "-W", "1").Lost);
        JsonElement status = Books.Settled(daemon);
        Books.AssertBalanced(status);
        Assert.Equal(3, OverlayDaemon.Counter(status, "vx42", "egress", "drops.too-big"));
        // The device's own books: its "sent" is what was read from it, its "received" what was written to it.
        Assert.Equal(PeerLab.Statistic(lab.Us, "vx42", "tx", "packets"), OverlayDaemon.Counter(status, "vx42", "egress", "rxPackets"));
        Assert.Equal(PeerLab.Statistic(lab.Us, "vx42", "rx", "packets"), Transmitted(status, "ingress"));
    }

    [Fact]
    public void An_address_that_is_not_there_yet_may_come_later()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        lab.Us.Ip("address", "delete", "192.0.2.1/24", "dev", "u0");
        using OverlayDaemon daemon = lab.StartDaemon();
        lab.Us.Ip("address", "add", "192.0.2.1/24", "dev", "u0");
        Ping ping = Ping.Run(lab.Us, "10.42.0.2", 20, "-i", "0.01");
        Assert.True(ping.Lost == 0, ping.Output);
        Books.AssertBalanced(Books.Settled(daemon));
    }

    [Fact]
    public async Task A_second_one_on_the_same_port_is_refused_and_the_first_does_not_notice()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon first = lab.StartDaemon();
        var pinging = Task.Run(() => Ping.Run(lab.Us, "10.42.0.2", 200, "-i", "0.01", "-W", "5"), TestContext.Current.CancellationToken);
        Refusal port = Refusal.Run(lab, """
            { "name": "other", "kind": "vxlan", "vni": 43, "local": "192.0.2.1", "device": { "type": "tap", "name": "other" }, "flood": [ "192.0.2.2" ] }
            """);
        Assert.Equal(3, port.ExitCode);
        Assert.Contains("UDP 192.0.2.1:4789", port.Error, StringComparison.Ordinal);
        Assert.Contains("a kernel vxlan device or another process holds it", port.Error, StringComparison.Ordinal);

        Refusal device = Refusal.Run(lab, """
            { "name": "other", "kind": "vxlan", "vni": 42, "local": "192.0.2.1", "port": 8472, "device": { "type": "tap", "name": "vx42" } }
            """);
        Assert.Equal(3, device.ExitCode);
        Assert.Contains("another process holds the interface vx42", device.Error, StringComparison.Ordinal);

        Refusal socket = Refusal.Run(lab, """
            { "name": "other", "kind": "vxlan", "vni": 42, "local": "192.0.2.1", "port": 8472, "device": { "type": "tap", "name": "other" } }
            """, controlSocket: first.Socket);
        Assert.Equal(3, socket.ExitCode);
        Assert.Contains(first.Socket, socket.Error, StringComparison.Ordinal);

        Ping ping = await pinging;
        Assert.True(ping is { Sent: 200, Lost: 0 }, ping.Output);
        Assert.Equal(["lo", "u0", "vx42"], PeerLab.Devices(lab.Us));
        Assert.True(first.Status().GetProperty("ready").GetBoolean());
        Assert.Equal(0, first.Stop().ExitCode);
        lab.AssertNothingLeft();
    }

    private static long Transmitted(JsonElement status, string direction) => OverlayDaemon.Counter(status, "vx42", direction, "txPackets");
}
