using System.Diagnostics;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// A router in the middle whose far link becomes smaller and that tells nobody: its own ICMP messages are thrown away, and outer packets have DF. DPLPMTUD
/// (RFC 8899) finds out; the kernel's tunnel in the same place does not.
/// </summary>
public sealed class BlackHoleTests
{
    private const long Stretch = 1_000_000;
    private const int FarMtu = 1_311;

    private static readonly TimeSpan Working = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Exact = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("vxlan", false)]
    [InlineData("vxlan", true)]
    [InlineData("ipip", false)]
    [InlineData("ipip", true)]
    [InlineData("geneve", false)]
    [InlineData("gre", true)]
    [InlineData("gue", false)]
    [InlineData("fou", false)]
    public void Black_hole_is_left_within_five_seconds_and_the_exact_size_found_within_thirty(string kind, bool outer6)
    {
        using RoutedLab lab = new();
        using OverlayDaemon near = OverlayDaemon.Start(lab.Near, Tunnel(kind, outer6, far: false, """ "pathMtu": { "probe": "on" }, """));
        using OverlayDaemon far = OverlayDaemon.Start(lab.Far, Tunnel(kind, outer6, far: true));
        using TcpFlow flow = new(lab.Near, lab.Far, "10.7.0.2");
        flow.WaitForMore(Stretch);
        Wait.Until(() => Path(near) is (1_500, "search-complete"), () => $"the path is {Path(near)}");
        Silence(lab);
        lab.SetFarMtu(FarMtu);
        long begin = Stopwatch.GetTimestamp();
        (int Mtu, string State) path = Path(near);
        while (path.Mtu > FarMtu)
        {
            Assert.True(Stopwatch.GetElapsedTime(begin) < Working, $"{path} {Probing(near)} after {Stopwatch.GetElapsedTime(begin)}. {near.Log}");
            Thread.Sleep(20);
            path = Path(near);
        }

        while (path is not (FarMtu, "search-complete"))
        {
            Assert.True(Stopwatch.GetElapsedTime(begin) < Exact, $"{path} after {Stopwatch.GetElapsedTime(begin)}. {near.Log}");
            Thread.Sleep(20);
            path = Path(near);
        }

        flow.WaitForMore(Stretch);
        flow.Finish();
        flow.Complete();
        JsonElement status = Books.Settled(near);
        Books.AssertBalanced(status);
        Books.AssertBalanced(Books.Settled(far));
        // The router was not heard: what is known is known by probing.
        JsonElement row = status.GetProperty("tunnels")[0].GetProperty("pathMtus")[0];
        Assert.Equal("probe", row.GetProperty("source").GetString());
        Assert.True(row.GetProperty("probing").GetProperty("answers").GetBoolean());
    }

    [Fact]
    public void A_kernel_vxlan_tunnel_in_the_same_place_stalls_and_goes_on_only_when_the_path_does()
    {
        using RoutedLab lab = new();
        using OverlayDaemon near = OverlayDaemon.Start(lab.Near, Tunnel("vxlan", false, far: false, """ "pathMtu": { "probe": "on" }, """));
        using OverlayDaemon far = OverlayDaemon.Start(lab.Far, Tunnel("vxlan", false, far: true));
        KernelVxlan(lab.Near, "192.0.2.1", "198.51.100.2", "10.8.0.1/24", 4790);
        KernelVxlan(lab.Far, "198.51.100.2", "192.0.2.1", "10.8.0.2/24", 4790);
        using TcpFlow ours = new(lab.Near, lab.Far, "10.7.0.2");
        using TcpFlow kernels = new(lab.Near, lab.Far, "10.8.0.2", seed: 2);
        ours.WaitForMore(Stretch);
        kernels.WaitForMore(Stretch);
        Wait.Until(() => Path(near) is (1_500, "search-complete"), () => $"the path is {Path(near)}");
        Silence(lab);
        lab.SetFarMtu(FarMtu);
        Thread.Sleep(500);
        long before = kernels.Received;
        long begin = Stopwatch.GetTimestamp();
        ours.WaitForMore(Stretch);
        TimeSpan time = Stopwatch.GetElapsedTime(begin);
        Assert.True(time < TimeSpan.FromSeconds(12), $"{time} for {Stretch} bytes through the black hole");
        ours.Finish();
        ours.Complete();
        Assert.Equal(before, kernels.Received);
        lab.SetFarMtu(1_500);
        kernels.WaitForMore(Stretch);
        kernels.Finish();
        kernels.Complete();
    }

    [Fact]
    public void A_path_that_grows_again_is_found_when_the_raise_timer_expires()
    {
        using RoutedLab lab = new(FarMtu);
        Silence(lab);
        using OverlayDaemon near = OverlayDaemon.Start(lab.Near, Tunnel("vxlan", false, far: false, """ "pathMtu": { "probe": "on", "raiseSeconds": 2 }, """));
        using OverlayDaemon far = OverlayDaemon.Start(lab.Far, Tunnel("vxlan", false, far: true));
        using TcpFlow flow = new(lab.Near, lab.Far, "10.7.0.2");
        WaitLong(() => Path(near) is (FarMtu, "search-complete"), near);
        flow.WaitForMore(Stretch);
        lab.SetFarMtu(1_500);
        WaitLong(() => Path(near) is (1_500, "search-complete"), near);
        flow.WaitForMore(Stretch);
        flow.Finish();
        flow.Complete();
    }

    [Fact]
    public void A_kernel_vxlan_device_takes_no_notice_of_probes_and_keeps_the_MTU_of_the_route()
    {
        using RoutedLab lab = new();
        KernelVxlan(lab.Far, "198.51.100.2", "192.0.2.1", "10.7.0.2/24", 4789, mac: "02:00:00:00:00:02");
        using OverlayDaemon near = OverlayDaemon.Start(lab.Near, Tunnel("vxlan", false, far: false, """ "pathMtu": { "probe": "on" }, """));
        string[] before = Facts(lab.Far);
        using TcpFlow flow = new(lab.Near, lab.Far, "10.7.0.2");
        Wait.Until(
            () =>
            {
                flow.WaitForMore(Stretch);
                return Probing(near) is { } probing && probing.GetProperty("cause").GetString() == "no-answer";
            },
            () => $"probing: {Probing(near)}");
        Assert.False(Probing(near)!.Value.GetProperty("answers").GetBoolean());
        Assert.Equal(1_500, Path(near).Mtu);
        flow.Finish();
        flow.Complete();
        Assert.Equal(before, Facts(lab.Far));
        Assert.Equal(0, Books.Kernel(lab.Far, "Icmp.OutDestUnreachs"));
        Books.AssertBalanced(Books.Settled(near));
    }

    // What the kernel counts as wrong at its device, and which stations it knows.
    private static string[] Facts(Netns netns)
    {
        using JsonDocument link = JsonDocument.Parse(netns.Exec("ip", "-j", "-s", "link", "show", "vx0").Output);
        JsonElement rx = link.RootElement[0].GetProperty("stats64").GetProperty("rx");
        string stations = netns.Exec("bridge", "fdb", "show", "dev", "vx0").Output;
        return [rx.GetProperty("errors").ToString(), rx.GetProperty("dropped").ToString(), .. stations.Split('\n').Select(line => line.Trim()).Where(line => !line.Contains("02:00:00:00:00:01", StringComparison.Ordinal)).Order()];
    }

    private static void WaitLong(Func<bool> isSo, OverlayDaemon daemon)
    {
        long begin = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            Assert.True(Stopwatch.GetElapsedTime(begin) < Exact, $"the path is {Path(daemon)}. {daemon.Log}");
            Thread.Sleep(20);
        }
    }

    // "iif lo" is what a rule of the kernel knows its own packets by: the router forwards, and says nothing.
    private static void Silence(RoutedLab lab)
    {
        lab.Router.Ip("rule", "add", "iif", "lo", "to", "192.0.2.0/24", "blackhole");
        lab.Router.Ip("-6", "rule", "add", "iif", "lo", "to", "2001:db8:1::1", "blackhole");
    }

    private static void KernelVxlan(Netns netns, string local, string remote, string address, int port, string? mac = null)
    {
        netns.Ip("link", "add", "vx0", "type", "vxlan", "id", "42", "local", local, "remote", remote, "dstport", $"{port}", "df", "set");
        if (mac is not null)
        {
            netns.Ip("link", "set", "vx0", "address", mac);
        }

        netns.Ip("link", "set", "vx0", "mtu", "1430");
        netns.Configure("vx0", address);
    }

    private static JsonElement? Probing(OverlayDaemon daemon)
    {
        JsonElement tunnel = daemon.Query().GetProperty("tunnels")[0];
        return tunnel.TryGetProperty("pathMtus", out JsonElement paths) && paths[0].TryGetProperty("probing", out JsonElement probing) ? probing : null;
    }

    private static (int Mtu, string State) Path(OverlayDaemon daemon)
    {
        JsonElement path = daemon.Query().GetProperty("tunnels")[0].GetProperty("pathMtus")[0];
        return (path.GetProperty("mtu").GetInt32(), path.TryGetProperty("probing", out JsonElement probing) ? probing.GetProperty("state").GetString()! : "off");
    }

    private static string Tunnel(string kind, bool outer6, bool far, string more = "")
    {
        string remote = RoutedLab.Outer(!far, outer6);
        (int own, int other) = far ? (2, 1) : (1, 2);
        bool isTap = kind == "vxlan";
        string table = isTap
            ? $$""" "fdb": [ { "mac": "02:00:00:00:00:0{{other}}", "remote": "{{remote}}" } ], "neighbors": [ { "ip": "10.7.0.{{other}}", "mac": "02:00:00:00:00:0{{other}}" } ], """
            : $$""" "routes": [ { "prefix": "10.7.0.{{other}}/32", "remote": "{{remote}}" } ], """;
        string device = isTap ? $$""" "type": "tap", "mac": "02:00:00:00:00:0{{own}}" """ : """ "type": "tun" """;
        string vni = kind is "vxlan" or "geneve" ? """ "vni": 42, """ : kind == "fou" ? """ "port": 5555, """ : "";
        return $$"""
            { "name": "t", "kind": "{{kind}}", "local": "{{RoutedLab.Outer(far, outer6)}}", {{vni}} {{table}} "policy": { "df": "set" }, {{more}}
              "device": { {{device}}, "mtu": 1420, "addresses": [ "10.7.0.{{own}}/24" ] } }
            """;
    }
}
