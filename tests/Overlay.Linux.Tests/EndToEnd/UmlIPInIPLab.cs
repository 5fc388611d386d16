using System.Globalization;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>One way of IP in IP between overlayd and a kernel device of the peer.</summary>
/// <param name="Name">How tests call it.</param>
/// <param name="Tunnel">Its tunnel in overlayd's configuration.</param>
/// <param name="Remote">The peer's outer address.</param>
/// <param name="Network">The inner network, as what stands before the last number of an address.</param>
/// <param name="PeerMtu">The MTU that the peer's device has by itself.</param>
/// <param name="Device">The peer's device, for <c>ip link add NAME …</c>.</param>
internal sealed record Encapsulation(string Name, string Tunnel, string Remote, string Network, int PeerMtu, string Device)
{
    public bool IsOuterIPv4 => !Remote.Contains(':', StringComparison.Ordinal);

    public bool IsInnerIPv4 => !Network.Contains(':', StringComparison.Ordinal);

    /// <summary>Whether the peer puts a destination options header with the encapsulation limit between both IP headers (RFC 2473 §5).</summary>
    public bool HasEncapsulationLimit => !IsOuterIPv4 && !Device.Contains("encaplimit none", StringComparison.Ordinal);

    public string Local => IsOuterIPv4 ? UmlIPInIPLab.Ours4 : UmlIPInIPLab.Ours6;

    public int OurMtu => IsOuterIPv4 ? 1480 : 1460;

    public string Ours => Network + "1";

    public string Theirs => Network + "2";

    public string Prefix => $"{Network}0/{(IsInnerIPv4 ? 24 : 64)}";

    public string Protocol => IsInnerIPv4 ? "4" : "41";

    /// <summary>What a capture filter knows its packets by.</summary>
    public string Filter => IsOuterIPv4 ? $"ip proto {Protocol} and host {Remote}" : $"host {Remote} and (ip6[6] = {Protocol} or ip6[6] = 60)";
}

/// <summary>
/// overlayd in one namespace, a user-mode Linux with ipip, sit and ip6tnl devices in another, a bridge between: one boot for all encapsulations.
/// </summary>
internal sealed class UmlIPInIPLab : IDisposable
{
    public const string Cable = "u0";
    public const string OurDevice = "w0";
    public const string Ours4 = "192.0.2.1";
    public const string Ours6 = "2001:db8::1";
    public const int EchoPort = 7000;

    // Two ip6tnl devices cannot have both addresses in common, so each has its own outer address.
    public static readonly Encapsulation[] All =
    [
        new("4in4", "o4", "192.0.2.2", "10.44.0.", 1480, "t44 type ipip local 192.0.2.2 remote 192.0.2.1"),
        new("6in4", "o4", "192.0.2.2", "fd64::", 1480, "t64 type sit local 192.0.2.2 remote 192.0.2.1"),
        new("4in6", "o6", "2001:db8::2", "10.46.0.", 1452, "t46 type ip6tnl mode ipip6 local 2001:db8::2 remote 2001:db8::1"),
        new("6in6", "o6", "2001:db8::3", "fd66::", 1452, "t66 type ip6tnl mode ip6ip6 local 2001:db8::3 remote 2001:db8::1"),
        new(
            "4in6 without limit", "o6", "2001:db8::4", "10.47.0.", 1460,
            "n46 type ip6tnl mode ipip6 encaplimit none local 2001:db8::4 remote 2001:db8::1"),
        new(
            "6in6 without limit", "o6", "2001:db8::5", "fd67::", 1460,
            "n66 type ip6tnl mode ip6ip6 encaplimit none local 2001:db8::5 remote 2001:db8::1"),
        // A device that may send more than the link carries: its outer packets are fragmented, which the kernel allows with a TTL to inherit only.
        new(Fragmenting, "o4", "192.0.2.6", "10.48.0.", 1480, "f44 type ipip nopmtudisc ttl inherit local 192.0.2.6 remote 192.0.2.1"),
    ];

    public const string Fragmenting = "4in4 in fragments";

    private static readonly TimeSpan ScriptBound = TimeSpan.FromSeconds(60);

    private readonly Netns _cables;

