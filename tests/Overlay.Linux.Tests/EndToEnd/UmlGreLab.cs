using System.Globalization;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>A GRE tunnel between overlayd and a kernel device of the peer.</summary>
/// <param name="Name">How tests call it.</param>
/// <param name="Number">The inner networks are 10.NUMBER.0.0/24 and fdNUMBER::/64; the tunnel in overlayd is oNUMBER.</param>
/// <param name="Kind">The kind in overlayd's configuration.</param>
/// <param name="Local">Our outer address.</param>
/// <param name="Remote">The peer's outer address.</param>
/// <param name="Fields">Which optional fields there are: <c>k</c>ey, <c>c</c>hecksum, <c>s</c>equence numbers.</param>
/// <param name="Key">The key, if there is one.</param>
/// <param name="Options">What the peer's device has beside the usual.</param>
internal sealed record GreForm(string Name, int Number, string Kind, string Local, string Remote, string Fields = "", uint Key = 0, string Options = "")
{
    public bool IsOuterIPv4 => !Remote.Contains(':', StringComparison.Ordinal);

    public bool IsEthernet => Kind == "gretap";

    public bool HasKey => Fields.Contains('k', StringComparison.Ordinal);

    public bool HasChecksum => Fields.Contains('c', StringComparison.Ordinal);

    public bool HasNumbers => Fields.Contains('s', StringComparison.Ordinal);

    public string Tunnel => $"o{Number}";

    public string Device => $"g{Number}";

    public int OurMtu => 1500 - (IsOuterIPv4 ? 20 : 40) - 4 - (4 * Fields.Length) - (IsEthernet ? 14 : 0);

    public string Ours(bool ipv6) => ipv6 ? $"fd{Number}::1" : $"10.{Number}.0.1";

    public string Theirs(bool ipv6) => ipv6 ? $"fd{Number}::2" : $"10.{Number}.0.2";

    /// <summary>What a capture filter knows our packets by.</summary>
    public string Sent => IsOuterIPv4 ? $"ip proto 47 and src host {Local}" : $"ip6[6] = 47 and src host {Local}";

    /// <summary>The peer's device.</summary>
    public string PeerCommand
    {
        get
        {
            string type = IsOuterIPv4 ? Kind : $"ip6{Kind}";
            return $"ip link add {Device} type {type} local {Remote} remote {Local} ttl 64{(HasKey ? $" key {Key}" : "")}{(HasChecksum ? " csum" : "")}" +
                $"{(HasNumbers ? " seq" : "")} {Options}";
        }
    }

    /// <summary>Our tunnel.</summary>
    public string Json
    {
        get
        {
            string fields = (HasKey ? $", \"key\": {Key}" : "") + (HasChecksum ? ", \"checksum\": true" : "") + (HasNumbers ? ", \"sequence\": true" : "");
            string way = IsEthernet
                ? $"\"flood\": [ \"{Remote}\" ]"
                : $$"""
                  "routes": [ { "prefix": "10.{{Number}}.0.0/24", "remote": "{{Remote}}" }, { "prefix": "fd{{Number}}::/64", "remote": "{{Remote}}" } ]
                  """;
            (int length4, int length6) = IsEthernet ? (24, 64) : (32, 128);
            return $$"""
                { "name": "{{Tunnel}}", "kind": "{{Kind}}", "local": "{{Local}}"{{fields}}, {{way}},
                  "device": { "type": "{{(IsEthernet ? "tap" : "tun")}}", "addresses": [ "{{Ours(false)}}/{{length4}}", "{{Ours(true)}}/{{length6}}" ] } }
                """;
        }
    }
}

/// <summary>
/// overlayd in one namespace, a user-mode Linux with gre, gretap, ip6gre, ip6gretap and ip6tnl devices in another, a bridge between.
/// </summary>
internal sealed class UmlGreLab : IDisposable
{
    public const string Cable = "u0";
    public const string OurDevice = "w0";
    public const int EchoPort = 7000;

    /// <summary>The tunnel of IP in IP whose packets have an encapsulation limit, and its addresses.</summary>
    public const string Limited = "limited";
    public const string LimitedLocal = "2001:db8::21";
    public const string LimitedRemote = "2001:db8::22";
    public const string LimitedOurs = "fd60::1";
    public const string LimitedTheirs = "fd60::2";
    public const int Limit = 3;

    // Kinds have local addresses of their own, for a raw socket sees all of protocol 47; one form shares that of the other kind all the same.
    public static readonly GreForm[] All =
    [
        new("gre", 50, "gre", "192.0.2.1", "192.0.2.2"),
        new("gre with key", 51, "gre", "192.0.2.1", "192.0.2.2", "k", 7),
        new("gre with checksum", 52, "gre", "192.0.2.1", "192.0.2.2", "kc", 0),
        new("gre with all", 53, "gre", "192.0.2.1", "192.0.2.2", "kcs", uint.MaxValue),
        new("gretap", 54, "gretap", "192.0.2.11", "192.0.2.2"),
        new("gretap with all", 55, "gretap", "192.0.2.11", "192.0.2.2", "kcs", 100),
        new("gre over IPv6", 56, "gre", "2001:db8::1", "2001:db8::2"),
        new("gre over IPv6 with all", 57, "gre", "2001:db8::1", "2001:db8::2", "kcs", 9, "encaplimit none"),
        new("gretap over IPv6 with all", 58, "gretap", "2001:db8::11", "2001:db8::2", "kcs", 10, "encaplimit none"),
    ];

    private static readonly TimeSpan ScriptBound = TimeSpan.FromSeconds(60);

    private readonly Netns _cables;

