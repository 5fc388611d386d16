using System.Globalization;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// <see cref="RoutedLab"/> with overlayd at host 1 and far ends that take tunnels apart: vxlan devices of host 2, and at a third link of the router a user-mode
/// Linux with ipip, sit and ip6tnl devices. Both links beyond the router are smaller than the first.
/// </summary>
internal sealed class PathMtuPeerLab : IDisposable
{
    public const string Cable = "u0";

    /// <summary>The MTU of the links beyond the router: odd, and no multiple of eight for any encapsulation.</summary>
    public const int FarMtu = 1_361;

    /// <summary>The MTU of the tunnels' devices: what a link of 1500 bytes takes with any encapsulation, and more than the far links do.</summary>
    public const int DeviceMtu = 1_430;

    /// <summary>The MTU of the path to <see cref="Narrow"/>.</summary>
    public const int NarrowMtu = 1_290;

    public const string EchoPort = "7000";

    /// <summary>IPv6 within IPv4, where less fits than every link of IPv6 must carry.</summary>
    public static readonly PathMtuPeer Narrow = new("6in4 below 1280", "o4", "203.0.113.8", "fd84::", 1_280, "n64 type sit local 203.0.113.8 remote 192.0.2.1");

    // Two ip6tnl devices cannot have both addresses in common. And each has a path MTU of its own.
    public static readonly PathMtuPeer[] All =
    [
        new("IPv4 in vxlan/ipv4", "v4", "198.51.100.2", "10.71.0.", FarMtu - 50, ""),
        new("IPv6 in vxlan/ipv4", "v4", "198.51.100.2", "fd71::", FarMtu - 50, ""),
        new("IPv4 in vxlan/ipv6", "v6", "2001:db8:2::2", "10.72.0.", FarMtu - 70, ""),
        new("IPv6 in vxlan/ipv6", "v6", "2001:db8:2::2", "fd72::", FarMtu - 70, ""),
        new("4in4", "o4", "203.0.113.2", "10.73.0.", FarMtu - 20, "t44 type ipip local 203.0.113.2 remote 192.0.2.1"),
        new("6in4", "o4", "203.0.113.3", "fd74::", FarMtu - 20, "t64 type sit local 203.0.113.3 remote 192.0.2.1"),
        new("4in6", "o6", "2001:db8:3::2", "10.75.0.", FarMtu - 40, "t46 type ip6tnl mode ipip6 encaplimit none local 2001:db8:3::2 remote 2001:db8:1::1"),
        new("6in6", "o6", "2001:db8:3::3", "fd76::", FarMtu - 40, "t66 type ip6tnl mode ip6ip6 encaplimit none local 2001:db8:3::3 remote 2001:db8:1::1"),
        new("4in6 with limit", "o6", "2001:db8:3::4", "10.77.0.", FarMtu - 40, "l46 type ip6tnl mode ipip6 local 2001:db8:3::4 remote 2001:db8:1::1")
        {
            TheirMtu = FarMtu - 48,
        },
        new("6in6 with limit", "o6", "2001:db8:3::5", "fd78::", FarMtu - 40, "l66 type ip6tnl mode ip6ip6 local 2001:db8:3::5 remote 2001:db8:1::1")
        {
            TheirMtu = FarMtu - 48,
        },
    ];

    /// <summary>
    /// Devices that may send more than the link carries, so that their outer packets are fragmented. None over IPv6: there Linux's vxlan device does not
    /// fragment what exceeds the link, but drops it and counts it in Ip6FragFails.
    /// </summary>
    public static readonly PathMtuPeer[] Fragmenting =
    [
        new("vxlan/ipv4 in fragments", "f4", "198.51.100.2", "10.79.0.", FarMtu - 50, "") { DeviceMtu = 3_000 },
        // The kernel allows it with a TTL to inherit only.
        new("4in4 in fragments", "o4", "203.0.113.6", "10.81.0.", FarMtu - 20, "f44 type ipip nopmtudisc ttl inherit local 203.0.113.6 remote 192.0.2.1") { DeviceMtu = 3_000 },
        new("6in4 in fragments", "o4", "203.0.113.7", "fd82::", FarMtu - 20, "f64 type sit nopmtudisc ttl inherit local 203.0.113.7 remote 192.0.2.1") { DeviceMtu = 3_000 },
    ];

