using System.Net.Sockets;
using System.Text.Json;
using Overlay.Encapsulation;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>What is read of a tunnel device, against kernels: this one and user-mode Linux, which has the kinds that this one may lack.</summary>
public sealed class TunnelLinkInfoTests
{
    // Each device by its kind, with an outer address so that the kernel sees the link below, and all that counts for its length.
    private static readonly (string Name, string Device, TunnelKind Kind, int Overhead)[] Devices =
    [
        ("v4", "vxlan id 42 local 192.0.2.2 remote 192.0.2.1 dstport 4789 dev vec0", TunnelKind.Vxlan, 50),
        ("v6", "vxlan id 42 local 2001:db8::2 remote 2001:db8::1 dstport 4790 dev vec0", TunnelKind.Vxlan, 70),
        ("g4", "geneve id 7 remote 192.0.2.1", TunnelKind.Geneve, 50),
        ("g6", "geneve id 7 remote 2001:db8::1", TunnelKind.Geneve, 70),
        ("i4", "ipip local 192.0.2.2 remote 192.0.2.1 dev vec0", TunnelKind.IPInIP, 20),
        ("s4", "sit local 192.0.2.2 remote 192.0.2.1 dev vec0", TunnelKind.IPInIP, 20),
        ("i6", "ip6tnl mode any local 2001:db8::2 remote 2001:db8::1 dev vec0", TunnelKind.IPInIP, 48),
        ("n6", "ip6tnl mode any encaplimit none local 2001:db8::2 remote 2001:db8::3 dev vec0", TunnelKind.IPInIP, 40),
        ("r4", "gre local 192.0.2.2 remote 192.0.2.1 dev vec0", TunnelKind.Gre, 24),
        ("k4", "gre local 192.0.2.2 remote 192.0.2.3 key 5 csum seq dev vec0", TunnelKind.Gre, 36),
        ("t4", "gretap local 192.0.2.2 remote 192.0.2.1 dev vec0", TunnelKind.Gretap, 38),
        ("tk4", "gretap local 192.0.2.2 remote 192.0.2.3 key 5 dev vec0", TunnelKind.Gretap, 42),
        ("r6", "ip6gre local 2001:db8::2 remote 2001:db8::1 dev vec0", TunnelKind.Gre, 52),
        ("rn6", "ip6gre encaplimit none local 2001:db8::2 remote 2001:db8::3 dev vec0", TunnelKind.Gre, 44),
        ("tn6", "ip6gretap encaplimit none local 2001:db8::2 remote 2001:db8::1 dev vec0", TunnelKind.Gretap, 58),
    ];

    /// <summary>The overhead is the difference that the other kernel itself makes between the MTU of the link and that of the device.</summary>
    [Fact]
    public void User_mode_Linux_takes_off_what_is_counted()
    {
        using Netns netns = Netns.Create();
        using var peer = UmlPeer.Start(netns, "uml0", UmlPeer.AllModules);
        peer.Run("ip link set vec0 up mtu 1500; ip address add 192.0.2.2/24 dev vec0; ip address add 2001:db8::2/64 dev vec0 nodad");
        foreach ((string name, string device, _, _) in Devices)
        {
            peer.Run($"ip link add {name} type {device}");
        }

        using var links = JsonDocument.Parse(peer.Run(Script).Output);
        foreach ((string name, string device, TunnelKind kind, int overhead) in Devices)
        {
            JsonElement link = links.RootElement.GetProperty(name);
            TunnelLinkInfo? info = TunnelLinkInfo.Parse(link.GetProperty("kind").GetString()!, Convert.FromHexString(link.GetProperty("data").GetString()!));
            Assert.True(info is not null, name);
            AddressFamily outer = device.Contains("2001:", StringComparison.Ordinal) ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
            Assert.Equal((name, kind, overhead), (name, info.Kind, info.Overhead(outer)));
            Assert.Equal((name, 1500 - overhead), (name, link.GetProperty("mtu").GetInt32()));
            string remote = device.Split(' ').SkipWhile(word => word != "remote").ElementAt(1);
            Assert.Equal((name, ValueIPAddress.Parse(remote)), (name, info.Remote));
            string? local = device.Split(' ').SkipWhile(word => word != "local").ElementAtOrDefault(1);
            Assert.Equal((name, local), (name, info.Local?.ToString()));
            Assert.False(info.IsExternal);
        }
    }