    public UmlGreLab()
    {
        _cables = Netns.Create("ovgre");
        try
        {
            Us = Netns.Create("ovgre");
            _cables.Ip("link", "add", "br0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0");
            _cables.Ip("link", "set", "br0", "up");
            Netns.Connect(_cables, "h0", null, Us, OurDevice, "192.0.2.1/24");
            foreach (string address in All.Select(form => form.Local).Append(LimitedLocal).Distinct().Skip(1))
            {
                Us.Configure(OurDevice, $"{address}/{(address.Contains(':', StringComparison.Ordinal) ? 64 : 24)}");
            }

            _cables.Ip("link", "set", "h0", "master", "br0");
            Peer = UmlPeer.Start(_cables, Cable, UmlPeer.AllModules);
            _cables.Ip("link", "set", Cable, "master", "br0");
            // A request longer than what the serial line holds, 4096 bytes, leaves it choked: the last that is answered.
            foreach (string[] lines in PeerSetup().Chunk(4))
            {
                Peer.Run($"set -e\n{string.Join('\n', lines)}");
            }

            Daemon = OverlayDaemon.Start(Us, Tunnels());
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

    public static GreForm Find(string name) => Array.Find(All, form => form.Name == name)!;

    /// <summary>A capture on the peer's cable.</summary>
    public WireCapture Capture(int packets, string filter) => new(_cables, Cable, packets, filter);

    /// <summary>Runs a Python program beside overlayd.</summary>
    public CommandResult RunPython(string script, params string[] arguments)
    {
        CommandResult result = Us.TryExec(ScriptBound, "/usr/bin/python3", ["-IS", "-c", script, .. arguments]);
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    /// <summary>Begins a Python program in the peer.</summary>
    public async Task<CommandResult> BeginPeerPython(string script, params string[] arguments)
    {
        CommandResult result = await Peer.Begin(ScriptBound, $"/usr/bin/python3 -IS - {string.Join(' ', arguments)} <<'END'\n{script}\nEND");
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    /// <summary>Sends requests to the peer's echo server and returns the numbers of each answer, see <see cref="PeerScripts.EchoClient"/>.</summary>
    public int[][] Echo(string ours, string theirs, params IEnumerable<string> requests)
    {
        string output = RunPython(PeerScripts.EchoClient, [ours, theirs, EchoPort.ToString(CultureInfo.InvariantCulture), .. requests]).Output;
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ').Select(word => int.Parse(word, CultureInfo.InvariantCulture)).ToArray())];
    }

    /// <summary>Nothing was dropped since <paramref name="before"/> in either direction of a tunnel, nor was anything nobody's; and the peer saw no error.</summary>
    public void AssertNoDrops(GreForm form, JsonElement before)
    {
        JsonElement after = Daemon.Query();
        foreach (string direction in (string[])["egress", "ingress"])
        {
            long drops = OverlayDaemon.Drops(after, form.Tunnel, direction) - OverlayDaemon.Drops(before, form.Tunnel, direction);
            Assert.True(drops == 0, $"{form.Tunnel} {direction} dropped {drops}: {after}");
        }

        Assert.Equal(before.GetProperty("drops").GetRawText(), after.GetProperty("drops").GetRawText());
        // Received at the peer: bytes, packets, errors. Whatever its kernel did not like, a wrong checksum or number, is one.
        CommandResult statistics = Peer.TryRun(ScriptBound, $"ip -s -o link show dev {form.Device}");
        Assert.Matches(@"RX: .*\\\s+\d+\s+\d+\s+0\s", statistics.Output);
    }

    public void Dispose()
    {
        Daemon?.Dispose();
        Peer?.Dispose();
        Us?.Dispose();
        _cables.Dispose();
    }

    private static IEnumerable<string> PeerSetup()
    {
        const string Port = "1B58";
        // Only what tests send shall be on the wire.
        yield return "cd /proc/sys/net/ipv6/conf/default; echo 0 > accept_dad; echo 0 > router_solicitations; echo 1 > addr_gen_mode; cd /";
        yield return $"for directory in /proc/sys/net/ipv6/conf/*; do echo 1 > $directory/addr_gen_mode; done; ip link set {UmlPeer.Device} up";
        foreach (string address in All.Select(form => form.Remote).Append(LimitedRemote).Distinct())
        {
            yield return $"ip address add {address}/{(address.Contains(':', StringComparison.Ordinal) ? 64 : 24)} dev {UmlPeer.Device} nodad";
        }

        foreach (GreForm form in All)
        {
            yield return $"{form.PeerCommand}; ip link set {form.Device} up";
            yield return $"ip address add {form.Theirs(false)}/24 dev {form.Device}; ip address add {form.Theirs(true)}/64 dev {form.Device} nodad";
        }

        yield return $"ip link add l60 type ip6tnl mode ip6ip6 local {LimitedRemote} remote {LimitedLocal}; ip link set l60 up";
        yield return $"ip address add {LimitedTheirs}/64 dev l60 nodad";
        yield return $"cat > /run/echo.py <<'END'\n{PeerScripts.EchoServer}\nEND";
        yield return $"setsid /usr/bin/python3 -IS /run/echo.py {EchoPort} &";
        yield return $"until grep -q :{Port} /proc/net/udp && grep -q :{Port} /proc/net/udp6; do sleep 0.05; done";
    }

    private static string Tunnels() => string.Join(", ", All.Select(form => form.Json)) + $$"""
        , { "name": "{{Limited}}", "kind": "ipip", "local": "{{LimitedLocal}}", "policy": { "encapsulationLimit": {{Limit}} },
            "device": { "type": "tun", "addresses": [ "{{LimitedOurs}}/128" ] },
            "routes": [ { "prefix": "fd60::/64", "remote": "{{LimitedRemote}}" } ] }
        """;
}