    public UmlIPInIPLab()
    {
        _cables = Netns.Create("ovuml");
        try
        {
            Us = Netns.Create("ovuml");
            _cables.Ip("link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0");
            _cables.Ip("link", "set", "br0", "up");
            Netns.Connect(_cables, "h0", null, Us, OurDevice, Ours4 + "/24");
            Us.Configure(OurDevice, Ours6 + "/64");
            _cables.Ip("link", "set", "h0", "master", "br0");
            Peer = UmlPeer.Start(_cables, Cable, UmlPeer.IPInIPModules);
            _cables.Ip("link", "set", Cable, "master", "br0");
            Peer.Run(string.Join('\n', PeerSetup()));
            Daemon = OverlayDaemon.Start(Us, Tunnels("raw"));
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

    public OverlayDaemon Daemon { get; private set; } = null!;

    public static Encapsulation Find(string name) => Array.Find(All, e => e.Name == name)!;

    /// <summary>Starts overlayd anew with another transport.</summary>
    public void ChangeTransport(string transport)
    {
        Daemon.Dispose();
        Daemon = OverlayDaemon.Start(Us, Tunnels(transport));
    }

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
        CommandResult result = await Peer.Begin(ScriptBound, PythonCommand(script, arguments));
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    /// <summary>Sends requests to the peer's echo server and returns the numbers of each answer, see <see cref="PeerScripts.EchoClient"/>.</summary>
    public int[][] Echo(Encapsulation encapsulation, params IEnumerable<string> requests)
    {
        string output = RunPython(
            PeerScripts.EchoClient, [encapsulation.Ours, encapsulation.Theirs, EchoPort.ToString(CultureInfo.InvariantCulture), .. requests]).Output;
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ').Select(word => int.Parse(word, CultureInfo.InvariantCulture)).ToArray())];
    }

    /// <summary>Nothing was dropped since <paramref name="before"/> in either direction of any tunnel.</summary>
    public void AssertNoDrops(JsonElement before)
    {
        JsonElement after = Daemon.Query();
        foreach (string tunnel in (string[])["o4", "o6"])
        {
            foreach (string direction in (string[])["egress", "ingress"])
            {
                long drops = OverlayDaemon.Drops(after, tunnel, direction) - OverlayDaemon.Drops(before, tunnel, direction);
                Assert.True(drops == 0, $"{tunnel} {direction} dropped {drops}: {after}");
            }
        }
    }

    public void Dispose()
    {
        Daemon?.Dispose();
        Peer?.Dispose();
        Us?.Dispose();
        _cables.Dispose();
    }

    private static string PythonCommand(string script, params IEnumerable<string> arguments) =>
        $"/usr/bin/python3 -IS - {string.Join(' ', arguments)} <<'END'\n{script}\nEND";

    private static IEnumerable<string> PeerSetup()
    {
        const string Port = "1B58";
        yield return "set -e";
        // Only what tests send shall be on the wire.
        yield return "cd /proc/sys/net/ipv6/conf/default; echo 0 > accept_dad; echo 0 > router_solicitations; echo 1 > addr_gen_mode; cd /";
        yield return $"for directory in /proc/sys/net/ipv6/conf/*; do echo 1 > $directory/addr_gen_mode; done; ip link set {UmlPeer.Device} up";
        foreach (string address in All.Select(e => e.Remote).Distinct())
        {
            yield return $"ip address add {address}/{(address.Contains(':', StringComparison.Ordinal) ? 64 : 24)} dev {UmlPeer.Device} nodad";
        }

        foreach (Encapsulation encapsulation in All)
        {
            string device = encapsulation.Device.Split(' ')[0];
            yield return $"ip link add {encapsulation.Device}; ip link set {device} up";
            yield return $"ip address add {encapsulation.Theirs}/{(encapsulation.IsInnerIPv4 ? 24 : 64)} dev {device} nodad";
        }

        yield return "ip link set f44 mtu 3000";
        yield return $"cat > /run/echo.py <<'END'\n{PeerScripts.EchoServer}\nEND";
        yield return $"setsid /usr/bin/python3 -IS /run/echo.py {EchoPort} &";
        yield return $"until grep -q :{Port} /proc/net/udp && grep -q :{Port} /proc/net/udp6; do sleep 0.05; done";
    }

    private static string Tunnels(string transport)
    {
        return $"{Tunnel("o4", Ours4, "")}, {Tunnel("o6", Ours6, """, "policy": { "dscp": "inherit" }""")}";

        string Tunnel(string name, string local, string policy)
        {
            Encapsulation[] own = [.. All.Where(e => e.Tunnel == name)];
            string addresses = string.Join(", ", own.Select(e => $"\"{e.Ours}/{(e.IsInnerIPv4 ? 32 : 128)}\""));
            string routes = string.Join(", ", own.Select(e => $$"""{ "prefix": "{{e.Prefix}}", "remote": "{{e.Remote}}" }"""));
            return $$"""
                { "name": "{{name}}", "kind": "ipip", "local": "{{local}}",
                  "device": { "type": "tun", "addresses": [{{addresses}}] }, "routes": [{{routes}}], "transport": "{{transport}}"{{policy}} }
                """;
        }
    }
}
