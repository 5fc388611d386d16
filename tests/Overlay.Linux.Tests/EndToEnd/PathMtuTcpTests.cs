using System.Diagnostics;
using System.Text.Json;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>The path shrinks and grows under a TCP connection: it never stalls for longer than two seconds, and no outer packet is fragmented.</summary>
public sealed class PathMtuTcpTests
{
    private const long Stretch = 3_000_000;

    private static readonly TimeSpan Stall = TimeSpan.FromSeconds(2);

    [Theory]
    [InlineData("vxlan", false)]
    [InlineData("vxlan", true)]
    [InlineData("ipip", false)]
    [InlineData("ipip", true)]
    [RfcItem(78, "RFC 4459 §3.2", "A tunnel that gets Packet Too Big adjusts, and tells the inner sender at once or at its next packet.")]
    public void A_path_that_shrinks_and_grows_in_mid_transfer_keeps_TCP_alive(string kind, bool outer6)
    {
        using RoutedLab lab = new();
        using OverlayDaemon near = OverlayDaemon.Start(lab.Near, Tunnel(kind, outer6, far: false));
        using OverlayDaemon far = OverlayDaemon.Start(lab.Far, Tunnel(kind, outer6, far: true));
        using TcpFlow flow = new(lab.Near, lab.Far, "10.7.0.2");
        flow.WaitForMore(Stretch);
        long fragments = Fragments(lab);
        foreach (int mtu in (int[])[1_400, 1_300, 1_500, 1_350, 1_500])
        {
            lab.SetFarMtu(mtu);
            long begin = Stopwatch.GetTimestamp();
            flow.WaitForMore(Stretch);
            TimeSpan time = Stopwatch.GetElapsedTime(begin);
            Assert.True(time < Stall, $"{time.TotalMilliseconds:0} ms for {Stretch} bytes after the path became {mtu}. {near.Log}");
        }

        flow.Finish();
        flow.Complete();
        Assert.Equal(fragments, Fragments(lab));
        JsonElement status = Books.Settled(near);
        Books.AssertBalanced(status);
        JsonElement path = status.GetProperty("tunnels")[0].GetProperty("pathMtus")[0];
        // Never raised by ICMP, and ten minutes are not over: what holds is the smallest that there was.
        Assert.Equal((1_300, "icmp"), (path.GetProperty("mtu").GetInt32(), path.GetProperty("source").GetString()));
        Assert.True(OverlayDaemon.Counter(status, "t", "egress", "originated") > 0);
    }

    [Fact]
    public void What_ICMP_said_is_forgotten_after_its_time_and_the_sender_finds_the_larger_path()
    {
        using RoutedLab lab = new(1_400);
        using OverlayDaemon near = OverlayDaemon.Start(lab.Near, Tunnel("vxlan", false, far: false, """ "pathMtu": { "ageSeconds": 2 }, """));
        Wait.Until(
            () =>
            {
                _ = Ping.Run(lab.Near, "10.7.0.2", 2, "-M", "do", "-s", "1372", "-i", "0.02", "-W", "0.05");
                return Path(near) is (1_400, "icmp");
            },
            () => $"the path is {Path(near)}");
        Wait.Until(() => Path(near) is (1_500, "route"), () => $"the path is {Path(near)}");
    }

    [Fact]
    public void A_device_with_an_automatic_MTU_follows_the_link_and_the_route()
    {
        using RoutedLab lab = new();
        using OverlayDaemon near = OverlayDaemon.Start(lab.Near, Tunnel("vxlan", false, far: false, mtu: "\"auto\""));
        int DeviceMtu() => near.Query().GetProperty("tunnels")[0].GetProperty("device").GetProperty("mtu").GetInt32();
        void Expect(int path, int device) => Wait.Until(() => (Path(near).Mtu, DeviceMtu()) == (path, device), () => $"the path is {Path(near)}, the device {DeviceMtu()}");
        Expect(1_500, 1_450);
        lab.Near.Ip("link", "set", RoutedLab.Device, "mtu", "1300");
        Expect(1_300, 1_250);
        lab.Near.Ip("link", "set", RoutedLab.Device, "mtu", "1500");
        Expect(1_500, 1_450);
        lab.Near.Ip("route", "replace", "198.51.100.2", "via", "192.0.2.254", "mtu", "1420");
        Expect(1_420, 1_370);
        lab.Near.Ip("route", "del", "198.51.100.2");
        Expect(1_500, 1_450);
    }

    [Fact]
    public void The_segment_size_is_clamped_to_the_path_for_both_ends()
    {
        using RoutedLab lab = new();
        // Nobody is told anything: the SYN does it all.
        const string Policy = """ "pathMtu": { "mtu": 1400 }, "policy": { "mssClamp": "path", "packetTooBig": "silent", "df": "set" }, """;
        using OverlayDaemon near = OverlayDaemon.Start(lab.Near, Tunnel("vxlan", false, far: false, Policy, policy: ""));
        using OverlayDaemon far = OverlayDaemon.Start(lab.Far, Tunnel("vxlan", false, far: true));
        lab.SetFarMtu(1_400);
        foreach ((Netns from, Netns to, string address) in new[] { (lab.Near, lab.Far, "10.7.0.2"), (lab.Far, lab.Near, "10.7.0.1") })
        {
            using TcpFlow flow = new(from, to, address);
            flow.WaitForMore(Stretch);
            flow.Finish();
            flow.Complete();
        }

        JsonElement status = Books.Settled(near);
        Books.AssertBalanced(status);
        Assert.Equal((0L, 0L), (OverlayDaemon.Drops(status, "t", "egress"), OverlayDaemon.Counter(status, "t", "egress", "originated") - OverlayDaemon.Counter(status, "t", "egress", "consumed")));
    }

    private static (int Mtu, string Source) Path(OverlayDaemon daemon)
    {
        JsonElement path = daemon.Query().GetProperty("tunnels")[0].GetProperty("pathMtus")[0];
        return (path.GetProperty("mtu").GetInt32(), path.GetProperty("source").GetString()!);
    }

    private static long Fragments(RoutedLab lab) => Books.Kernel(lab.Near, "Ip.FragCreates") + Books.Kernel(lab.Near, "Ip6FragCreates") +
        Books.Kernel(lab.Router, "Ip.FragCreates") + Books.Kernel(lab.Far, "Ip.ReasmReqds") + Books.Kernel(lab.Far, "Ip6ReasmReqds");

    private static string Tunnel(string kind, bool outer6, bool far, string more = "", string mtu = "1430", string policy = """ "policy": { "df": "set" }, """)
    {
        string remote = RoutedLab.Outer(!far, outer6);
        (int own, int other) = far ? (2, 1) : (1, 2);
        string table = kind == "vxlan"
            ? $$""" "vni": 42, "fdb": [ { "mac": "02:00:00:00:00:0{{other}}", "remote": "{{remote}}" } ], "neighbors": [ { "ip": "10.7.0.{{other}}", "mac": "02:00:00:00:00:0{{other}}" } ], """
            : $$""" "routes": [ { "prefix": "10.7.0.{{other}}/32", "remote": "{{remote}}" } ], """;
        string device = kind == "vxlan" ? $$""" "type": "tap", "mac": "02:00:00:00:00:0{{own}}" """ : """ "type": "tun" """;
        return $$"""
            { "name": "t", "kind": "{{kind}}", "local": "{{RoutedLab.Outer(far, outer6)}}", {{table}} {{policy}} {{more}}
              "device": { {{device}}, "mtu": {{mtu}}, "addresses": [ "10.7.0.{{own}}/24" ] } }
            """;
    }
}
