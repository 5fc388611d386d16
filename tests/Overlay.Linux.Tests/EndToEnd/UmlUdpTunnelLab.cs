using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>One kind of tunnel over UDP between overlayd and a kernel device of the peer.</summary>
/// <param name="Name">The name of overlayd's tunnel.</param>
/// <param name="Keys">Its keys beside name, local, device and what leads to the remote.</param>
/// <param name="IsTap">Whether it carries Ethernet.</param>
/// <param name="Remote">The peer's outer address.</param>
/// <param name="Port">The UDP port of both ends.</param>
/// <param name="Network">The inner network, as what stands before the last number of an address.</param>
/// <param name="OurMtu">The MTU that overlayd is to choose.</param>
/// <param name="Peer">What makes the peer's device <paramref name="Device"/>, up to its addresses.</param>
/// <param name="Device">The peer's device.</param>
internal sealed record UdpEncapsulation(
    string Name, string Keys, bool IsTap, string Remote, int Port, string Network, int OurMtu, string Peer, string Device)
{
    /// <summary>What the peer needs after its device has its address.</summary>
    public string PeerRoute { get; init; } = "";

    public bool IsInnerIPv4 => !Network.Contains(':', StringComparison.Ordinal);

    public string Ours => Network + "1";

    public string Theirs => Network + "2";

    public string Prefix => $"{Network}0/{(IsInnerIPv4 ? 24 : 64)}";

    /// <summary>What a capture filter knows its packets by.</summary>
    public string Filter => $"udp port {Port} and host {Remote}";
}

/// <summary>
/// overlayd in one namespace, a user-mode Linux with geneve and vxlan devices and ports of fou and gue in another, a bridge between: one boot for all kinds.
/// </summary>
internal sealed class UmlUdpTunnelLab : IDisposable
{
    public const string Cable = "u0";
    public const string OurDevice = "w0";
    public const string Ours = "192.0.2.1";
    public const int EchoPort = 7000;
    public const int Group = 77;

    public static readonly UdpEncapsulation[] All =
    [
        new("gnv", """ "kind": "geneve", "vni": 7, "options": [ { "class": 258, "type": 1, "data": "00000007" } ] """, true, "192.0.2.2", 6081,
            "10.50.0.", 1442, "ip link add g7 type geneve id 7 remote 192.0.2.1 dstport 6081", "g7"),
        // The same endpoint as the first, and no Ethernet inside.
        new("gnv3", """ "kind": "geneve", "vni": 8 """, false, "192.0.2.2", 6081,
            "10.51.0.", 1464, "ip link add g8 type geneve id 8 remote 192.0.2.1 dstport 6081 innerprotoinherit", "g8"),
        new("gnv6", """ "kind": "geneve", "vni": 9 """, false, "192.0.2.2", 6081,
            "fd51::", 1464, "ip link add g9 type geneve id 9 remote 192.0.2.1 dstport 6081 innerprotoinherit", "g9"),
        new("gbp", $""" "kind": "vxlan", "vni": 42, "gbp": {Group} """, true, "192.0.2.2", 4789,
            "10.52.0.", 1450, "ip link add v42 type vxlan id 42 local 192.0.2.2 remote 192.0.2.1 dstport 4789 gbp", "v42"),
        new("gpe", """ "kind": "vxlan-gpe", "vni": 9 """, false, "192.0.2.2", 4790,
            "10.53.0.", 1464, "ip link add v9 type vxlan dstport 4790 gpe external", "v9")
        {
            // The kernel speaks GPE only where routes say which network and remote.
            PeerRoute = "ip route add 10.53.0.1 encap ip id 9 dst 192.0.2.1 dev v9",
        },
        new("fou", """ "kind": "fou", "port": 5555 """, false, "192.0.2.2", 5555,
            "10.54.0.", 1472, Foo("f4 type ipip", "192.0.2.2", "port 5555 ipproto 4") + Writer("tf", "192.0.2.2", 5555), "tf"),
        new("gue", """ "kind": "gue" """, false, "192.0.2.3", 6080,
            "10.55.0.", 1468, Foo("q4 type ipip", "192.0.2.3", "port 6080 gue") + Writer("tq", "192.0.2.3", 6080, "00040000", "00290000"), "tq"),
        new("gue", """ "kind": "gue" """, false, "192.0.2.3", 6080,
            "fd55::", 1468, "ip link add q6 type sit local 192.0.2.3 remote 192.0.2.1; ip link set q6 up", "tq"),
        // What flannel's backend sends is what the kernel calls foo over UDP.
        new("flannel", """ "kind": "udp" """, false, "192.0.2.4", 8285,
            "10.56.0.", 1472, Foo("l4 type ipip", "192.0.2.4", "port 8285 ipproto 4") + Writer("tl", "192.0.2.4", 8285), "tl"),
    ];

    // A kernel without CONFIG_NET_FOU_IP_TUNNELS takes foo over UDP and GUE apart, but no device of its writes them: so a program does, of bytes that
    // stand here. WRITER DEVICE SOURCE PORT HEADER4 HEADER6
    private const string WriterScript = """
        import fcntl, os, socket, struct, sys
        name, source, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
        headers = {4: bytes.fromhex(sys.argv[4].strip('-')), 6: bytes.fromhex(sys.argv[5].strip('-'))}
        TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
        tun = os.open('/dev/net/tun', os.O_RDWR)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TUN | IFF_NO_PI))
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.bind((source, 0))
        sender.connect(('192.0.2.1', port))
        while True:
            packet = os.read(tun, 65535)
            try:
                sender.send(headers[packet[0] >> 4] + packet)
            except ConnectionRefusedError:
                pass # What was sent before the other end was there.
        """;

