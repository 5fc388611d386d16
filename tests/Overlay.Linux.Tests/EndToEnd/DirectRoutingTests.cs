using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Routes around the tunnel (<c>directRouting</c>): that they follow the underlay, come and go at run time, and that nothing is left of them, as <c>ip route</c> shows them.</summary>
public sealed class DirectRoutingTests
{
    private const string Name = "ip4";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_route_goes_around_the_tunnel_as_long_as_its_remote_is_a_neighbor(bool ipv6)
    {
        using PeerLab lab = new(ipv6);
        string near = ipv6 ? "fd46:2::/64" : "10.246.2.0/24";
        (string host, string router) = ipv6 ? ($"{lab.Remote}/128", "2001:db8::7") : ($"{lab.Remote}/32", "192.0.2.7");
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, Tunnel(lab, directRouting: true, (near, lab.Remote)));
        string direct = $"{near} via {lab.Remote} dev u0 proto 79";
        string tunneled = $"{near} dev {Name}";
        Await(direct);

        // A router stands between for a while.
        lab.Us.Ip("route", "add", host, "via", router);
        Await(tunneled);
        Assert.False(daemon.Query().GetProperty("tunnels")[0].TryGetProperty("directRoutes", out _));
        lab.Us.Ip("route", "del", host, "via", router);
        Await(direct);
        Assert.Contains($"{near} goes around the tunnel now, via {lab.Remote} dev u0", daemon.Log, StringComparison.Ordinal);

        // Somebody removes it by hand.
        lab.Us.Ip("route", "del", near, "proto", "79");
        Await(direct);

        // The link goes down, and with it, without a word, the kernel's routes by it.
        lab.Us.Ip("link", "set", "u0", "down");
        Await(tunneled);
        lab.Us.Ip("link", "set", "u0", "up");
        if (ipv6)
        {
            lab.Us.Ip("address", "replace", "2001:db8::1/64", "dev", "u0", "nodad");
        }

        Await(direct);
        Assert.Equal(0, daemon.Stop().ExitCode);
        Assert.Empty(Routes(lab.Us, near));
        Assert.DoesNotContain("overlay", lab.Us.Run(() => File.ReadAllText("/proc/thread-self/net/unix")), StringComparison.Ordinal);

        void Await(string route) => Wait.Until(
            () => Routes(lab.Us, near) is [string only] && only.StartsWith(route, StringComparison.Ordinal),
            () => $"'{route}' expected, found:\n{string.Join('\n', Routes(lab.Us, near))}\n{daemon.Log}");
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void What_a_killed_daemon_left_the_next_one_removes_whatever_its_configuration_says(bool ipv6, bool directRouting)
    {
        using PeerLab lab = new(ipv6);
        (string near, string other) = ipv6 ? ("fd46:2::/64", "fd46:9::/64") : ("10.246.2.0/24", "10.246.9.0/24");
        using (OverlayDaemon killed = OverlayDaemon.Start(lab.Us, Tunnel(lab, directRouting: true, (near, lab.Remote))))
        {
            _ = killed.Stop("KILL");
        }

        Assert.StartsWith($"{near} via {lab.Remote} dev u0 proto 79", Assert.Single(Routes(lab.Us, near)), StringComparison.Ordinal);
        lab.Us.Ip("route", "add", ipv6 ? "fd46:8::/64" : "10.246.8.0/24", "via", lab.Remote);
        using OverlayDaemon next = OverlayDaemon.Start(lab.Us, Tunnel(lab, directRouting, (other, lab.Remote)));
        Assert.Empty(Routes(lab.Us, near));
        Assert.Contains($"removed the direct route {near} via {lab.Remote} that an overlayd left behind", next.Log, StringComparison.Ordinal);
        Assert.StartsWith(directRouting ? $"{other} via {lab.Remote} dev u0 proto 79" : $"{other} dev {Name}", Assert.Single(Routes(lab.Us, other)), StringComparison.Ordinal);

        // An administrator's is his.
        Assert.Single(Routes(lab.Us, ipv6 ? "fd46:8::/64" : "10.246.8.0/24"));
    }