    /// <summary>
    /// Kernels with CONFIG_NET_FOU_IP_TUNNELS only have such devices, and Debian's user-mode Linux is none: the attributes by hand, after linux/if_tunnel.h.
    /// </summary>
    [Theory]
    // Length 6, IFLA_IPTUN_ENCAP_TYPE, FOU or GUE, padding; of GRE IFLA_GRE_ENCAP_TYPE, and first the flags that it writes: key.
    [InlineData("ipip", "06000F0001000000", TunnelKind.Fou, 28)]
    [InlineData("sit", "06000F0002000000", TunnelKind.Gue, 32)]
    [InlineData("ipip", "06000F0000000000", TunnelKind.IPInIP, 20)]
    [InlineData("gre", "06000E0001000000", TunnelKind.Gre, 32)]
    [InlineData("gre", "0600030020000000" + "06000E0002000000", TunnelKind.Gre, 40)]
    [InlineData("gretap", "06000E0002000000", TunnelKind.Gretap, 50)]
    public void Tunnels_in_UDP_are_counted_with_it(string kind, string data, TunnelKind expected, int overhead)
    {
        TunnelLinkInfo info = TunnelLinkInfo.Parse(kind, Convert.FromHexString(data))!;
        Assert.Equal((expected, overhead, overhead + 20), (info.Kind, info.Overhead(AddressFamily.InterNetwork), info.Overhead(AddressFamily.InterNetworkV6)));
    }

    [Theory]
    [InlineData("veth")]
    [InlineData("wireguard")]
    [InlineData("")]
    public void Other_devices_are_no_tunnels(string kind) => Assert.Null(TunnelLinkInfo.Parse(kind, Convert.FromHexString("0800010000000007")));

    /// <summary>What is cut off or of another length is left out, and nothing throws.</summary>
    [Fact]
    public void Attributes_that_are_cut_off_are_left_out()
    {
        byte[] data = Convert.FromHexString("08000100" + "2A000000" + "08000200" + "C0000202" + "08000400" + "C0000201");
        foreach (string kind in new[] { "vxlan", "geneve", "ipip", "sit", "ip6tnl", "gre", "gretap", "ip6gre", "ip6gretap" })
        {
            for (int length = 0; length <= data.Length; length++)
            {
                TunnelLinkInfo info = TunnelLinkInfo.Parse(kind, data.AsSpan(0, length))!;
                Assert.True(info.Overhead(AddressFamily.InterNetwork) >= 20);
            }
        }

        Assert.Equal(
            new TunnelLinkInfo { Kind = TunnelKind.Vxlan, Vni = new Vni(42), Remote = ValueIPAddress.Parse("192.0.2.2"), Local = ValueIPAddress.Parse("192.0.2.1") },
            TunnelLinkInfo.Parse("vxlan", data));
    }

