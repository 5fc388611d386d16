using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// Two hosts on one link: ours at 192.0.2.1 and 2001:db8::1 for an overlayd, the peer at 192.0.2.2 and 2001:db8::2 with what the kernel can do.
/// The inner network is 10.42.0.0/24 and fd42::/64, with the same last numbers.
/// </summary>
internal sealed class PeerLab : IDisposable
{
    public const string Device = "vx42";
    public const string OurMac = "02:00:00:00:00:01";
    public const string PeerMac = "02:00:00:00:00:02";

    public PeerLab(bool ipv6Underlay = false)
    {
        TunAccess.Require();
        IPv6Underlay = ipv6Underlay;
        Us = Netns.Create("ovend");
        Them = Netns.Create("ovend");
        try
        {
            Netns.Connect(Us, "u0", "192.0.2.1/24", Them, "u1", "192.0.2.2/24");
            Us.Configure("u0", "2001:db8::1/64");
            Them.Configure("u1", "2001:db8::2/64");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Netns Us { get; }

    public Netns Them { get; }

    public bool IPv6Underlay { get; }

    public string Local => IPv6Underlay ? "2001:db8::1" : "192.0.2.1";

    public string Remote => IPv6Underlay ? "2001:db8::2" : "192.0.2.2";

    /// <summary>The configuration of a VXLAN tunnel with a TAP towards the peer.</summary>
    public string Tunnel(string extra = "") => $$"""
        { "name": "vx42", "kind": "vxlan", "vni": 42, "local": "{{Local}}",
          "device": { "type": "tap", "name": "vx42", "addresses": [ "10.42.0.1/24", "fd42::1/64" ], "mac": "{{OurMac}}" },
          "flood": [ "{{Remote}}" ]{{extra}} }
        """;

    public OverlayDaemon StartDaemon(string extra = "", string? workers = null) => OverlayDaemon.Start(Us, Tunnel(extra), workers);

    /// <summary>Makes the peer an overlayd that floods to us.</summary>
    public OverlayDaemon StartPeerDaemon(string extra = "", string? workers = null) => OverlayDaemon.Start(
        Them,
        $$"""
        { "name": "vx42", "kind": "vxlan", "vni": 42, "local": "{{Remote}}",
          "device": { "type": "tap", "name": "vx42", "addresses": [ "10.42.0.2/24", "fd42::2/64" ], "mac": "{{PeerMac}}" },
          "flood": [ "{{Local}}" ]{{extra}} }
        """,
        workers);

    /// <summary>From now on neither kernel asks for its IPv4 neighbour, so that the tunnel carries what the test sends and nothing else.</summary>
    public void SilenceKernels()
    {
        Us.Ip("neigh", "replace", "10.42.0.2", "lladdr", PeerMac, "dev", Device, "nud", "permanent");
        Them.Ip("neigh", "replace", "10.42.0.1", "lladdr", OurMac, "dev", Device, "nud", "permanent");
    }

    /// <summary>Makes the peer a kernel VTEP that floods to us.</summary>
    public void AddKernelVxlan()
    {
        Them.Ip(
            "link", "add", Device, "address", PeerMac, "type", "vxlan", "id", "42", "local", Remote, "remote", Local, "dstport", "4789", "dev", "u1");
        Them.Configure(Device, "10.42.0.2/24");
        Them.Configure(Device, "fd42::2/64");
    }

    /// <summary>A number of <c>/sys/class/net</c>'s statistics, by <c>ip -s</c>: the kernel's own books of a device.</summary>
    public static long Statistic(Netns netns, string device, string direction, string name)
    {
        using var document = JsonDocument.Parse(netns.Ip("-s", "-j", "link", "show", "dev", device).Output);
        return document.RootElement[0].GetProperty("stats64").GetProperty(direction).GetProperty(name).GetInt64();
    }

    /// <summary>The names of all interfaces.</summary>
    public static string[] Devices(Netns netns)
    {
        using var document = JsonDocument.Parse(netns.Ip("-j", "link", "show").Output);
        return [.. document.RootElement.EnumerateArray().Select(link => link.GetProperty("ifname").GetString()!).Order(StringComparer.Ordinal)];
    }

    /// <summary>Nothing that overlayd makes is there: no device, address, route, socket or lock.</summary>
    public void AssertNothingLeft()
    {
        Assert.Equal(["lo", "u0"], Devices(Us));
        string addresses = Us.Ip("-o", "address", "show").Output;
        Assert.DoesNotContain("10.4", addresses, StringComparison.Ordinal);
        Assert.DoesNotContain("fd42", addresses, StringComparison.Ordinal);
        foreach (string family in new[] { "-4", "-6" })
        {
            string routes = Us.Ip(family, "route", "show", "table", "all").Output;
            Assert.DoesNotContain("10.4", routes, StringComparison.Ordinal);
            Assert.DoesNotContain("10.24", routes, StringComparison.Ordinal);
            Assert.DoesNotContain("fd42", routes, StringComparison.Ordinal);
        }

        foreach (string table in new[] { "udp", "udp6", "raw", "raw6" })
        {
            // The first line is the heading.
            Assert.Single(Us.Run(() => File.ReadAllLines($"/proc/thread-self/net/{table}")));
        }

        Assert.DoesNotContain("overlay", Us.Run(() => File.ReadAllText("/proc/thread-self/net/unix")), StringComparison.Ordinal);
    }

    /// <summary>No outer packet was fragmented by either side, and none was put together.</summary>
    public void AssertNoFragments()
    {
        foreach (Netns netns in new[] { Us, Them })
        {
            foreach (string counter in new[] { "Ip.FragCreates", "Ip.FragFails", "Ip.ReasmReqds", "Ip6FragCreates", "Ip6FragFails", "Ip6ReasmReqds" })
            {
                Assert.True(Books.Kernel(netns, counter) == 0, $"{counter} is not 0");
            }
        }
    }

    public void Dispose()
    {
        Us.Dispose();
        Them.Dispose();
    }
}