    private static readonly string[] KernelTunnels = ["v4", "v6", "f4"];

    private static readonly TimeSpan ScriptBound = TimeSpan.FromSeconds(60);

    private readonly Lazy<UmlPeer> _peer;

    public PathMtuPeerLab()
    {
        _peer = new Lazy<UmlPeer>(StartPeer);
        Routed = new RoutedLab(FarMtu);
        try
        {
            // Each outer packet is one packet on the links, so that a capture tells their lengths.
            Routed.Near.EthtoolOff(RoutedLab.Device, "tx-udp-segmentation");
            foreach (IGrouping<string, PathMtuPeer> tunnel in Networks.Where(peer => peer.IsKernelVxlan).GroupBy(peer => peer.Tunnel))
            {
                AddKernelVxlan([.. tunnel]);
            }

            Daemon = OverlayDaemon.Start(Routed.Near, string.Join(",\n", Networks.GroupBy(peer => peer.Tunnel).Select(tunnel => Tunnel([.. tunnel]))));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Both hosts and the router.</summary>
    public RoutedLab Routed { get; }

    public OverlayDaemon Daemon { get; } = null!;

    /// <summary>The other kernel, booted by the first test that needs it.</summary>
    public UmlPeer Peer => _peer.Value;

    private static PathMtuPeer[] Networks => [.. All, .. Fragmenting, Narrow];

    public static PathMtuPeer Find(string name) => Networks.First(peer => peer.Name == name);

    /// <summary>Runs a program of <see cref="PeerScripts"/> beside overlayd.</summary>
    public CommandResult RunPython(string script, params string[] arguments)
    {
        CommandResult result = Routed.Near.TryExec(ScriptBound, "/usr/bin/python3", ["-IS", "-c", script, .. arguments]);
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    /// <summary>Begins a program of <see cref="PeerScripts"/> in the peer.</summary>
    public async Task<CommandResult> BeginPeerPython(string script, params string[] arguments)
    {
        CommandResult result = await Peer.Begin(ScriptBound, $"/usr/bin/python3 -IS - {string.Join(' ', arguments)} <<'END'\n{script}\nEND");
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    /// <summary>Sends requests to the peer's echo server and returns the lengths of each, there and back, see <see cref="PeerScripts.EchoClient"/>.</summary>
    public (int There, int Back)[] Echo(PathMtuPeer peer, params IEnumerable<(int There, int Back)> lengths)
    {
        string output = RunPython(
            PeerScripts.EchoClient,
            [peer.Ours, peer.Theirs, EchoPort, .. lengths.Select(length => string.Create(CultureInfo.InvariantCulture, $"0,1,{length.There},0,{length.Back}"))]).Output;
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ').Select(word => int.Parse(word, CultureInfo.InvariantCulture)).ToArray())
            .Select(numbers => (numbers[2], numbers[^1]))];
    }

    public void Dispose()
    {
        Daemon?.Dispose();
        if (_peer.IsValueCreated)
        {
            _peer.Value.Dispose();
        }

        Routed.Dispose();
    }

    private static string Tunnel(PathMtuPeer[] networks)
    {
        PathMtuPeer first = networks[0];
        string addresses = string.Join(", ", networks.Select(peer => $"\"{peer.Ours}/{peer.PrefixLength}\""));
        string own = first.IsKernelVxlan
            ? $$"""
                "kind": "vxlan", "vni": {{Vni(first.Tunnel)}}, "fdb": [ { "mac": "{{VtepLab.PeerMac}}", "remote": "{{first.Remote}}" } ],
                "neighbors": [ {{string.Join(", ", networks.Select(peer => $$"""{ "ip": "{{peer.Theirs}}", "mac": "{{VtepLab.PeerMac}}" }"""))}} ]
                """
            : $$"""
                "kind": "ipip", "routes": [ {{string.Join(", ", networks.Select(peer => $$"""{ "prefix": "{{peer.Theirs}}/{{(peer.IsInnerIPv4 ? 32 : 128)}}", "remote": "{{peer.Remote}}" }"""))}} ]
                """;
        string device = first.IsKernelVxlan ? $""" "type": "tap", "mac": "{VtepLab.OurMac}" """ : """ "type": "tun" """;
        return $$"""
            { "name": "{{first.Tunnel}}", "local": "{{first.Local}}", "policy": { "df": "set" }, {{own}},
              "device": { {{device}}, "mtu": {{DeviceMtu}}, "addresses": [ {{addresses}} ] } }
            """;
    }

    private static int Vni(string tunnel) => 40 + Array.IndexOf(KernelTunnels, tunnel);

    private static IEnumerable<string> PeerSetup()
    {
        // The echo server's port as the kernel's list has it.
        const string Port = "1B58";
        // Only what tests send shall be on the wire.
        yield return "cd /proc/sys/net/ipv6/conf/default; echo 0 > accept_dad; echo 0 > router_solicitations; echo 1 > addr_gen_mode; cd /\n" +
            $"for directory in /proc/sys/net/ipv6/conf/*; do echo 1 > $directory/addr_gen_mode; done; ip link set {UmlPeer.Device} mtu {FarMtu} up";
        PathMtuPeer[] own = [.. Networks.Where(peer => !peer.IsKernelVxlan)];
        yield return string.Join('\n', own.Select(peer => $"ip address add {peer.Remote}/{(peer.IsOuterIPv4 ? 24 : 64)} dev {UmlPeer.Device} nodad"));
        yield return "ip route add default via 203.0.113.254; ip -6 route add default via 2001:db8:3::fe";
        foreach (PathMtuPeer peer in own)
        {
            string device = peer.Device.Split(' ')[0];
            yield return $"ip link add {peer.Device}; ip link set {device} mtu {peer.DeviceMtu} up; ip address add {peer.Theirs}/{peer.PrefixLength} dev {device} nodad";
        }

        yield return $"cat > /run/echo.py <<'END'\n{PeerScripts.EchoServer}\nEND";
        yield return $"setsid /usr/bin/python3 -IS /run/echo.py {EchoPort} &\nuntil grep -q :{Port} /proc/net/udp && grep -q :{Port} /proc/net/udp6; do sleep 0.05; done";
    }

    private void AddKernelVxlan(PathMtuPeer[] networks)
    {
        PathMtuPeer first = networks[0];
        Netns far = Routed.Far;
        far.Ip("link", "add", first.Tunnel, "address", VtepLab.PeerMac.ToString(), "type", "vxlan", "id", Text(Vni(first.Tunnel)),
            "local", first.Remote, "remote", first.Local, "dstport", "4789");
        far.Ip("link", "set", first.Tunnel, "mtu", Text(first.DeviceMtu));
        foreach (PathMtuPeer peer in networks)
        {
            far.Configure(first.Tunnel, $"{peer.Theirs}/{peer.PrefixLength}");
            far.Ip("neigh", "replace", peer.Ours, "lladdr", VtepLab.OurMac.ToString(), "dev", first.Tunnel, "nud", "permanent");
            if (first.DeviceMtu > DeviceMtu)
            {
                // Without this the kernel learns from its own first fragment to send smaller inner packets.
                far.Ip("route", "replace", $"{peer.Network}0/{peer.PrefixLength}", "dev", first.Tunnel, "mtu", "lock", Text(first.DeviceMtu));
            }
        }
    }

    private UmlPeer StartPeer()
    {
        UmlPeer peer = UmlPeer.Start(Routed.Router, Cable, UmlPeer.IPInIPModules);
        try
        {
            Routed.Router.Ip("link", "set", Cable, "mtu", Text(FarMtu));
            Routed.Router.Configure(Cable, "203.0.113.254/24");
            Routed.Router.Configure(Cable, "2001:db8:3::fe/64");
            Routed.Router.Configure(Cable, "fe80::3/64");
            // As if there was a still smaller link on the way to this one.
            Routed.Router.Ip("route", "add", Narrow.Remote, "dev", Cable, "mtu", "lock", Text(NarrowMtu));
            foreach (string script in PeerSetup())
            {
                // One by one: a script of more than the 4096 bytes that a terminal holds, in base64, stalls the peer's line.
                peer.Run("set -e\n" + script);
            }

            return peer;
        }
        catch
        {
            peer.Dispose();
            throw;
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
