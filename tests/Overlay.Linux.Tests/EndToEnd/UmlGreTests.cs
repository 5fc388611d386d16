using System.Globalization;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>overlayd against the gre, gretap, ip6gre and ip6gretap devices of a Linux kernel, and ip6tnl with an encapsulation limit.</summary>
public sealed class UmlGreTests(UmlGreTests.Fixture fixture) : IClassFixture<UmlGreTests.Fixture>
{
    private const int TransferBytes = 5_000_000;
    private const int CapturedSegments = 300;
    private const string Port = "5001";

    private static readonly TimeSpan PingBound = TimeSpan.FromSeconds(30);

    // A connected UDP socket whose packets say that they may enter no tunnel: what the tunnel answers comes back as an error of the socket.
    private const string LimitScript = """
        import errno, socket, sys
        IPV6_DSTOPTS, IPV6_RECVERR = 59, 25
        client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        client.bind((sys.argv[1], 0))
        client.connect((sys.argv[2], 7000))
        client.settimeout(5)
        client.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        client.setsockopt(socket.IPPROTO_IPV6, IPV6_DSTOPTS, bytes([0, 0, 4, 1, int(sys.argv[3]), 1, 1, 0]))
        client.send(b'0 20 ')
        try:
            print(len(client.recv(100)))
        except OSError as error:
            print(errno.errorcode[error.errno])
            data, ancillary, flags, peer = client.recvmsg(2000, 512, socket.MSG_ERRQUEUE)
            for level, kind, value in ancillary:
                if kind == IPV6_RECVERR:
                    print(value[4], value[5], value[6], int.from_bytes(value[8:12], sys.byteorder), socket.inet_ntop(socket.AF_INET6, value[24:40]))
        """;

    private readonly UmlGreLab _lab = fixture.Lab;