    [Fact]
    public void A_vxlan_device_of_this_kernel_is_read_over_netlink()
    {
        using Netns netns = Netns.Create();
        using Netns other = Netns.Create();
        Netns.Connect(netns, "u0", "192.0.2.1/24", other, "u1", "192.0.2.2/24");
        netns.Ip("link", "add", "br0", "type", "bridge");
        netns.Ip("link", "add", "vx0", "type", "vxlan", "id", "42", "local", "192.0.2.1", "remote", "192.0.2.2", "dstport", "4789", "dev", "u0");
        netns.Ip("link", "add", "ext0", "type", "vxlan", "external", "dstport", "4788");
        netns.Ip("link", "add", "gpe0", "type", "vxlan", "external", "gpe", "dstport", "4790");
        netns.Ip("link", "set", "vx0", "master", "br0");
        netns.Ip("neigh", "add", "192.0.2.2", "lladdr", "02:00:00:00:00:02", "dev", "u0");
        netns.Exec("bridge", "fdb", "add", "02:00:00:00:00:09", "dev", "vx0", "dst", "192.0.2.9", "self");
        netns.Exec("bridge", "fdb", "add", "02:00:00:00:00:09", "dev", "vx0", "master", "static");
        netns.Run(() =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            LinkInfo vx0 = netlink.GetLink("vx0");
            Assert.Equal(
                new TunnelLinkInfo { Kind = TunnelKind.Vxlan, Vni = new Vni(42), Local = ValueIPAddress.Parse("192.0.2.1"), Remote = ValueIPAddress.Parse("192.0.2.2") }, vx0.Tunnel);
            Assert.Equal(vx0.Mtu, netlink.GetLink("u0").Mtu - vx0.Tunnel!.Overhead(AddressFamily.InterNetwork));
            LinkInfo br0 = netlink.GetLink("br0");
            Assert.Equal((br0.Index, null), (vx0.MasterIndex, br0.Tunnel));
            Assert.True(netlink.GetLink("ext0").Tunnel!.IsExternal);
            Assert.Equal((TunnelKind.VxlanGpe, 36), (netlink.GetLink("gpe0").Tunnel!.Kind, netlink.GetLink("gpe0").Tunnel!.Overhead(AddressFamily.InterNetwork)));

            LinkInfo u0 = netlink.GetLink("u0");
            using NetworkNamespace there = NetworkNamespace.Open(other.Name);
            Assert.Equal(netlink.GetNamespaceId(there), u0.LowerNamespaceId);
            Assert.NotNull(u0.LowerNamespaceId);
            using RouteNetlink beyond = there.Run(RouteNetlink.Open);
            Assert.Equal(beyond.GetLink("u1").Index, u0.LowerIndex);
            using NetworkNamespace here = NetworkNamespace.OpenCurrent();
            Assert.Null(vx0.LowerNamespaceId);
            Assert.NotEqual(here.Identity, there.Identity);
            using NetworkNamespace again = NetworkNamespace.Open(netns.Name);
            Assert.Equal(again.Identity, here.Identity);
            Assert.Equal(new FileInfo("/proc/thread-self/ns/net").LinkTarget, here.Identity);

            Assert.Contains(new NeighborInfo(u0.Index, MacAddress.Parse("02:00:00:00:00:02"), ValueIPAddress.Parse("192.0.2.2")), netlink.GetNeighbors(u0.Index));
            IReadOnlyList<NeighborInfo> stations = netlink.GetForwarding(vx0.Index);
            Assert.Contains(new NeighborInfo(vx0.Index, default, ValueIPAddress.Parse("192.0.2.2")), stations);
            Assert.Contains(new NeighborInfo(vx0.Index, MacAddress.Parse("02:00:00:00:00:09"), ValueIPAddress.Parse("192.0.2.9")), stations);
            Assert.Contains(new NeighborInfo(vx0.Index, MacAddress.Parse("02:00:00:00:00:09"), null), netlink.GetForwarding(br0.Index));
        });
    }

    /// <summary>The attributes of every device, as hexadecimal digits, out of the kernel's own answers: nobody between reads them.</summary>
    private const string Script = """
        /usr/bin/python3 - <<'END'
        import json, socket, struct
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        s.send(struct.pack('=IHHII', 32, 18, 0x301, 1, 0) + bytes(16))
        def attributes(data):
            while len(data) >= 4:
                length, kind = struct.unpack('=HH', data[:4])
                yield kind & 0x3fff, data[4:length]
                data = data[(length + 3) & ~3:]
        links, done = {}, False
        while not done:
            data = s.recv(1 << 20)
            while data:
                length, kind = struct.unpack('=IH', data[:6])
                if kind == 3:
                    done = True
                elif kind == 16:
                    link = dict(attributes(data[32:length]))
                    info = dict(attributes(link.get(18, b'')))
                    links[link[3].rstrip(b'\0').decode()] = {
                        'mtu': struct.unpack('=I', link[4])[0], 'kind': info.get(1, b'').rstrip(b'\0').decode(), 'data': info.get(2, b'').hex()}
                data = data[(length + 3) & ~3:]
        print(json.dumps(links))
        END
        """;
}
