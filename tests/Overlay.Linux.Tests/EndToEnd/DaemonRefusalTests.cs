using System.Text.RegularExpressions;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>What overlayd must not start with: it says what is in the way, by name, and leaves nothing behind.</summary>
public sealed class DaemonRefusalTests
{
    private const string Tap = "\"kind\": \"vxlan\", \"vni\": 42, \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tap\", \"name\": \"vx42\" }";

    [Theory]
    [InlineData("{ \"name\": \"a\", \"kind\": \"vxlan\", \"vni\": 16777216, \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tap\" } }", "vni")]
    [InlineData("{ \"name\": \"a\", \"kind\": \"vxlan\", \"vni\": 42, \"device\": { \"type\": \"tap\" } }", "local")]
    [InlineData("{ \"name\": \"a\", \"kind\": \"vxlan\", \"vni\": 42, \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tap\" }, \"flod\": [] }", "flod")]
    [InlineData("{ \"name\": \"a\", \"kind\": \"vxlan\", \"vni\": 42, \"local\": \"192.0.2.1\", ", "")]
    public void A_bad_configuration_is_refused_with_file_and_line(string tunnel, string about)
    {
        using PeerLab lab = new();
        Refusal refusal = Refusal.Run(lab, tunnel);
        Assert.Equal(1, refusal.ExitCode);
        Assert.Matches(new Regex(@"^/\S+/overlayd\.json:2: .*" + about, RegexOptions.Multiline), refusal.Error);
        lab.AssertNothingLeft();
    }

    [Fact]
    public void A_kernel_vxlan_device_that_holds_the_port_is_named()
    {
        using PeerLab lab = new();
        lab.Us.Ip("link", "add", "kernel", "type", "vxlan", "id", "7", "local", "192.0.2.1", "dstport", "4789", "dev", "u0");
        lab.Us.Configure("kernel", null);
        Refusal refusal = Refusal.Run(lab, $"{{ \"name\": \"a\", {Tap} }}");
        Assert.Equal(3, refusal.ExitCode);
        Assert.Contains("UDP 192.0.2.1:4789: ", refusal.Error, StringComparison.Ordinal);
        Assert.Contains("in use, a kernel vxlan device or another process holds it", refusal.Error, StringComparison.Ordinal);
        lab.Us.Ip("link", "delete", "kernel");
        lab.AssertNothingLeft();
    }

    [Fact]
    public void A_name_that_another_kind_of_device_has_is_named()
    {
        using PeerLab lab = new();
        lab.Us.Ip("link", "add", "vx42", "type", "veth", "peer", "name", "vx42peer");
        Refusal refusal = Refusal.Run(lab, $"{{ \"name\": \"a\", {Tap} }}");
        Assert.Equal(3, refusal.ExitCode);
        Assert.Contains("an interface vx42 exists that is not a TAP device", refusal.Error, StringComparison.Ordinal);
        lab.Us.Ip("link", "delete", "vx42");
        lab.AssertNothingLeft();
    }

    [Fact]
    public void A_failure_of_the_second_tunnel_undoes_the_first()
    {
        using PeerLab lab = new();
        lab.Us.Ip("link", "add", "late", "type", "veth", "peer", "name", "latepeer");
        Refusal refusal = Refusal.Run(lab, $$"""
            {{lab.Tunnel()}},
            { "name": "late", "kind": "vxlan", "vni": 43, "local": "192.0.2.1", "device": { "type": "tap", "name": "late" } }
            """);
        Assert.Equal(3, refusal.ExitCode);
        Assert.Contains("late", refusal.Error, StringComparison.Ordinal);
        lab.Us.Ip("link", "delete", "late");
        lab.AssertNothingLeft();
    }

    [Fact]
    public void A_link_that_is_not_there_is_named()
    {
        using PeerLab lab = new();
        Refusal link = Refusal.Run(lab, $"{{ \"name\": \"a\", {Tap}, \"link\": \"nowhere\" }}");
        Assert.Equal(3, link.ExitCode);
        Assert.Contains("nowhere", link.Error, StringComparison.Ordinal);
        lab.AssertNothingLeft();
    }

    [Fact]
    public void A_missing_privilege_is_named()
    {
        Requires.Tool("setpriv");
        using PeerLab lab = new();
        foreach ((string kept, string missing, string tunnel) in new[]
        {
            ("-all", "CAP_NET_ADMIN", $"{{ \"name\": \"a\", {Tap} }}"),
            ("-all,+net_admin", "CAP_NET_RAW", "{ \"name\": \"a\", \"kind\": \"ipip\", \"local\": \"192.0.2.1\", \"device\": { \"type\": \"tun\" } }"),
        })
        {
            string config = Path.GetTempFileName();
            try
            {
                File.WriteAllText(config, $"{{ \"control\": {{ \"socket\": \"{config}.sock\" }}, \"tunnels\": [ {tunnel} ] }}");
                CommandResult result = lab.Us.TryExec(
                    TimeSpan.FromSeconds(20), "setpriv", "--bounding-set", kept, "--inh-caps", "-all", OverlayDaemon.Program, "run", "--config", config);
                Assert.True(result.ExitCode == 3, $"exit {result.ExitCode}: {result.Error}");
                Assert.Contains($"needs {missing}", result.Error, StringComparison.Ordinal);
                Assert.False(File.Exists($"{config}.sock"));
                lab.AssertNothingLeft();
            }
            finally
            {
                File.Delete(config);
            }
        }
    }
}