    /// <summary>The tunnels, with either inner family.</summary>
    public static TheoryData<string, bool> Forms { get; } =
        new MatrixTheoryData<string, bool>(UmlGreLab.All.Select(form => form.Name), [false, true]);

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task Fifty_pings_each_way_lose_nothing(string name, bool ipv6)
    {
        GreForm form = UmlGreLab.Find(name);
        Resolve(form, ipv6);
        JsonElement before = _lab.Daemon.Query();
        Task<CommandResult> theirs = _lab.Peer.Begin(PingBound, $"ping -n -c 50 -w 20 -i 0.01 -I {form.Theirs(ipv6)} {form.Ours(ipv6)}");
        CommandResult ours = _lab.Us.TryExec(PingBound, "ping", "-n", "-c", "50", "-w", "20", "-i", "0.01", "-I", form.Ours(ipv6), form.Theirs(ipv6));
        Assert.Empty(Ping.Unanswered(ours.Output, 50));
        Assert.Empty(Ping.Unanswered((await theirs).Output, 50));
        _lab.AssertNoDrops(form, before);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task Tcp_carries_5_megabytes_each_way_unharmed(string name, bool ipv6)
    {
        GreForm form = UmlGreLab.Find(name);
        Resolve(form, ipv6);
        JsonElement before = _lab.Daemon.Query();
        Task<CommandResult> server = _lab.BeginPeerPython(
            PeerScripts.Transfer, "serve", form.Theirs(ipv6), form.Ours(ipv6), Port, Text(TransferBytes), "1");
        using (WireCapture capture = _lab.Capture(CapturedSegments, form.Sent))
        {
            CommandResult ours = _lab.RunPython(PeerScripts.Transfer, "connect", form.Ours(ipv6), form.Theirs(ipv6), Port, Text(TransferBytes), "2");
            string[] here = ours.Output.Trim().Split(' '), there = (await server).Output.Trim().Split(' ');
            Assert.Equal((TransferBytes, TransferBytes), (Number(here[1]), Number(there[1])));
            Assert.Equal((here[0], there[0]), (there[2], here[2]));

            string[][] rows = capture.Fields(
                "frame.len", "gre.flags_and_version", "gre.key", "gre.sequence_number", "gre.checksum.status", "tcp.checksum.status", "ip.checksum.status",
                "tcp.len");
            AssertHeaders(form, rows);
            // Most of these were cut out of superpackets, whose checksums this end finished, the inner one before the outer.
            Assert.All(rows, row => Assert.True(row[5] is "1" or "", row[5]));
            Assert.InRange(rows.Count(row => row[7].Length > 0 && Number(row[7]) > 1000), CapturedSegments / 4, CapturedSegments);
            Assert.All(rows, row => Assert.InRange(Number(row[0]), 0, 1514));
        }

        _lab.AssertNoDrops(form, before);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Udp_crosses_with_its_traffic_class_and_ECN(string name, bool ipv6)
    {
        GreForm form = UmlGreLab.Find(name);
        Resolve(form, ipv6);
        JsonElement before = _lab.Daemon.Query();
        int[] classes = [0x00, 0x01, 0x02, 0x03, 0xB8];
        string[] requests = [.. classes.Select((value, i) => $"{value},1,{20 + (i * 300)},{classes[^(i + 1)]},{1200 - (i * 100)}")];
        int[][] answers;
        string[][] rows;
        using (WireCapture capture = _lab.Capture(requests.Length, form.Sent))
        {
            answers = _lab.Echo(form.Ours(ipv6), form.Theirs(ipv6), requests);
            rows = capture.Fields(
                "frame.len", "gre.flags_and_version", "gre.key", "gre.sequence_number", "gre.checksum.status", "udp.checksum.status", "ip.checksum.status",
                "ip.dsfield", "ipv6.tclass", "ip.ttl", "ipv6.hlim", "ip.flags.df", "ipv6.flow");
        }

        AssertHeaders(form, rows);
        for (int i = 0; i < requests.Length; i++)
        {
            Assert.Equal([classes[i], 64, 20 + (i * 300), classes[^(i + 1)], 64, 1200 - (i * 100)], answers[i]);
            Assert.Equal("1", rows[i][5]);
            // ECN is copied (RFC 6040), DSCP is not by default.
            Assert.Equal(classes[i] & 3, Number(First(rows[i][form.IsOuterIPv4 ? 7 : 8])));
            Assert.Equal(64, Number(First(rows[i][form.IsOuterIPv4 ? 9 : 10])));
            if (form.IsOuterIPv4)
            {
                Assert.Equal(!form.IsEthernet && !ipv6 ? 1 : 0, Number(First(rows[i][11])));
            }
            else
            {
                Assert.NotEqual(0, Number(First(rows[i][12])));
            }
        }

        _lab.AssertNoDrops(form, before);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Packets_as_long_as_the_tunnel_allows_fill_the_link(string name, bool ipv6)
    {
        GreForm form = UmlGreLab.Find(name);
        Resolve(form, ipv6);
        JsonElement status = _lab.Daemon.Query();
        JsonElement tunnel = status.GetProperty("tunnels").EnumerateArray().First(t => t.GetProperty("name").GetString() == form.Tunnel);
        Assert.Equal(form.OurMtu, tunnel.GetProperty("device").GetProperty("mtu").GetInt32());
        string longest = Text(form.OurMtu - (ipv6 ? 40 : 20) - 8);
        using WireCapture capture = _lab.Capture(3, $"{form.Sent} and greater 1400");
        CommandResult ours = _lab.Us.TryExec(
            PingBound, "ping", "-q", "-M", "do", "-c", "3", "-w", "5", "-i", "0.05", "-s", longest, "-I", form.Ours(ipv6), form.Theirs(ipv6));
        Assert.Contains("3 received", ours.Output, StringComparison.Ordinal);
        Assert.All(capture.Fields("frame.len"), row => Assert.Equal(1514, Number(row[0])));
        _lab.AssertNoDrops(form, status);
    }

    [Fact]
    public void A_key_that_no_tunnel_has_is_counted_and_told_nothing()
    {
        GreForm form = UmlGreLab.Find("gre");
        _lab.Peer.Run($"""
            ip link add x type gre local {form.Remote} remote {form.Local} ttl 64 key 12345
            ip address add 10.99.0.2/24 dev x; ip link set x up
            """);
        JsonElement before = _lab.Daemon.Query();
        CommandResult pings = _lab.Peer.TryRun(PingBound, "ping -q -c 5 -i 0.02 -W 0.2 10.99.0.1");
        Assert.Contains("5 packets transmitted, 0 received", pings.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("nreachable", pings.Output, StringComparison.Ordinal);
        Assert.Equal(5, Unowned(_lab.Daemon.Query(), "unknown-key") - Unowned(before, "unknown-key"));
        _lab.Peer.Run("ip link delete x");
    }

    [Fact]
    public async Task The_encapsulation_limit_goes_between_the_headers_and_comes_off_again()
    {
        const string Class = "0,0,100,0,200";
        JsonElement before = _lab.Daemon.Query();
        using (WireCapture capture = _lab.Capture(2, $"ip6[6] = 60 and host {UmlGreLab.LimitedLocal}"))
        {
            Assert.Equal([0, 64, 100, 0, 64, 200], Assert.Single(_lab.Echo(UmlGreLab.LimitedOurs, UmlGreLab.LimitedTheirs, Class)));
            string[][] rows = capture.Fields("ipv6.opt.tel", "udp.checksum.status");
            // What we send and what Linux does, whose default is 4.
            Assert.Equal([(Text(UmlGreLab.Limit), "1"), ("4", "1")], rows.Select(row => (row[0], row[1])));
        }

        Task<CommandResult> server = _lab.BeginPeerPython(
            PeerScripts.Transfer, "serve", UmlGreLab.LimitedTheirs, UmlGreLab.LimitedOurs, Port, Text(TransferBytes), "1");
        CommandResult ours = _lab.RunPython(PeerScripts.Transfer, "connect", UmlGreLab.LimitedOurs, UmlGreLab.LimitedTheirs, Port, Text(TransferBytes), "2");
        Assert.Equal(ours.Output.Trim().Split(' ')[0], (await server).Output.Trim().Split(' ')[2]);
        JsonElement after = _lab.Daemon.Query();
        foreach (string direction in (string[])["egress", "ingress"])
        {
            Assert.Equal(OverlayDaemon.Drops(before, UmlGreLab.Limited, direction), OverlayDaemon.Drops(after, UmlGreLab.Limited, direction));
        }
    }

    [Fact]
    public void A_packet_that_may_enter_no_tunnel_comes_back_as_a_parameter_problem()
    {
        JsonElement before = _lab.Daemon.Query();
        string[] refused = _lab.RunPython(LimitScript, UmlGreLab.LimitedOurs, UmlGreLab.LimitedTheirs, "0").Output.Trim().Split('\n');
        // Origin 3 is ICMPv6; type 4, code 0, pointer to the limit; from the tunnel's entry.
        Assert.Equal(["EPROTO", $"3 4 0 44 {UmlGreLab.LimitedLocal}"], refused);
        JsonElement after = _lab.Daemon.Query();
        Assert.Equal((1, 1), (Increase("drops.encapsulation-limit"), Increase("originated")));

        // One more is allowed: the peer gets the packet with one less, and no further.
        using WireCapture capture = _lab.Capture(1, $"ip6[6] = 60 and src host {UmlGreLab.LimitedLocal}");
        Assert.Equal("20", _lab.RunPython(LimitScript, UmlGreLab.LimitedOurs, UmlGreLab.LimitedTheirs, "1").Output.Trim());
        Assert.Equal("0,1", Assert.Single(capture.Fields("ipv6.opt.tel"))[0]);

        long Increase(string counter) =>
            OverlayDaemon.Counter(after, UmlGreLab.Limited, "egress", counter) - OverlayDaemon.Counter(before, UmlGreLab.Limited, "egress", counter);
    }

    // A first packet may wait for an address.
    private void Resolve(GreForm form, bool ipv6)
    {
        CommandResult result = _lab.Us.TryExec(PingBound, "ping", "-q", "-c", "1", "-W", "5", "-I", form.Ours(ipv6), form.Theirs(ipv6));
        if (result.ExitCode != 0)
        {
            string peer = _lab.Peer.TryRun(PingBound, $"ip -d -s -s link show dev {form.Device}").Output;
            Assert.Fail($"{result.Output}{_lab.Daemon.Query()}\n{peer}");
        }
    }

    private static void AssertHeaders(GreForm form, string[][] rows)
    {
        int flags = (form.HasChecksum ? 0x8000 : 0) | (form.HasKey ? 0x2000 : 0) | (form.HasNumbers ? 0x1000 : 0);
        long last = -1;
        foreach (string[] row in rows)
        {
            Assert.Equal(flags, Number(row[1]));
            Assert.Equal(form.HasKey ? form.Key : null, row[2].Length == 0 ? null : (uint?)Long(row[2]));
            Assert.Equal(form.HasChecksum ? "1" : "", row[4]);
            Assert.DoesNotContain("0", row[6], StringComparison.Ordinal);
            Assert.Equal(form.HasNumbers, row[3].Length > 0);
            if (form.HasNumbers)
            {
                Assert.True(last < 0 || Long(row[3]) == last + 1, $"{row[3]} after {last}");
                last = Long(row[3]);
            }
        }
    }

    private static long Unowned(JsonElement status, string reason) =>
        status.GetProperty("drops").TryGetProperty(reason, out JsonElement count) ? count.GetInt64() : 0;

    private static string First(string field) => field.Split(',')[0];

    private static int Number(string field) => (int)Long(field);

    private static long Long(string field) => field.StartsWith("0x", StringComparison.Ordinal)
        ? long.Parse(field.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
        : long.Parse(field, CultureInfo.InvariantCulture);

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>The laboratory, made by the first test that needs it: a reason to skip must come from a test.</summary>
    public sealed class Fixture : IDisposable
    {
        private readonly Lazy<UmlGreLab> _lab = new(() => new UmlGreLab());

        internal UmlGreLab Lab => _lab.Value;

        public void Dispose()
        {
            if (_lab.IsValueCreated)
            {
                _lab.Value.Dispose();
            }
        }
    }
}
