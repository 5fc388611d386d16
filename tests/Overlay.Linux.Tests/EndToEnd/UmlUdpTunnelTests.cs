using System.Globalization;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>overlayd against the geneve and vxlan (group policy, GPE) devices of a Linux kernel, and its ports of fou and gue.</summary>
public sealed class UmlUdpTunnelTests(UmlUdpTunnelTests.Fixture fixture) : IClassFixture<UmlUdpTunnelTests.Fixture>
{
    private const int TransferBytes = 5_000_000;
    private const string Port = "5001";

    private static readonly TimeSpan PingBound = TimeSpan.FromSeconds(30);

    private readonly UmlUdpTunnelLab _lab = fixture.Lab;

    /// <summary>The kinds, by their inner network.</summary>
    public static TheoryData<string> Kinds { get; } = [.. UmlUdpTunnelLab.All.Select(e => e.Network)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Pings_each_way_lose_nothing(string network)
    {
        UdpEncapsulation kind = UmlUdpTunnelLab.Find(network);
        // ARP and the first answer are not what is counted.
        _lab.Us.TryExec(PingBound, "ping", "-q", "-c", "1", "-W", "2", "-I", kind.Ours, kind.Theirs);
        JsonElement before = _lab.Daemon.Query();
        Task<CommandResult> theirs = _lab.Peer.Begin(PingBound, $"ping -n -c 50 -w 20 -i 0.01 -I {kind.Theirs} {kind.Ours}");
        CommandResult ours = _lab.Us.TryExec(PingBound, "ping", "-n", "-c", "50", "-w", "20", "-i", "0.01", "-I", kind.Ours, kind.Theirs);
        Assert.Empty(Ping.Unanswered(ours.Output, 50));
        Assert.Empty(Ping.Unanswered((await theirs).Output, 50));
        _lab.AssertNoDrops(kind.Name, before);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Tcp_carries_megabytes_each_way_unharmed(string network)
    {
        UdpEncapsulation kind = UmlUdpTunnelLab.Find(network);
        JsonElement before = _lab.Daemon.Query();
        Task<CommandResult> server = Theirs("serve", TransferBytes, seed: 1);
        AssertTransferred(TransferBytes, Ours("connect", TransferBytes, seed: 2), await server);
        const int Few = 100_000;
        Task<CommandResult> client = Theirs("connect", Few, seed: 3);
        AssertTransferred(Few, Ours("serve", Few, seed: 4), await client);
        _lab.AssertNoDrops(kind.Name, before);
        Assert.Equal(0, VtepLab.Snmp(_lab.Us, "Ip", "FragFails"));

        CommandResult Ours(string role, int bytes, int seed) =>
            _lab.RunPython(PeerScripts.Transfer, role, kind.Ours, kind.Theirs, Port, Text(bytes), Text(seed));

        Task<CommandResult> Theirs(string role, int bytes, int seed) =>
            _lab.BeginPeerPython(PeerScripts.Transfer, role, kind.Theirs, kind.Ours, Port, Text(bytes), Text(seed));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Udp_arrives_as_it_was_sent_and_the_wire_says_what_the_kind_says(string network)
    {
        UdpEncapsulation kind = UmlUdpTunnelLab.Find(network);
        string[] client = [kind.Ours, kind.Theirs, Text(UmlUdpTunnelLab.EchoPort)];
        const string Request = "2,0,400,0,500";
        _lab.RunPython(PeerScripts.EchoClient, [.. client, Request]);
        string[][] rows;
        // Outer checksums are to be on the wire, not left to a device that has none.
        _lab.Us.EthtoolOff(UmlUdpTunnelLab.OurDevice, "tx");
        try
        {
            using WireCapture capture = _lab.Capture(2, $"{kind.Filter} and greater 420");
            string answer = _lab.RunPython(PeerScripts.EchoClient, [.. client, Request]).Output.Trim();
            // Traffic class (ECT(0), which crosses), TTL and length, both ways.
            Assert.Equal("2 64 400 0 64 500", answer);
            rows = capture.Fields(
                "ip.src", "ip.dsfield", "udp.dstport", "udp.checksum.status", "vxlan.flags", "vxlan.vni", "vxlan.gbp", "geneve.vni",
                "geneve.option.class", "data.data", "_ws.malformed", "frame.protocols");
        }
        finally
        {
            _lab.Us.Exec("ethtool", "-K", UmlUdpTunnelLab.OurDevice, "tx", "on", "gso", "on", "tso", "on");
        }

        string[] ours = rows[0];
        string at = string.Join(" | ", ours);
        Assert.StartsWith(UmlUdpTunnelLab.Ours, ours[0], StringComparison.Ordinal);
        Assert.StartsWith("0x02", ours[1], StringComparison.Ordinal);
        Assert.StartsWith(Text(kind.Port), ours[2], StringComparison.Ordinal);
        Assert.StartsWith("1", ours[3], StringComparison.Ordinal);
        Assert.Equal("", ours[10]);
        switch (kind.Name)
        {
            case "gbp":
                Assert.True(ours[4].StartsWith("0x88", StringComparison.Ordinal) && ours[5] == "42" && ours[6] == Text(UmlUdpTunnelLab.Group), at);
                break;
            case "gpe":
                Assert.True(ours[5] == "9" && ours[11].EndsWith("udp:ip:udp:data", StringComparison.Ordinal), at);
                break;
            case "gnv":
                Assert.True(ours[7] is "0x000007" or "7" && ours[8] == "0x0102", at);
                break;
            case "gnv3" or "gnv6":
                // On the same endpoint as the tunnel with options, and without any.
                Assert.True(ours[7] is "0x000008" or "0x000009" or "8" or "9" && ours[8].Length == 0, at);
                Assert.EndsWith($"geneve:{(kind.IsInnerIPv4 ? "ip" : "ipv6")}:udp:data", ours[11], StringComparison.Ordinal);
                break;
            case "gue":
                // tshark does not know GUE.
                Assert.True(ours[9].StartsWith(kind.IsInnerIPv4 ? "0004000045" : "0029000060", StringComparison.Ordinal), at);
                break;
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_longest_packet_fills_the_link(string network)
    {
        UdpEncapsulation kind = UmlUdpTunnelLab.Find(network);
        JsonElement before = _lab.Daemon.Query();
        JsonElement tunnel = before.GetProperty("tunnels").EnumerateArray().First(t => t.GetProperty("name").GetString() == kind.Name);
        Assert.Equal(kind.OurMtu, tunnel.GetProperty("device").GetProperty("mtu").GetInt32());
        string longest = Text(kind.OurMtu - (kind.IsInnerIPv4 ? 20 : 40) - 8);
        using WireCapture capture = _lab.Capture(3, $"src host {UmlUdpTunnelLab.Ours} and {kind.Filter} and greater 1000");
        // The answer may exceed the peer's MTU; only our packets are counted.
        _lab.Us.TryExec(PingBound, "ping", "-q", "-M", "do", "-c", "3", "-i", "0.05", "-W", "1", "-s", longest, "-I", kind.Ours, kind.Theirs);
        Assert.All(capture.Fields("frame.len", "ip.flags.mf"), row => Assert.Equal("1514", row[0]));
        Assert.Equal(0, OverlayDaemon.Drops(_lab.Daemon.Query(), kind.Name, "egress") - OverlayDaemon.Drops(before, kind.Name, "egress"));
    }

    [Fact]
    public void A_group_of_the_kernels_passes()
    {
        UdpEncapsulation kind = UmlUdpTunnelLab.Find("10.52.0.");
        JsonElement before = _lab.Daemon.Query();
        // The mark of a packet is its group.
        using WireCapture capture = _lab.Capture(5, $"src host {kind.Remote} and {kind.Filter} and greater 130");
        CommandResult theirs = _lab.Peer.TryRun(PingBound, $"ping -q -c 5 -i 0.02 -m 99 -I {kind.Device} {kind.Ours}");
        Assert.Contains("5 packets transmitted, 5 received", theirs.Output, StringComparison.Ordinal);
        Assert.All(capture.Fields("vxlan.gbp", "vxlan.flags"), row => Assert.True(row[0] == "99" && row[1].StartsWith("0x88", StringComparison.Ordinal), string.Join(' ', row)));
        _lab.AssertNoDrops(kind.Name, before);
    }

    [Fact]
    public void What_does_not_belong_to_a_tunnel_is_counted_with_its_reason()
    {
        JsonElement before = _lab.Daemon.Query();
        _lab.Peer.Run("""
            /usr/bin/python3 -IS - <<'END'
            import socket
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            client.bind(('192.0.2.2', 0))
            frame = bytes.fromhex('020000000001' '020000000002' '0800') + bytes(46)
            for header in '4000655800000700', '0080655800000700', '014065580000070001028100', '0000894700000700', '0000080000000700', '0000655800ABCD00':
                client.sendto(bytes.fromhex(header) + frame, ('192.0.2.1', 6081))
            gue = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            gue.bind(('192.0.2.3', 0))
            for header in '20040000', '00040001', '80040000', '00110000':
                gue.sendto(bytes.fromhex(header) + bytes([0x45]) + bytes(40), ('192.0.2.1', 6080))
            END
            """);
        // A ping behind them shows that all were seen.
        UdpEncapsulation kind = UmlUdpTunnelLab.Find("10.55.0.");
        Assert.Contains("1 received", _lab.Peer.TryRun(PingBound, $"ping -q -c 1 -I {kind.Theirs} {kind.Ours}").Output, StringComparison.Ordinal);
        Assert.Contains("1 received", _lab.Peer.TryRun(PingBound, "ping -q -c 1 -I 10.51.0.2 10.51.0.1").Output, StringComparison.Ordinal);
        JsonElement after = _lab.Daemon.Query();
        foreach ((string tunnel, string reason) in new[]
        {
            ("gnv", "control-packet"), ("gnv", "unknown-option"), ("gnv", "unknown-protocol"), ("gnv", "not-ethernet"),
            ("gue", "control-packet"), ("gue", "bad-flags"), ("gue", "header-version"), ("gue", "unknown-protocol"),
        })
        {
            string counter = $"drops.{reason}";
            Assert.True(
                OverlayDaemon.Counter(after, tunnel, "ingress", counter) - OverlayDaemon.Counter(before, tunnel, "ingress", counter) == 1, $"{tunnel} {reason}: {after}");
        }

        Assert.Equal((1, 1), (Unowned(after, "header-version") - Unowned(before, "header-version"), Unowned(after, "unknown-vni") - Unowned(before, "unknown-vni")));

        static long Unowned(JsonElement status, string reason) =>
            status.GetProperty("drops").TryGetProperty(reason, out JsonElement count) ? count.GetInt64() : 0;
    }

    private static void AssertTransferred(int bytes, CommandResult ours, CommandResult theirs)
    {
        string[] here = ours.Output.Trim().Split(' ');
        string[] there = theirs.Output.Trim().Split(' ');
        Assert.Equal((Text(bytes), Text(bytes)), (here[1], there[1]));
        Assert.Equal((here[0], there[0]), (there[2], here[2]));
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>The laboratory, made by the first test that needs it: a reason to skip must come from a test.</summary>
    public sealed class Fixture : IDisposable
    {
        private readonly Lazy<UmlUdpTunnelLab> _lab = new(() => new UmlUdpTunnelLab());

        internal UmlUdpTunnelLab Lab => _lab.Value;

        public void Dispose()
        {
            if (_lab.IsValueCreated)
            {
                _lab.Value.Dispose();
            }
        }
    }
}
