using System.Globalization;
using System.Net;
using System.Text.Json;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>iproute2 as the oracle: what it shows we must read, and what we set it must show.</summary>
public sealed class RouteNetlinkTests
{
    [Fact]
    public void Links_are_what_ip_shows()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        netns.Ip("link", "add", "va", "address", "02:00:00:00:00:0a", "mtu", "1400", "type", "veth", "peer", "name", "vb");
        netns.Ip("link", "add", "vx", "type", "vxlan", "id", "42", "dstport", "4789", "local", "127.0.0.1");
        using TunDevice tun = netns.Run(() => TunDevice.Open("tun0", new TunDeviceOptions { Layer = DeviceLayer.IP }));
        netns.Ip("link", "set", "va", "up");
        netns.Ip("link", "set", "vb", "up");
        JsonElement[] expected = [.. Json(netns, "-d", "link").EnumerateArray()];
        IReadOnlyList<LinkInfo> links = WithNetlink(netns, netlink => netlink.GetLinks());
        Assert.Equal(5, links.Count);
        Assert.Equal(expected.Length, links.Count);
        foreach ((JsonElement shown, LinkInfo link) in expected.Zip(links))
        {
            Assert.Equal(shown.GetProperty("ifindex").GetInt32(), link.Index);
            Assert.Equal(shown.GetProperty("ifname").GetString(), link.Name);
            Assert.Equal(shown.GetProperty("mtu").GetInt32(), link.Mtu);
            Assert.Equal(shown.GetProperty("txqlen").GetInt32(), link.TxQueueLength);
            Assert.Equal(shown.GetProperty("operstate").GetString(), link.OperationalState.ToString().ToUpperInvariant());
            Assert.Equal(shown.TryGetProperty("address", out JsonElement mac) ? mac.GetString() : "00:00:00:00:00:00", link.Mac.ToString());
            Assert.Equal(shown.TryGetProperty("linkinfo", out JsonElement info) ? info.GetProperty("info_kind").GetString() : null, link.Kind);
            string[] flags = [.. shown.GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()!)];
            Assert.Equal(flags.Contains("UP"), link.IsUp);
            Assert.Equal(flags.Contains("LOWER_UP"), (link.Flags & LinkFlags.LowerUp) != 0);
            Assert.Equal(flags.Contains("NOARP"), (link.Flags & LinkFlags.NoArp) != 0);
            Assert.Equal(link, WithNetlink(netns, netlink => netlink.GetLink(link.Name)));
            Assert.Equal(link, WithNetlink(netns, netlink => netlink.GetLink(link.Index)));
        }
    }

    [Fact]
    public void A_link_is_changed_and_deleted()
    {
        using Netns netns = Netns.Create();
        netns.Ip("link", "add", "va", "type", "veth", "peer", "name", "vb");
        WithNetlink(netns, netlink =>
        {
            int index = netlink.GetLink("va").Index;
            netlink.SetLink(index, new LinkSettings { Mtu = 1234, Mac = MacAddress.Parse("02:00:00:00:00:99"), TxQueueLength = 77, Up = true });
            return 0;
        });
        JsonElement link = Json(netns, "link", "show", "va")[0];
        Assert.Equal(1234, link.GetProperty("mtu").GetInt32());
        Assert.Equal("02:00:00:00:00:99", link.GetProperty("address").GetString());
        Assert.Equal(77, link.GetProperty("txqlen").GetInt32());
        Assert.Contains("UP", link.GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()));

        WithNetlink(netns, netlink =>
        {
            int index = netlink.GetLink("va").Index;
            netlink.SetLink(index, new LinkSettings { Up = false });
            Assert.False(netlink.GetLink(index).IsUp);
            netlink.SetLink(index, new LinkSettings { Mtu = 1300 });
            Assert.False(netlink.GetLink(index).IsUp);
            netlink.DeleteLink(index);
            return 0;
        });
        Assert.Single(Json(netns, "link").EnumerateArray());
    }

    [Fact]
    public void Addresses_are_added_shown_and_deleted()
    {
        using Netns netns = Netns.Create();
        netns.Ip("link", "add", "va", "type", "veth", "peer", "name", "vb");
        netns.Ip("link", "set", "va", "up");
        netns.Ip("link", "set", "vb", "up");
        netns.Sysctl("net.ipv6.conf.va.accept_dad", "1");
        WithNetlink(netns, netlink =>
        {
            int index = netlink.GetLink("va").Index;
            netlink.AddAddress(index, ValueIPAddress.Parse("192.0.2.1"), 24);
            netlink.AddAddress(index, ValueIPAddress.Parse("2001:db8::1"), 64);
            netlink.AddAddress(index, ValueIPAddress.Parse("2001:db8::2"), 64, skipDuplicateDetection: false);
            Assert.Equal(
                [("192.0.2.1", 24, false), ("2001:db8::1", 64, false), ("2001:db8::2", 64, true)],
                netlink.GetAddresses(index).Select(item => (item.Address.ToString(), item.PrefixLength, item.IsTentative)).Order());
            Assert.Equal(2, netlink.GetAddresses().Count(item => item.Address.IsLoopback));
            Assert.Equal(Errno.EEXIST, Assert.Throws<LinuxException>(() => netlink.AddAddress(index, ValueIPAddress.Parse("192.0.2.1"), 24)).Errno);
            return 0;
        });
        (string?, int, string?)[] shown = [.. Json(netns, "addr", "show", "va")[0].GetProperty("addr_info").EnumerateArray()
            .Select(item => (item.GetProperty("local").GetString(), item.GetProperty("prefixlen").GetInt32(), item.GetProperty("scope").GetString()))];
        Assert.Equal([("192.0.2.1", 24, "global"), ("2001:db8::1", 64, "global"), ("2001:db8::2", 64, "global")], shown.Order());

        WithNetlink(netns, netlink =>
        {
            int index = netlink.GetLink("va").Index;
            foreach (AddressInfo item in netlink.GetAddresses(index))
            {
                netlink.DeleteAddress(index, item.Address, item.PrefixLength);
            }

            Assert.Empty(netlink.GetAddresses(index));
            LinuxException missing = Assert.Throws<LinuxException>(() => netlink.DeleteAddress(index, ValueIPAddress.Parse("192.0.2.1"), 24));
            Assert.Equal(Errno.EADDRNOTAVAIL, missing.Errno);
            return 0;
        });
    }

    [Fact]
    public void A_long_list_comes_in_several_parts()
    {
        using Netns netns = Netns.Create();
        IReadOnlyList<AddressInfo> addresses = WithNetlink(netns, netlink =>
        {
            for (int i = 1; i <= 1000; i++)
            {
                netlink.AddAddress(1, ValueIPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"10.0.{i / 250}.{1 + (i % 250)}")), 32);
            }

            return netlink.GetAddresses(1);
        });
        Assert.Equal(1000, addresses.Where(item => !item.Address.IsLoopback).Select(item => item.Address).Distinct().Count());
    }

    [Fact]
    public void Disabled_ipv6_is_named_as_the_likely_cause()
    {
        using Netns netns = Netns.Create();
        netns.Ip("link", "add", "va", "type", "veth", "peer", "name", "vb");
        netns.Sysctl("net.ipv6.conf.va.disable_ipv6", "1");
        LinuxException exception = Assert.Throws<LinuxException>(() => WithNetlink(netns, netlink =>
        {
            netlink.AddAddress(netlink.GetLink("va").Index, ValueIPAddress.Parse("2001:db8::1"), 64);
            return 0;
        }));
        Assert.Equal(Errno.EACCES, exception.Errno);
        Assert.Contains("IPv6", exception.Message, StringComparison.Ordinal);
        Assert.Contains("disable", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Routes_are_what_ip_shows()
    {
        using Netns netns = Netns.Create();
        using Netns peer = Netns.Create();
        Netns.Connect(netns, "va", "192.0.2.1/24", peer, "vb", "192.0.2.2/24");
        netns.Ip("addr", "add", "2001:db8::1/64", "dev", "va", "nodad");
        netns.Ip("addr", "add", "198.51.100.1/32", "dev", "lo");
        KernelRoute[] routes = WithNetlink(netns, netlink =>
        {
            int index = netlink.GetLink("va").Index;
            KernelRoute[] entries =
            [
                new(IPNetwork.Parse("10.1.0.0/16"), index),
                new(IPNetwork.Parse("10.2.0.0/16"), index) { Gateway = ValueIPAddress.Parse("192.0.2.2"), Mtu = 1300, Source = ValueIPAddress.Parse("198.51.100.1") },
                new(IPNetwork.Parse("10.3.0.0/16"), index) { Gateway = ValueIPAddress.Parse("203.0.113.9"), OnLink = true, Metric = 50 },
                new(IPNetwork.Parse("fd00:1::/48"), index),
                new(IPNetwork.Parse("fd00:2::/48"), index) { Gateway = ValueIPAddress.Parse("2001:db8::2"), Mtu = 1290 },
                new(IPNetwork.Parse("0.0.0.0/0"), index) { Gateway = ValueIPAddress.Parse("192.0.2.2") },
            ];
            foreach (KernelRoute entry in entries)
            {
                netlink.AddRoute(entry);
            }

            return entries;
        });
        Dictionary<string, JsonElement> shown = Json(netns, "route").EnumerateArray().Concat(Json(netns, "-6", "route").EnumerateArray())
            .ToDictionary(route => route.GetProperty("dst").GetString()!);
        foreach (KernelRoute route in routes)
        {
            JsonElement line = shown[route.Destination.PrefixLength == 0 ? "default" : route.Destination.ToString()];
            Assert.Equal("va", line.GetProperty("dev").GetString());
            Assert.Equal(route.Gateway?.ToString(), line.TryGetProperty("gateway", out JsonElement gateway) ? gateway.GetString() : null);
            Assert.Equal(route.Source?.ToString(), line.TryGetProperty("prefsrc", out JsonElement source) ? source.GetString() : null);
            Assert.Equal(route.OnLink, line.GetProperty("flags").EnumerateArray().Any(flag => flag.GetString() == "onlink"));
            Assert.Equal(route.Mtu, line.TryGetProperty("metrics", out JsonElement metrics) ? metrics[0].GetProperty("mtu").GetInt32() : null);
            if (route.Metric is int metric)
            {
                Assert.Equal(metric, line.GetProperty("metric").GetInt32());
            }
        }

        WithNetlink(netns, netlink =>
        {
            foreach (string destination in (string[])["10.1.2.3", "10.2.0.1", "10.3.0.1", "fd00:1::9", "fd00:2::9", "192.0.2.2", "192.0.2.1", "8.8.8.8", "2001:db8::7"])
            {
                JsonElement line = Json(netns, "route", "get", destination)[0];
                RouteInfo route = netlink.GetRoute(ValueIPAddress.Parse(destination));
                Assert.Equal(line.GetProperty("dev").GetString(), netlink.GetLink(route.InterfaceIndex).Name);
                Assert.Equal(line.TryGetProperty("gateway", out JsonElement gateway) ? gateway.GetString() : null, route.Gateway?.ToString());
                Assert.Equal(line.TryGetProperty("prefsrc", out JsonElement source) ? source.GetString() : null, route.Source?.ToString());
                Assert.Equal(line.TryGetProperty("type", out JsonElement type) ? type.GetString() : "unicast", route.Kind.ToString().ToLowerInvariant());
                Assert.False(route.IsMtuLearned);
            }

            Assert.Equal(1300, netlink.GetRoute(ValueIPAddress.Parse("10.2.0.1")).Mtu);
            Assert.Equal(1290, netlink.GetRoute(ValueIPAddress.Parse("fd00:2::1")).Mtu);
            Assert.Equal(1500, netlink.GetRoute(ValueIPAddress.Parse("192.0.2.2")).Mtu);
            // With what a socket would fix: its address, its interface.
            RouteInfo bound = netlink.GetRoute(ValueIPAddress.Parse("10.1.0.1"), ValueIPAddress.Parse("198.51.100.1"), netlink.GetLink("va").Index);
            Assert.Equal("198.51.100.1", bound.Source?.ToString());

            foreach (KernelRoute route in routes)
            {
                netlink.DeleteRoute(route);
            }

            Assert.Equal(Errno.ESRCH, Assert.Throws<LinuxException>(() => netlink.DeleteRoute(routes[0])).Errno);
            return 0;
        });
        Assert.Single(Json(netns, "route").EnumerateArray());
    }

    [Fact]
    public void Routes_of_one_maker_are_those_that_ip_shows_for_him()
    {
        const byte Maker = 79;
        using Netns netns = Netns.Create();
        using Netns peer = Netns.Create();
        Netns.Connect(netns, "va", "192.0.2.1/24", peer, "vb", "192.0.2.2/24");
        netns.Ip("addr", "add", "2001:db8::1/64", "dev", "va", "nodad");
        ValueIPAddress gateway = ValueIPAddress.Parse("192.0.2.2");
        ValueIPAddress gateway6 = ValueIPAddress.Parse("2001:db8::2");
        WithNetlink(netns, netlink =>
        {
            int index = netlink.GetLink("va").Index;
            KernelRoute[] mine =
            [
                new(IPNetwork.Parse("0.0.0.0/0"), index) { Gateway = gateway, Protocol = Maker },
                new(IPNetwork.Parse("10.1.0.0/16"), index) { Protocol = Maker, Metric = 7 },
                new(IPNetwork.Parse("10.2.0.0/16"), index) { Gateway = gateway, Protocol = Maker },
                new(IPNetwork.Parse("::/0"), index) { Gateway = gateway6, Protocol = Maker, Metric = 1024 },
                new(IPNetwork.Parse("fd00:1::/48"), index) { Gateway = gateway6, Protocol = Maker, Metric = 1024 },
            ];
            KernelRoute[] others =
            [
                new(IPNetwork.Parse("10.3.0.0/16"), index) { Gateway = gateway },
                new(IPNetwork.Parse("10.4.0.0/16"), index) { Gateway = gateway, Protocol = Maker + 1 },
                new(IPNetwork.Parse("fd00:2::/48"), index) { Gateway = gateway6 },
            ];
            foreach (KernelRoute route in (IEnumerable<KernelRoute>)[.. mine, .. others])
            {
                netlink.AddRoute(route);
            }

            // In another table, and to nowhere: neither is meant.
            netns.Ip("route", "add", "10.5.0.0/16", "via", "192.0.2.2", "table", "100", "proto", "79");
            netns.Ip("route", "add", "unreachable", "10.6.0.0/16", "proto", "79");
            Assert.Equal(mine.ToHashSet(), netlink.GetRoutes(Maker).ToHashSet());
            Assert.Equal(mine.Length, netlink.GetRoutes(Maker).Count);
            Assert.Equal(3, Json(netns, "route", "show", "proto", "79", "type", "unicast").GetArrayLength());
            Assert.Equal(2, Json(netns, "-6", "route", "show", "proto", "79").GetArrayLength());
            Assert.Empty(netlink.GetRoutes(Maker + 2));

            // Whoever deletes as somebody else deletes nothing.
            Assert.Equal(Errno.ESRCH, Assert.Throws<LinuxException>(() => netlink.DeleteRoute(mine[2] with { Protocol = Maker + 2 })).Errno);
            foreach (KernelRoute route in netlink.GetRoutes(Maker))
            {
                netlink.DeleteRoute(route);
            }

            Assert.Empty(netlink.GetRoutes(Maker));
            Assert.Single(netlink.GetRoutes(Maker + 1));

            // The other questions are answered as before.
            Assert.Contains(netlink.GetLinks(), link => link.Name == "va");
            Assert.NotEmpty(netlink.GetAddresses());
            return 0;
        });
    }

    [Fact]
    public void Changes_of_links_addresses_and_routes_are_heard_and_a_flood_of_them_is_one()
    {
        using Netns netns = Netns.Create();
        using Netns peer = Netns.Create();
        Netns.Connect(netns, "va", "192.0.2.1/24", peer, "vb", null);
        using RouteMonitor monitor = netns.Run(RouteMonitor.Open);
        Assert.False(monitor.Wait(TimeSpan.Zero));
        foreach (string[] change in (string[][])
        [
            ["link", "set", "va", "mtu", "1400"], ["addr", "add", "198.51.100.1/24", "dev", "va"], ["addr", "add", "2001:db8::1/64", "dev", "va", "nodad"],
            ["route", "add", "10.0.0.0/8", "via", "192.0.2.2"], ["route", "add", "fd00::/8", "via", "2001:db8::2"], ["route", "del", "10.0.0.0/8"],
        ])
        {
            netns.Ip(change);
            Assert.True(monitor.Wait(TimeSpan.FromSeconds(5)), string.Join(' ', change));
            while (monitor.Wait(TimeSpan.FromMilliseconds(20)))
            {
                // One change may be several messages.
            }
        }

        // More than the socket holds: the kernel says that it has lost some, which is news enough.
        string batch = Path.GetTempFileName();
        File.WriteAllLines(batch, Enumerable.Range(0, 4_000).Select(i => $"route add 10.{i >> 8}.{i & 0xFF}.0/24 dev va"));
        netns.Ip("-batch", batch);
        File.Delete(batch);
        Assert.True(monitor.Wait(TimeSpan.FromSeconds(5)));
        Assert.False(monitor.Wait(TimeSpan.Zero));
        netns.Ip("link", "set", "va", "down");
        Assert.True(monitor.Wait(TimeSpan.FromSeconds(5)));
        monitor.Dispose();
        Assert.Throws<ObjectDisposedException>(() => monitor.Wait(TimeSpan.Zero));
    }

    [Fact]
    public void A_mark_chooses_another_table()
    {
        using Netns netns = Netns.Create();
        using Netns peer = Netns.Create();
        Netns.Connect(netns, "va", "192.0.2.1/24", peer, "vb", null);
        netns.Ip("route", "add", "default", "via", "192.0.2.2", "table", "100");
        netns.Ip("rule", "add", "fwmark", "7", "table", "100");
        WithNetlink(netns, netlink =>
        {
            Assert.Equal("192.0.2.2", netlink.GetRoute(ValueIPAddress.Parse("8.8.8.8"), mark: 7).Gateway?.ToString());
            Assert.Equal(Errno.ENETUNREACH, Assert.Throws<LinuxException>(() => netlink.GetRoute(ValueIPAddress.Parse("8.8.8.8"))).Errno);
            return 0;
        });
    }

    [Fact]
    public void A_route_is_replaced_only_on_request()
    {
        using Netns netns = Netns.Create();
        netns.Ip("link", "add", "va", "type", "veth", "peer", "name", "vb");
        netns.Ip("link", "set", "va", "up");
        netns.Ip("link", "set", "vb", "up");
        WithNetlink(netns, netlink =>
        {
            KernelRoute route = new(IPNetwork.Parse("10.1.0.0/16"), netlink.GetLink("va").Index);
            netlink.AddRoute(route);
            Assert.Equal(Errno.EEXIST, Assert.Throws<LinuxException>(() => netlink.AddRoute(route)).Errno);
            netlink.AddRoute(route with { InterfaceIndex = netlink.GetLink("vb").Index }, replace: true);
            Assert.Equal("vb", netlink.GetLink(netlink.GetRoute(ValueIPAddress.Parse("10.1.0.1")).InterfaceIndex).Name);
            return 0;
        });
    }

    [Theory]
    [InlineData("unreachable", Errno.EHOSTUNREACH)]
    [InlineData("prohibit", Errno.EACCES)]
    [InlineData("blackhole", Errno.EINVAL)]
    public void Routes_that_lead_nowhere_are_refusals(string kind, Errno errno)
    {
        using Netns netns = Netns.Create();
        netns.Ip("route", "add", kind, "10.0.0.0/8");
        LinuxException exception = Assert.Throws<LinuxException>(() => WithNetlink(netns, netlink => netlink.GetRoute(ValueIPAddress.Parse("10.1.1.1"))));
        Assert.Equal(errno, exception.Errno);
        Assert.StartsWith("route to 10.1.1.1: ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_kernels_explanation_is_passed_on()
    {
        using Netns netns = Netns.Create();
        netns.Ip("link", "add", "va", "type", "veth", "peer", "name", "vb");
        WithNetlink(netns, netlink =>
        {
            int index = netlink.GetLink("va").Index;
            Assert.Equal("interface nothing: no such device (RTM_GETLINK: ENODEV)", Assert.Throws<LinuxException>(() => netlink.GetLink("nothing")).Message);
            Assert.Equal(Errno.ENODEV, Assert.Throws<LinuxException>(() => netlink.GetLink(999)).Errno);
            Assert.Equal(Errno.ENODEV, Assert.Throws<LinuxException>(() => netlink.DeleteLink(999)).Errno);
            LinuxException down = Assert.Throws<LinuxException>(() => netlink.AddRoute(new KernelRoute(IPNetwork.Parse("10.1.0.0/16"), index)));
            Assert.Equal(
                $"route to 10.1.0.0/16 by interface {index}: network is down, the kernel says 'Device for nexthop is not up'; the link is down (RTM_NEWROUTE: ENETDOWN)",
                down.Message);
            netlink.SetLink(index, new LinkSettings { Up = true });
            LinuxException gateway = Assert.Throws<LinuxException>(
                () => netlink.AddRoute(new KernelRoute(IPNetwork.Parse("10.1.0.0/16"), index) { Gateway = ValueIPAddress.Parse("203.0.113.1") }));
            Assert.Contains("the kernel says 'Nexthop has invalid gateway'", gateway.Message, StringComparison.Ordinal);
            Assert.Contains("mtu", Assert.Throws<LinuxException>(() => netlink.SetLink(index, new LinkSettings { Mtu = 3 })).Message, StringComparison.Ordinal);
            // After any refusal the connection is good for the next question.
            Assert.Equal(index, netlink.GetLink("va").Index);
            return 0;
        });
    }

    [Fact]
    public void Mixed_families_and_impossible_numbers_are_mistakes()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        ValueIPAddress four = ValueIPAddress.Parse("192.0.2.1");
        ValueIPAddress six = ValueIPAddress.Parse("2001:db8::1");
        Assert.Throws<ArgumentException>(() => netlink.GetRoute(four, six));
        Assert.Throws<ArgumentException>(() => netlink.AddRoute(new KernelRoute(IPNetwork.Parse("10.0.0.0/8"), 1) { Gateway = six }));
        Assert.Throws<ArgumentOutOfRangeException>(() => netlink.AddAddress(1, four, 33));
        Assert.Throws<ArgumentOutOfRangeException>(() => netlink.GetLink(0));
        Assert.Throws<ArgumentException>(() => netlink.GetLink("a/b"));
        netlink.Dispose();
        Assert.Throws<ObjectDisposedException>(() => netlink.GetLinks());
    }

    [Fact]
    public void An_ordinary_user_may_look_and_is_told_why_he_may_not_touch()
    {
        using Netns netns = Netns.Create();
        netns.Run(() => Privileges.RunWithoutAny(() =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            Assert.Equal("lo", Assert.Single(netlink.GetLinks()).Name);
            LinuxException exception = Assert.Throws<LinuxException>(() => netlink.AddAddress(1, ValueIPAddress.Parse("10.0.0.1"), 8));
            Assert.Equal(
                "address 10.0.0.1/8 on interface 1: operation not permitted, needs CAP_NET_ADMIN in this network namespace (RTM_NEWADDR: EPERM)", exception.Message);
        }));
    }

    private static T WithNetlink<T>(Netns netns, Func<RouteNetlink, T> function) => netns.Run(() =>
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        return function(netlink);
    });

    private static JsonElement Json(Netns netns, params string[] arguments)
    {
        using JsonDocument document = JsonDocument.Parse(netns.Ip(["-j", .. arguments]).Output);
        return document.RootElement.Clone();
    }
}
