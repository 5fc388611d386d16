using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>A namespace in which IPv6 is disabled, as many are.</summary>
public sealed class NoIPv6Tests
{
    [Fact]
    public void Vxlan_over_ipv4_works_and_an_ipv6_address_is_refused_in_words()
    {
        using Netns us = WithoutIPv6();
        using Netns them = WithoutIPv6();
        Netns.Connect(us, "va", "192.0.2.1/24", them, "vb", "192.0.2.2/24");
        them.Ip("link", "add", "vx42", "type", "vxlan", "id", "42", "local", "192.0.2.2", "remote", "192.0.2.1", "dstport", "4789");
        them.Configure("vx42", "10.42.0.2/24");
        using (OverlayDaemon daemon = OverlayDaemon.Start(us, TunnelJson.Tap()))
        {
            Assert.True(TcpTransfer.Run(us, them, "10.42.0.2", 1 << 20).IsIntact);
            Assert.True(TcpTransfer.Run(them, us, "10.42.0.1", 1 << 20).IsIntact);
        }

        CommandResult device = OverlayDaemon.RunToEnd(us, Configuration(TunnelJson.Tap(address: "fd42::1/64")));
        Assert.Equal(3, device.ExitCode);
        Assert.Contains("fd42::1", device.Error, StringComparison.Ordinal);
        Assert.Contains("IPv6 may be disabled there (sysctl net.ipv6.conf.*.disable_ipv6)", device.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", device.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("vx42", us.Ip("link", "show").Output, StringComparison.Ordinal);
    }

    private static Netns WithoutIPv6()
    {
        Netns netns = Netns.Create("ovno6");
        netns.Sysctl("net.ipv6.conf.all.disable_ipv6", "1");
        netns.Sysctl("net.ipv6.conf.default.disable_ipv6", "1");
        return netns;
    }

    private static string Configuration(string tunnel) =>
        $$"""{ "control": { "socket": "/tmp/overlay-{{Guid.NewGuid():N}}.sock" }, "tunnels": [ {{tunnel}} ] }""";
}