    [Fact]
    public void A_second_daemon_leaves_the_routes_of_the_first_alone()
    {
        using PeerLab lab = new();
        using OverlayDaemon first = OverlayDaemon.Start(lab.Us, Tunnel(lab, directRouting: true, ("10.246.2.0/24", lab.Remote)));
        string made = Assert.Single(Routes(lab.Us, "10.246.2.0/24"));
        using OverlayDaemon second = OverlayDaemon.Start(lab.Us, $$"""
            { "name": "gre4", "kind": "gre", "local": "{{lab.Local}}", "directRouting": true, "device": { "type": "tun" },
              "routes": [ { "prefix": "10.246.3.0/24", "remote": "{{lab.Remote}}" } ] }
            """);
        Assert.Single(Routes(lab.Us, "10.246.3.0/24"));
        Assert.Equal(made, Assert.Single(Routes(lab.Us, "10.246.2.0/24")));
        Assert.DoesNotContain("left behind", second.Log, StringComparison.Ordinal);
        Assert.Equal(0, second.Stop().ExitCode);
        Assert.Empty(Routes(lab.Us, "10.246.3.0/24"));
        Assert.Equal(made, Assert.Single(Routes(lab.Us, "10.246.2.0/24")));
    }

    [Fact]
    public void A_route_that_is_added_is_direct_too_unless_it_has_several_remotes_and_somebody_elses_stays()
    {
        using PeerLab lab = new();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, Tunnel(lab, directRouting: true));
        string[] route = ["--tunnel", Name, "--prefix", "10.246.2.0/24"];
        daemon.Ask(["route", "add", .. route, "--remote", lab.Remote]);
        Assert.StartsWith($"10.246.2.0/24 via {lab.Remote} dev u0 proto 79", Assert.Single(Routes(lab.Us, "10.246.2.0/24")), StringComparison.Ordinal);
        Assert.Equal(
            [$"10.246.2.0/24 via {lab.Remote} dev u0"],
            daemon.Query().GetProperty("tunnels")[0].GetProperty("directRoutes").EnumerateArray().Select(direct => direct.GetString()));

        // Flows to several remotes are spread by the tunnel.
        daemon.Ask(["route", "add", .. route, "--remote", lab.Remote, "--remote", "192.0.2.9,weight=2"]);
        Assert.StartsWith($"10.246.2.0/24 dev {Name}", Assert.Single(Routes(lab.Us, "10.246.2.0/24")), StringComparison.Ordinal);
        daemon.Ask(["route", "add", .. route, "--remote", "192.0.2.9"]);
        Assert.StartsWith("10.246.2.0/24 via 192.0.2.9 dev u0 proto 79", Assert.Single(Routes(lab.Us, "10.246.2.0/24")), StringComparison.Ordinal);
        daemon.Ask(["route", "del", .. route]);
        Assert.Empty(Routes(lab.Us, "10.246.2.0/24"));

        lab.Us.Ip("route", "add", "10.246.2.0/24", "via", lab.Remote);
        CommandResult refused = daemon.TryAsk(["route", "add", .. route, "--remote", lab.Remote]);
        Assert.True(refused.ExitCode == 1 && refused.Error.Contains("so nothing was changed: ", StringComparison.Ordinal), refused.Error);
        Assert.Equal("[]\n", daemon.Ask("show", "routes", "--json"));
        Assert.Equal(0, daemon.Stop().ExitCode);
        Assert.DoesNotContain("proto 79", Assert.Single(Routes(lab.Us, "10.246.2.0/24")), StringComparison.Ordinal);
    }

    private static string Tunnel(PeerLab lab, bool directRouting, params (string Prefix, string Remote)[] routes) => $$"""
        { "name": "{{Name}}", "kind": "ipip", "local": "{{lab.Local}}", "directRouting": {{(directRouting ? "true" : "false")}}, "device": { "type": "tun", "name": "{{Name}}" },
          "routes": [ {{string.Join(", ", routes.Select(route => $$"""{ "prefix": "{{route.Prefix}}", "remote": "{{route.Remote}}" }"""))}} ] }
        """;

    private static string[] Routes(Netns netns, string prefix) =>
        netns.Ip(prefix.Contains(':', StringComparison.Ordinal) ? "-6" : "-4", "route", "show", "exact", prefix).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