    private static readonly TimeSpan ScriptBound = TimeSpan.FromSeconds(60);

    private readonly Netns _cables;

    public UmlUdpTunnelLab()
    {
        _cables = Netns.Create("ovumu");
        try
        {
            Us = Netns.Create("ovumu");
            _cables.Ip("link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0");
            _cables.Ip("link", "set", "br0", "up");
            Netns.Connect(_cables, "h0", null, Us, OurDevice, Ours + "/24");
            _cables.Ip("link", "set", "h0", "master", "br0");
            Peer = UmlPeer.Start(_cables, Cable, [.. UmlPeer.AllModules, "drivers/net/tun"]);
            _cables.Ip("link", "set", Cable, "master", "br0");
            foreach (string script in PeerSetup())
            {
                // One by one: a script of more than the 4096 bytes that a terminal holds, in base64, stalls the peer's line.
                Peer.Run("set -e\n" + script);
            }

            Daemon = OverlayDaemon.Start(Us, string.Join(",\n", Tunnels()));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Where overlayd runs.</summary>
    public Netns Us { get; } = null!;

    /// <summary>The other kernel.</summary>
    public UmlPeer Peer { get; } = null!;

    public OverlayDaemon Daemon { get; } = null!;

    public static UdpEncapsulation Find(string network) => Array.Find(All, e => e.Network == network)!;

    /// <summary>A capture on the peer's cable.</summary>
    public WireCapture Capture(int packets, string filter) => new(_cables, Cable, packets, filter);

    /// <summary>Runs a program of <see cref="PeerScripts"/> beside overlayd.</summary>
    public CommandResult RunPython(string script, params string[] arguments)
    {
        CommandResult result = Us.TryExec(ScriptBound, "/usr/bin/python3", ["-IS", "-c", script, .. arguments]);
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

    /// <summary>Nothing was dropped since <paramref name="before"/> in either direction of a tunnel.</summary>
    public void AssertNoDrops(string tunnel, JsonElement before)
    {
        JsonElement after = Daemon.Query();
        foreach (string direction in (string[])["egress", "ingress"])
        {
            long drops = OverlayDaemon.Drops(after, tunnel, direction) - OverlayDaemon.Drops(before, tunnel, direction);
            Assert.True(drops == 0, $"{tunnel} {direction} dropped {drops}: {after}");
        }
    }

    public void Dispose()
    {
        Daemon?.Dispose();
        Peer?.Dispose();
        Us?.Dispose();
        _cables.Dispose();
    }

    // A port where the kernel takes packets out of UDP, and the device that gets them.
    private static string Foo(string device, string local, string port) =>
        $"ip fou add {port}; ip link add {device} local {local} remote {Ours}; ip link set {device.Split(' ')[0]} up; ";

    private static string Writer(string device, string source, int port, string header4 = "-", string header6 = "-") =>
        $"setsid /usr/bin/python3 -IS /run/writer.py {device} {source} {port} {header4} {header6} & " +
        $"until ip link show dev {device} > /dev/null 2>&1; do sleep 0.05; done";

    private static IEnumerable<string> PeerSetup()
    {
        const string Port = "1B58";
        // Only what tests send shall be on the wire.
        yield return "cd /proc/sys/net/ipv6/conf/default; echo 0 > accept_dad; echo 0 > router_solicitations; echo 1 > addr_gen_mode; cd /";
        yield return $"for directory in /proc/sys/net/ipv6/conf/*; do echo 1 > $directory/addr_gen_mode; done; ip link set {UmlPeer.Device} up";
        foreach (string address in All.Select(e => e.Remote).Distinct())
        {
            yield return $"ip address add {address}/24 dev {UmlPeer.Device}";
        }

        yield return $"cat > /run/writer.py <<'END'\n{WriterScript}\nEND";
        foreach (UdpEncapsulation encapsulation in All)
        {
            yield return $"{encapsulation.Peer}; ip link set {encapsulation.Device} mtu {encapsulation.OurMtu} up";
            yield return $"ip address add {encapsulation.Theirs}/{(encapsulation.IsInnerIPv4 ? 24 : 64)} dev {encapsulation.Device} {(encapsulation.IsInnerIPv4 ? "" : "nodad")}\n{encapsulation.PeerRoute}";
        }

        yield return $"cat > /run/echo.py <<'END'\n{PeerScripts.EchoServer}\nEND";
        yield return $"setsid /usr/bin/python3 -IS /run/echo.py {EchoPort} &\nuntil grep -q :{Port} /proc/net/udp && grep -q :{Port} /proc/net/udp6; do sleep 0.05; done";
    }

    private static IEnumerable<string> Tunnels()
    {
        foreach (IGrouping<string, UdpEncapsulation> tunnel in All.GroupBy(e => e.Name))
        {
            UdpEncapsulation first = tunnel.First();
            string addresses = string.Join(", ", tunnel.Select(e => $"\"{e.Ours}/{(e.IsTap ? 24 : e.IsInnerIPv4 ? 32 : 128)}\""));
            string remotes = first.IsTap
                ? $"\"flood\": [ \"{first.Remote}\" ]"
                : $"\"routes\": [ {string.Join(", ", tunnel.Select(e => $$"""{ "prefix": "{{e.Prefix}}", "remote": "{{e.Remote}}" }"""))} ]";
            yield return $$"""
                { "name": "{{first.Name}}", {{first.Keys}}, "local": "{{Ours}}", "device": { "type": "{{(first.IsTap ? "tap" : "tun")}}", "addresses": [ {{addresses}} ] }, {{remotes}} }
                """;
        }
    }
}
