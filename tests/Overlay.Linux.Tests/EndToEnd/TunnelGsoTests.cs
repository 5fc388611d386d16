using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>overlayd with the transport <c>tunnelGso</c>, against the kernel's vxlan device and against itself.</summary>
[Collection(FloodCollection.Name)]
public sealed class TunnelGsoTests
{
    private const long Bytes = 30_000_000;
    private const string Transport = ", \"transport\": \"tunnelGso\"";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tcp_to_the_kernels_vxlan_device_leaves_whole_and_comes_back(bool ipv6Underlay)
    {
        using PeerLab lab = new(ipv6Underlay);
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon(Transport);
        AssertSaid(daemon, "transport tunnelGso by the interface ovl-u0");
        long before = PeerLab.Statistic(lab.Us, "u0", "tx", "packets");
        AssertIntact(TcpTransfer.Run(lab.Us, lab.Them, "10.42.0.2", Bytes, seed: 1));
        AssertWhole(daemon, PeerLab.Statistic(lab.Us, "u0", "tx", "packets") - before);
        AssertIntact(TcpTransfer.Run(lab.Us, lab.Them, "fd42::2", Bytes, seed: 2));
        AssertIntact(TcpTransfer.Run(lab.Them, lab.Us, "10.42.0.1", Bytes, seed: 3));
        AssertIntact(TcpTransfer.Run(lab.Them, lab.Us, "fd42::1", Bytes, seed: 4));
        Ping small = Ping.Run(lab.Us, "10.42.0.2", 500, "-f", "-W", "10");
        Assert.True(small is { Sent: 500, Lost: 0 }, small.Output);
        Books.AssertBalanced(Books.Settled(daemon));
        lab.AssertNoFragments();
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void Two_daemons_understand_each_other_whichever_transport_the_other_has(bool ipv6Underlay, bool both)
    {
        using PeerLab lab = new(ipv6Underlay);
        string peer = $$"""
            { "name": "vx42", "kind": "vxlan", "vni": 42, "local": "{{lab.Remote}}",
              "device": { "type": "tap", "name": "vx42", "addresses": [ "10.42.0.2/24", "fd42::2/64" ], "mac": "{{PeerLab.PeerMac}}" },
              "flood": [ "{{lab.Local}}" ]{{(both ? Transport : "")}} }
            """;
        using OverlayDaemon theirs = OverlayDaemon.Start(lab.Them, peer);
        using OverlayDaemon ours = lab.StartDaemon(Transport);
        long before = PeerLab.Statistic(lab.Us, "u0", "tx", "packets");
        AssertIntact(TcpTransfer.Run(lab.Us, lab.Them, "10.42.0.2", Bytes, seed: 1));
        AssertWhole(ours, PeerLab.Statistic(lab.Us, "u0", "tx", "packets") - before);
        AssertIntact(TcpTransfer.Run(lab.Them, lab.Us, "10.42.0.1", Bytes, seed: 2));
        AssertIntact(TcpTransfer.Run(lab.Them, lab.Us, "fd42::1", Bytes, seed: 3));
        Books.AssertBalanced(Books.Settled(ours));
        Books.AssertBalanced(Books.Settled(theirs));
        lab.AssertNoFragments();
    }

    [Fact]
    public void Without_the_rights_for_it_the_sockets_send_and_the_reason_is_told()
    {
        Requires.Tool("setpriv");
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, lab.Tunnel(Transport), launch: WithoutBpf);
        AssertFallback(lab, daemon, "CAP_BPF");
    }

