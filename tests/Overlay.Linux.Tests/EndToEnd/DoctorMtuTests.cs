using System.Globalization;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary><c>overlayd doctor mtu</c> as it is run: ways that are right, and ways with one mistake each, which is to be named.</summary>
public sealed class DoctorMtuTests
{
    [Theory]
    [InlineData(false, DoctorLab.Target4)]
    [InlineData(false, DoctorLab.Target6)]
    [InlineData(true, DoctorLab.Target4)]
    public void A_way_that_is_right_is_clean_and_every_MTU_is_shown(bool ipv6Underlay, string target)
    {
        using DoctorLab lab = new(ipv6Underlay);
        (int exitCode, JsonElement report) = lab.Examine("--to", target);
        Assert.True(exitCode == 0, report.ToString());
        Assert.Equal("clean", report.GetProperty("verdict").GetString());
        Assert.Empty(report.GetProperty("findings").EnumerateArray());
        Assert.Empty(report.GetProperty("undecided").EnumerateArray());
        int mtu = lab.Mtu;
        Assert.Equal(
            [
                $"0 {lab.Pod1.Name} veth eth0 {mtu} of {mtu}",
                $"0 here veth p1 {mtu} of {mtu}",
                $"0 here bridge br0 {mtu} of {mtu}",
                $"0 here vxlan vx0 {mtu} of {mtu}",
                $"1 here veth u0 1500 of 1500",
                $"1 here path to {lab.Remote2} 1500 of 1500",
                $"0 {lab.Pod1.Name} path to {target} {mtu} of {mtu}",
            ],
            Hops(report));
        JsonElement tunnel = report.GetProperty("details").GetProperty("hops")[3];
        Assert.Equal(
            (ipv6Underlay ? 70 : 50, 50, 70),
            (tunnel.GetProperty("overhead").GetInt32(), tunnel.GetProperty("overhead4").GetInt32(), tunnel.GetProperty("overhead6").GetInt32()));
    }

    [Theory]
    [InlineData("eth0", false, 1500, "p1", "mtu 1450", "at least 1500")]
    [InlineData("p1", true, 1400, "p1", "mtu 1400", "at least 1450")]
    [InlineData("br0", true, 1400, "br0", "mtu 1400", "at least 1450")]
    [InlineData("vx0", true, 1400, "vx0", "mtu 1400", "at least 1450")]
    [InlineData("vx0", true, 1500, "vx0", "mtu 1500", "at most 1450")]
    [InlineData("u0", true, 1400, "u0", "mtu 1400", "at least 1500")]
    public void A_wrong_device_is_named(string device, bool onNode, int mtu, string where, string said, string expected)
    {
        using DoctorLab lab = new();
        DoctorLab.SetMtu(onNode ? lab.Node1 : lab.Pod1, device, mtu);
        JsonElement finding = OnlyFinding(lab.Examine());
        Assert.Equal(("mtu-hop", where, said), (Text(finding, "id"), Text(finding, "where"), Text(finding, "said")));
        Assert.StartsWith(expected, Text(finding, "expected"), StringComparison.Ordinal);
        Assert.Contains("mtu 1", Text(finding, "change"), StringComparison.Ordinal);
    }

    /// <summary>What the finding says to do makes the way right.</summary>
    [Fact]
    public void The_change_that_is_named_heals()
    {
        using DoctorLab lab = new(ipv6Underlay: true);
        DoctorLab.SetMtu(lab.Node1, "vx0", 1450);
        string change = Text(OnlyFinding(lab.Examine()), "change");
        Assert.Equal("ip link set vx0 mtu 1430", change);
        lab.Node1.Exec("ip", change.Split(' ')[1..]);
        Assert.Equal(0, lab.Examine().ExitCode);
    }

