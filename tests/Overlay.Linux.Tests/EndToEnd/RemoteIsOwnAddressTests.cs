using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>A tunnel to oneself is a mistake of the configuration.</summary>
public sealed class RemoteIsOwnAddressTests
{
    [Theory]
    [InlineData("check", """ "flood": [ "192.0.2.2", "192.0.2.1" ] """)]
    [InlineData("run", """ "flood": [ "192.0.2.2", "192.0.2.1" ] """)]
    [InlineData("run", """ "fdb": [ { "mac": "02:00:00:00:00:02", "remote": "192.0.2.1" } ] """)]
    public void It_is_refused_with_its_line(string command, string member)
    {
        using Netns netns = Netns.Create("ovself");
        CommandResult result = OverlayDaemon.RunToEnd(netns, $$"""
            { "tunnels": [
              { "name": "vx42", "kind": "vxlan", "vni": 42, "local": "192.0.2.1",
                "device": { "type": "tap" },
                {{member}}
              } ] }
            """, command);
        Assert.Equal(1, result.ExitCode);
        Assert.Matches(@"^\S*overlayd\.json:4: .*192\.0\.2\.1", result.Error);
        Assert.Single(result.Error.TrimEnd().Split('\n'));
        Assert.DoesNotContain("vx42", netns.Ip("link", "show").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void So_is_one_of_a_route_of_ip_in_ip()
    {
        using Netns netns = Netns.Create("ovself");
        CommandResult result = OverlayDaemon.RunToEnd(netns, """
            { "tunnels": [
              { "name": "ipip0", "kind": "ipip", "local": "192.0.2.1", "device": { "type": "tun" },
                "routes": [ { "prefix": "10.46.2.0/24", "remote": "192.0.2.1" } ] } ] }
            """);
        Assert.Equal(1, result.ExitCode);
        Assert.Matches(@"^\S*overlayd\.json:3: .*192\.0\.2\.1", result.Error);
    }
}