    [Fact]
    public void Switched_off_the_sockets_send_and_the_reason_is_told()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon(Transport + ", \"offload\": { \"tunnelGso\": false }");
        AssertFallback(lab, daemon, "configured off");
    }

    [Fact]
    public void What_exceeds_the_link_is_counted_and_nothing_is_left_behind()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        string tunnel = lab.Tunnel(Transport + ", \"policy\": { \"packetTooBig\": \"silent\" }").Replace("\"mac\"", "\"mtu\": 1500, \"mac\"", StringComparison.Ordinal);
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, tunnel);
        Assert.Equal(["lo", "ovl-u0", "u0", "vx42"], PeerLab.Devices(lab.Us));
        Assert.Equal(0, Ping.Run(lab.Us, "10.42.0.2", 3, "-i", "0.01", "-s", "1422").Lost);
        Assert.Equal(3, Ping.Run(lab.Us, "10.42.0.2", 3, "-i", "0.01", "-W", "0.2", "-M", "do", "-s", "1472").Lost);
        JsonElement status = Books.Settled(daemon);
        Assert.Equal(3, OverlayDaemon.Counter(status, "vx42", "egress", "drops.too-big"));
        Books.AssertBalanced(status);
        Assert.Equal(0, daemon.Stop().ExitCode);
        Assert.Equal(["lo", "u0"], PeerLab.Devices(lab.Us));
        lab.AssertNothingLeft();
    }

    [Fact]
    public void Check_warns_of_what_outer_packets_pass_by()
    {
        using PeerLab lab = new();
        CommandResult result = OverlayDaemon.RunToEnd(lab.Us, $$"""{ "tunnels": [ {{lab.Tunnel(Transport)}} ] }""", "check");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("vx42: warning: with transport tunnelGso outer packets pass by", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(
            "warning", OverlayDaemon.RunToEnd(lab.Us, $$"""{ "tunnels": [ {{lab.Tunnel()}} ] }""", "check").Output, StringComparison.Ordinal);
    }

    // The kernel counts what it hands to the veth: far fewer packets than the wire would have carried.
    private static void AssertWhole(OverlayDaemon daemon, long handedOver)
    {
        JsonElement status = daemon.Query();
        JsonElement endpoint = Endpoint(status);
        long packets = OverlayDaemon.Counter(status, "vx42", "egress", "txPackets");
        Assert.Equal("tunnelGso", endpoint.GetProperty("transport").GetString());
        Assert.Equal("""{"asked":true,"active":true,"fallbacks":0}""", JsonSerializer.Serialize(Use(status)));
        Assert.InRange(endpoint.GetProperty("tunnelGsoSuperpackets").GetInt64(), 1, packets / 5);
        Assert.InRange(packets, Bytes / 1500, Bytes / 1000);
        Assert.InRange(handedOver, 1, packets / 5);
    }

    private static void AssertFallback(PeerLab lab, OverlayDaemon daemon, string reason)
    {
        AssertSaid(daemon, $"UDP {lab.Local}:4789: transport tunnelGso is not available, udp is used: ");
        AssertSaid(daemon, reason);
        JsonElement status = daemon.Query();
        Assert.Equal(("udp", false), (Endpoint(status).GetProperty("transport").GetString(), Use(status).GetProperty("active").GetBoolean()));
        Assert.Contains(reason, Use(status).GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("ovl-u0", PeerLab.Devices(lab.Us));
        TcpTransferResult result = TcpTransfer.Run(lab.Us, lab.Them, "10.42.0.2", 1_000_000);
        Assert.True(result.IsIntact, result.ToString());
    }

    private static JsonElement Use(JsonElement status) => status.GetProperty("tunnels")[0].GetProperty("offload").GetProperty("tunnelGso");

    // Devices and sockets it may make still; BPF programs not.
    private static DaemonLaunch WithoutBpf => new() { Launcher = ["setpriv", "--bounding-set", "-bpf,-sys_admin"] };

    // What it says comes by another pipe than "ready".
    private static void AssertSaid(OverlayDaemon daemon, string words) =>
        Wait.Until(() => daemon.Log.Contains(words, StringComparison.Ordinal), () => $"'{words}' in the log: {daemon.Log}");

    private static JsonElement Endpoint(JsonElement status) => status.GetProperty("tunnels")[0].GetProperty("endpoint");

    private static void AssertIntact(TcpTransferResult result)
    {
        Assert.Equal(Bytes, result.ReceivedBytes);
        Assert.Equal(result.SentHash, result.ReceivedHash);
    }
}