    [Fact]
    public void The_overhead_of_IPv4_over_IPv6_is_named()
    {
        using DoctorLab lab = new(ipv6Underlay: true);
        foreach ((Netns netns, string device) in new[] { (lab.Pod1, "eth0"), (lab.Node1, "p1"), (lab.Node1, "vx0"), (lab.Node1, "br0") })
        {
            DoctorLab.SetMtu(netns, device, 1450);
        }

        JsonElement finding = OnlyFinding(lab.Examine());
        Assert.Equal(
            ("overhead-family", "vx0", "mtu 1450, room for the headers of IPv4 (50 bytes) below 1500", $"at most 1430: the remote {lab.Remote2} is reached over IPv6, which takes 70"),
            (Text(finding, "id"), Text(finding, "where"), Text(finding, "said"), Text(finding, "expected")));
    }

    [Fact]
    public void A_route_with_a_smaller_MTU_is_named()
    {
        using DoctorLab lab = new();
        lab.Node1.Ip("route", "replace", "default", "via", lab.Gateway, "mtu", "1400");
        JsonElement finding = OnlyFinding(lab.Examine());
        Assert.Equal(
            ("mtu-hop", $"route to {lab.Remote2}", "mtu 1400 on the route, 1500 on its device u0"), (Text(finding, "id"), Text(finding, "where"), Text(finding, "said")));
        Assert.StartsWith("at least 1500", Text(finding, "expected"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_path_with_a_smaller_link_is_named_with_the_router_that_says_so(bool ipv6Underlay)
    {
        using DoctorLab lab = new(ipv6Underlay);
        lab.ShrinkFarLink(1400);
        JsonElement finding = OnlyFinding(lab.Examine());
        Assert.Equal(
            ("mtu-hop", $"path to {lab.Remote2}, behind {lab.Gateway}", $"mtu 1400, as {lab.Gateway} says"), (Text(finding, "id"), Text(finding, "where"), Text(finding, "said")));
        Assert.StartsWith($"ip link set vx0 mtu {lab.Mtu - 100}", Text(finding, "change"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, 1400)]
    [InlineData(false, 1499)]
    [InlineData(true, 1400)]
    public void A_path_that_swallows_what_is_too_big_is_named_with_its_MTU(bool ipv6Underlay, int mtu)
    {
        using DoctorLab lab = new(ipv6Underlay);
        lab.ShrinkFarLink(mtu);
        lab.FilterIcmp();
        JsonElement finding = OnlyFinding(lab.Examine());
        Assert.Equal(("ptb-filtered", $"path to {lab.Remote2}"), (Text(finding, "id"), Text(finding, "where")));
        Assert.StartsWith($"packets of {mtu} bytes arrive, longer ones vanish", Text(finding, "said"), StringComparison.Ordinal);
        Assert.EndsWith($"mtu {mtu - (ipv6Underlay ? 70 : 50)}", Text(finding, "change"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrong_device_behind_the_remote_is_told_from_the_underlay()
    {
        using DoctorLab lab = new();
        DoctorLab.SetMtu(lab.Node2, "p2", 1300);
        JsonElement finding = OnlyFinding(lab.Examine());
        Assert.Equal(("ptb-filtered", $"path to {DoctorLab.Target4}, behind the tunnel"), (Text(finding, "id"), Text(finding, "where")));
    }

    [Fact]
    public void Without_a_tunnel_a_smaller_link_that_says_so_is_no_finding_and_one_that_does_not_is()
    {
        using DoctorLab lab = new();
        Assert.Equal(0, lab.Examine("--to", lab.Remote2, "--from", lab.Node1.Name).ExitCode);
        Assert.Equal(0, lab.DoctorAlone(lab.Remote2).ExitCode);
        lab.ShrinkFarLink(1400);
        CommandResult result = lab.DoctorAlone(lab.Remote2);
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(["0 here veth u0 1500 of 1500", $"0 here path to {lab.Remote2} 1400 of 1500"], Hops(JsonElement.Parse(result.Output)));
        // Whoever sees the router's devices can say which it is.
        JsonElement finding = OnlyFinding(lab.Examine("--to", lab.Remote2, "--from", lab.Node1.Name));
        Assert.Equal(("mtu-hop", $"r2 in {lab.Router.Name}"), (Text(finding, "id"), Text(finding, "where")));
        lab.FilterIcmp();
        result = lab.DoctorAlone(lab.Remote2);
        Assert.Equal("ptb-filtered", Text(OnlyFinding((result.ExitCode, JsonElement.Parse(result.Output))), "id"));
    }

    [Fact]
    public void From_an_interface_the_way_begins_where_it_hands_packets_over()
    {
        using DoctorLab lab = new();
        DoctorLab.SetMtu(lab.Node1, "br0", 1400);
        (int exitCode, JsonElement report) = lab.Examine("--from", "p1");
        Assert.Equal((1, "br0"), (exitCode, Text(report.GetProperty("findings")[0], "where")));
        Assert.Equal("0 here veth p1 1450 of 1450", Hops(report)[0]);
    }

    [Theory]
    [InlineData(false, 1450, 1500, null)]
    [InlineData(true, 1450, 1500, "overhead-family")]
    [InlineData(true, 1430, 1500, null)]
    [InlineData(false, 1450, 1400, "mtu-hop")]
    public void A_tap_of_overlayd_is_asked_about(bool ipv6Underlay, int mtu, int link, string? id)
    {
        using DoctorLab lab = new(ipv6Underlay, kernelTunnel: false);
        using var daemon = OverlayDaemon.Start(
            lab.Node1,
            $$"""{ "name": "vx0", "kind": "vxlan", "vni": 42, "local": "{{lab.Remote1}}", "device": { "type": "tap", "mtu": {{mtu.ToString(CultureInfo.InvariantCulture)}} }, "flood": [ "{{lab.Remote2}}" ] }""");
        lab.Node1.Ip("link", "set", "vx0", "master", "br0");
        DoctorLab.SetMtu(lab.Node1, "u0", link);
        (int exitCode, JsonElement report) = lab.Examine("--socket", daemon.Socket);
        Assert.True(exitCode == (id is null ? 0 : 1), report.ToString());
        Assert.Equal(id is null ? [] : [id], report.GetProperty("findings").EnumerateArray().Select(finding => Text(finding, "id")));
        JsonElement tunnel = report.GetProperty("details").GetProperty("hops").EnumerateArray().Single(hop => Text(hop, "kind") == "tun");
        Assert.Equal($"overlayd vxlan to {lab.Remote2}", Text(tunnel, "note"));
        Assert.Equal(ipv6Underlay ? 70 : 50, tunnel.GetProperty("overhead").GetInt32());
    }

    [Fact]
    public void A_tun_of_overlayd_is_asked_for_its_routes()
    {
        using DoctorLab lab = new(kernelTunnel: false);
        using var daemon = OverlayDaemon.Start(
            lab.Node1,
            $$"""
            { "name": "l3", "kind": "gre", "local": "{{lab.Remote1}}", "device": { "type": "tun", "mtu": 1477 },
              "routes": [ { "prefix": "10.0.0.0/8", "remote": "203.0.113.1" }, { "prefix": "10.99.0.0/16", "remote": "{{lab.Remote2}}" } ] }
            """);
        (int exitCode, JsonElement report) = lab.Examine("--to", "10.99.0.1", "--from", lab.Node1.Name, "--socket", daemon.Socket);
        Assert.Equal(1, exitCode);
        JsonElement finding = report.GetProperty("findings")[0];
        Assert.Equal(("mtu-hop", "l3", "mtu 1477"), (Text(finding, "id"), Text(finding, "where"), Text(finding, "said")));
        Assert.StartsWith("at most 1476: it adds 24", Text(finding, "expected"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_looked_at_is_undecided()
    {
        using DoctorLab lab = new(kernelTunnel: false);
        using (OverlayDaemon.Start(lab.Node1, $$"""{ "name": "vx0", "kind": "vxlan", "vni": 42, "local": "{{lab.Remote1}}", "device": { "type": "tap", "mtu": 1450 }, "flood": [ "{{lab.Remote2}}" ] }"""))
        {
            lab.Node1.Ip("link", "set", "vx0", "master", "br0");
            (int exitCode, JsonElement report) = lab.Examine("--socket", "/nowhere/overlayd.sock");
            Assert.Equal((2, "undecided"), (exitCode, Text(report, "verdict")));
            Assert.Contains("vx0 is a TUN or TAP device, and whose it is nobody says", report.GetProperty("undecided")[0].GetString(), StringComparison.Ordinal);
        }

        (int silent, JsonElement answer) = lab.Examine("--to", "198.51.100.77", "--from", lab.Node1.Name);
        Assert.Equal(2, silent);
        Assert.Contains("198.51.100.77 does not answer echo requests", answer.GetProperty("undecided")[0].GetString(), StringComparison.Ordinal);
        (int unreachable, _) = lab.Examine("--to", "2001:db8:9::1", "--from", lab.Pod1.Name);
        Assert.Equal(2, unreachable);
    }

    [Theory]
    [InlineData("--to is 'nobody'; an IP address such as 192.0.2.1 or 2001:db8::1 is right", "--to", "nobody")]
    [InlineData("Option '--to' is required.", "--json")]
    [InlineData("interface nothere: no such device", "--to", "192.0.2.9", "--from", "nothere")]
    [InlineData("/nowhere/ns: no such file or directory", "--to", "192.0.2.9", "--from", "/nowhere/ns")]
    public void A_mistake_on_the_command_line_is_exit_2(string message, params string[] arguments)
    {
        using Netns netns = Netns.Create();
        CommandResult result = netns.TryExec(TimeSpan.FromSeconds(20), OverlayDaemon.Program, ["doctor", "mtu", .. arguments]);
        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.StartsWith($"overlayd: {message}", result.Error, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_person_reads_the_way_and_what_to_change()
    {
        using DoctorLab lab = new();
        DoctorLab.SetMtu(lab.Node1, "u0", 1400);
        CommandResult result = lab.Doctor("--to", DoctorLab.Target4, "--from", lab.Pod1.Name);
        Assert.Equal((1, ""), (result.ExitCode, result.Error));
        Assert.StartsWith("LAYER  NAMESPACE", result.Output, StringComparison.Ordinal);
        Assert.Contains("50 (50 over IPv4, 70 over IPv6)", result.Output, StringComparison.Ordinal);
        Assert.EndsWith(
            $"""

            finding mtu-hop at u0
              said      mtu 1400
              expected  at least 1500: vx0 has 1450 and adds 50 (vxlan over IPv4)
              change    ip link set u0 mtu 1500 if the network carries that, else ip link set vx0 mtu 1350
            mtu to {DoctorLab.Target4}: finding

            """,
            result.Output, StringComparison.Ordinal);
    }

    private static JsonElement OnlyFinding((int ExitCode, JsonElement Report) result)
    {
        Assert.True(result.ExitCode == 1 && result.Report.GetProperty("findings").GetArrayLength() == 1, result.Report.ToString());
        Assert.Equal("finding", Text(result.Report, "verdict"));
        return result.Report.GetProperty("findings")[0];
    }

    private static string[] Hops(JsonElement report) =>
    [
        .. report.GetProperty("details").GetProperty("hops").EnumerateArray().Select(hop =>
            $"{hop.GetProperty("layer")} {Text(hop, "namespace")} {Text(hop, "kind")} {Text(hop, "name")} {hop.GetProperty("mtu")} of {hop.GetProperty("needs")}"),
    ];

    private static string Text(JsonElement element, string member) => element.GetProperty(member).GetString()!;
}
