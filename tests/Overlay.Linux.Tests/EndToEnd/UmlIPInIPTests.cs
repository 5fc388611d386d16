using System.Globalization;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>overlayd against the ipip, sit and ip6tnl devices of a Linux kernel.</summary>
public sealed class UmlIPInIPTests(UmlIPInIPTests.Fixture fixture) : IClassFixture<UmlIPInIPTests.Fixture>
{
    private const int TransferBytes = 20_000_000;
    private const int CapturedSegments = 500;
    private const string Port = "5001";

    private static readonly TimeSpan PingBound = TimeSpan.FromSeconds(30);

    // One tunnel encapsulates as the policy's default says, the other carries the inner DSCP outside, too.
    private static readonly int[] TrafficClasses = [0x00, 0x01, 0x02, 0x03, 0xB8, 0x2E];

    private readonly UmlIPInIPLab _lab = fixture.Lab;

    /// <summary>The encapsulations.</summary>
    public static TheoryData<string> Encapsulations { get; } =
        [.. UmlIPInIPLab.All.Where(e => e.Name != UmlIPInIPLab.Fragmenting).Select(e => e.Name)];

    [Theory]
    [MemberData(nameof(Encapsulations))]
    public async Task A_hundred_pings_each_way_lose_nothing(string name)
    {
        Encapsulation encapsulation = UmlIPInIPLab.Find(name);
        JsonElement before = _lab.Daemon.Query();
        Task<CommandResult> theirs = _lab.Peer.Begin(PingBound, $"ping -n -c 100 -w 20 -i 0.01 -I {encapsulation.Theirs} {encapsulation.Ours}");
        CommandResult ours = _lab.Us.TryExec(PingBound, "ping", "-n", "-c", "100", "-w", "20", "-i", "0.01", "-I", encapsulation.Ours, encapsulation.Theirs);
        Assert.Empty(Ping.Unanswered(ours.Output, 100));
        Assert.Empty(Ping.Unanswered((await theirs).Output, 100));
        _lab.AssertNoDrops(before);
    }

    [Theory]
    [MemberData(nameof(Encapsulations))]
    public async Task Tcp_carries_20_megabytes_each_way_unharmed(string name)
    {
        Encapsulation encapsulation = UmlIPInIPLab.Find(name);
        await TransferBothWays(encapsulation, TransferBytes, finished: true);
    }

    [Fact]
    public async Task Superpackets_that_left_whole_arrive_as_packets_of_every_encapsulation()
    {
        _lab.ChangeTransport("tunnelGso");
        try
        {
            foreach (bool finished in (bool[])[false, true])
            {
                if (finished)
                {
                    // Our device cuts and sums; before it was the peer's.
                    _lab.Us.EthtoolOff(UmlIPInIPLab.OurDevice, "tso", "gso", "tx");
                }

                foreach (Encapsulation encapsulation in UmlIPInIPLab.All.Where(e => finished ? e.Name != UmlIPInIPLab.Fragmenting : e.Name is "4in4" or "6in6"))
                {
                    await TransferBothWays(encapsulation, TransferBytes / 10, finished);
                }
            }

            Assert.All(_lab.Daemon.Query().GetProperty("tunnels").EnumerateArray(), tunnel =>
            {
                JsonElement endpoint = tunnel.GetProperty("endpoint");
                JsonElement use = tunnel.GetProperty("offload").GetProperty("tunnelGso");
                Assert.Equal(("tunnelGso", 0), (endpoint.GetProperty("transport").GetString(), use.GetProperty("fallbacks").GetInt64()));
                Assert.InRange(endpoint.GetProperty("tunnelGsoSuperpackets").GetInt64(), 10, long.MaxValue);
            });
        }
        finally
        {
            _lab.Us.Exec("ethtool", "-K", UmlIPInIPLab.OurDevice, "tx", "on", "gso", "on", "tso", "on");
            _lab.ChangeTransport("raw");
        }
    }

    // finished: whether our packets have their TCP checksums on the peer's cable already.
    private async Task TransferBothWays(Encapsulation encapsulation, int length, bool finished)
    {
        JsonElement before = _lab.Daemon.Query();
        Task<CommandResult> server = Theirs("serve", length, seed: 1);
        using (WireCapture capture = _lab.Capture(CapturedSegments, $"src host {encapsulation.Local} and {encapsulation.Filter}"))
        {
            AssertTransferred(length, Ours("connect", length, seed: 2), await server);
            // Most of these were cut out of superpackets with unfinished checksums.
            string[][] rows = capture.Fields("ip.checksum.status", "tcp.checksum.status", "frame.len", "tcp.len");
            Assert.All(rows, row => Assert.True(!finished || row[1] == "1", row[1]));
            Assert.All(rows, row => Assert.DoesNotContain("0", row[0], StringComparison.Ordinal));
            Assert.InRange(rows.Count(row => Number(row[3]) > 1000), CapturedSegments / 2, CapturedSegments);
            Assert.All(rows, row => Assert.InRange(Number(row[2]), 0, 1514));
        }

        // And a connection that the peer opens.
        const int Few = 100_000;
        Task<CommandResult> client = Theirs("connect", Few, seed: 3);
        AssertTransferred(Few, Ours("serve", Few, seed: 4), await client);
        _lab.AssertNoDrops(before);
        // Neither was anything that our stack sent too long.
        Assert.Equal(0, VtepLab.Snmp(_lab.Us, "Ip", "FragFails"));

        CommandResult Ours(string role, int bytes, int seed) => _lab.RunPython(
            PeerScripts.Transfer, role, encapsulation.Ours, encapsulation.Theirs, Port, Text(bytes), Text(seed));

        Task<CommandResult> Theirs(string role, int bytes, int seed) => _lab.BeginPeerPython(
            PeerScripts.Transfer, role, encapsulation.Theirs, encapsulation.Ours, Port, Text(bytes), Text(seed));
    }

    [Theory]
    [MemberData(nameof(Encapsulations))]
    public void The_headers_on_the_wire_are_those_of_the_RFCs(string name)
    {
        Encapsulation encapsulation = UmlIPInIPLab.Find(name);
        string[] requests =
        [
            .. TrafficClasses.SelectMany((value, i) => new[] { Request(value, 0, TrafficClasses[^(i + 1)]), Request(value, 1, value) }),
        ];
        _lab.Echo(encapsulation, Request(0, 0, 0));
        string[][] rows;
        int[][] answers;
        using (WireCapture capture = _lab.Capture(2 * requests.Length, encapsulation.Filter))
        {
            answers = _lab.Echo(encapsulation, requests);
            rows = capture.Fields(
                "ip.src", "ipv6.src", "ip.dsfield", "ipv6.tclass", "ip.ttl", "ipv6.hlim", "ip.flags.df", "ip.checksum.status", "udp.checksum.status",
                "ipv6.nxt", "ipv6.opt.tel", "ipv6.flow", "ip.proto", "ip.id");
        }

        for (int i = 0; i < requests.Length; i++)
        {
            int[] asked = [.. requests[i].Split(',').Select(word => int.Parse(word, CultureInfo.InvariantCulture))];
            // The inner packet arrives as it was sent, both ways: traffic class with its ECN field, TTL, length.
            Assert.Equal([asked[0], 64, asked[2], asked[3], 64, asked[4]], answers[i]);
            AssertOurPacket(encapsulation, rows[2 * i], asked[0], dontFragment: asked[1] == 1);
            AssertTheirPacket(encapsulation, rows[(2 * i) + 1]);
        }

        if (!encapsulation.IsOuterIPv4)
        {
            // All of these are one flow: one flow label, and not zero (RFC 6438).
            string label = Assert.Single(rows.Where((_, i) => i % 2 == 0).Select(row => First(row[11])).Distinct());
            Assert.NotEqual(0, Number(label));
        }
    }

    [Theory]
    [MemberData(nameof(Encapsulations))]
    public void Packets_as_long_as_the_tunnel_allows_fill_the_link_and_longer_ones_do_not_leave(string name)
    {
        Encapsulation encapsulation = UmlIPInIPLab.Find(name);
        int headers = (encapsulation.IsInnerIPv4 ? 20 : 40) + 8;
        JsonElement status = _lab.Daemon.Query();
        JsonElement tunnel = status.GetProperty("tunnels").EnumerateArray().First(t => t.GetProperty("name").GetString() == encapsulation.Tunnel);
        Assert.Equal(encapsulation.OurMtu, tunnel.GetProperty("device").GetProperty("mtu").GetInt32());

        string longest = Text(encapsulation.OurMtu - headers);
        // What the peer answers may exceed its own MTU; only our packets are counted.
        using (WireCapture capture = _lab.Capture(5, $"src host {encapsulation.Local} and {encapsulation.Filter}"))
        {
            CommandResult ours = _lab.Us.TryExec(
                PingBound, "ping", "-q", "-M", "do", "-c", "5", "-i", "0.05", "-s", longest, "-I", encapsulation.Ours, encapsulation.Theirs);
            Assert.Contains("5 received", ours.Output, StringComparison.Ordinal);
            Assert.All(
                capture.Fields("frame.len", "ip.flags.mf", "ip.frag_offset"),
                row => Assert.Equal((1514, 0, 0), (Number(row[0]), Sum(row[1]), Sum(row[2]))));
        }

        string theirLongest = Text(encapsulation.PeerMtu - headers);
        using (WireCapture capture = _lab.Capture(5, $"src host {encapsulation.Remote} and {encapsulation.Filter}"))
        {
            CommandResult theirs = _lab.Peer.TryRun(
                PingBound, $"ping -q -M do -c 5 -i 0.05 -s {theirLongest} -I {encapsulation.Theirs} {encapsulation.Ours}");
            Assert.Contains("5 received", theirs.Output, StringComparison.Ordinal);
            Assert.All(capture.Fields("frame.len"), row => Assert.Equal(1514, Number(row[0])));
        }

        _lab.AssertNoDrops(status);
        CommandResult tooLong = _lab.Us.TryExec(
            PingBound, "ping", "-q", "-M", "do", "-c", "1", "-W", "0.2", "-s", Text(encapsulation.OurMtu - headers + 1),
            "-I", encapsulation.Ours, encapsulation.Theirs);
        Assert.NotEqual(0, tooLong.ExitCode);
        Assert.Contains("0 received", tooLong.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Outer_packets_in_fragments_are_put_together_before_decapsulation()
    {
        // RFC 2003 §5.1.
        Encapsulation encapsulation = UmlIPInIPLab.Find(UmlIPInIPLab.Fragmenting);
        JsonElement before = _lab.Daemon.Query();
        long packets = OverlayDaemon.Counter(before, "o4", "ingress", "rxPackets");
        long reassembled = VtepLab.Snmp(_lab.Us, "Ip", "ReasmOKs");
        int[][] answers = _lab.Echo(encapsulation, Request(0, 0, 0, replyLength: 2800), Request(0, 0, 2, replyLength: 2500));
        Assert.Equal([2800, 2500], answers.Select(answer => answer[^1]));
        Assert.Equal(2, VtepLab.Snmp(_lab.Us, "Ip", "ReasmOKs") - reassembled);
        Assert.Equal(2, OverlayDaemon.Counter(_lab.Daemon.Query(), "o4", "ingress", "rxPackets") - packets);
        _lab.AssertNoDrops(before);
    }

    [Fact]
    public void A_source_that_is_no_remote_is_counted_and_told_nothing()
    {
        // The kernel's own tunnel modules see the packets beside us, and tell the sender that they have no such tunnel.
        if (Directory.Exists("/sys/module/tunnel4") || Directory.Exists("/sys/module/tunnel6"))
        {
            Requires.Skip("the modules tunnel4 or tunnel6 (ipip, sit, ip6_tunnel) are loaded here and answer with ICMP themselves");
        }

        const int Pings = 5;
        JsonElement before = _lab.Daemon.Query();
        _lab.Peer.Run($"""
            ip address add 192.0.2.66/24 dev {UmlPeer.Device}; ip address add 2001:db8::66/64 dev {UmlPeer.Device} nodad
            ip link add x44 type ipip local 192.0.2.66 remote 192.0.2.1; ip link add x64 type sit local 192.0.2.66 remote 192.0.2.1
            ip link add x6 type ip6tnl mode any local 2001:db8::66 remote 2001:db8::1
            ip address add 10.66.4.2/24 dev x44; ip address add fd66:4::2/64 dev x64 nodad
            ip address add 10.66.6.2/24 dev x6; ip address add fd66:6::2/64 dev x6 nodad
            for device in x44 x64 x6; do ip link set $device up; done
            """);
        Encapsulation known = UmlIPInIPLab.Find("4in4");
        // Multicast listener reports follow a new address whenever the kernel thinks fit; they are not of the tunnels.
        const string NeighborDiscovery = "ip6 multicast or (icmp6 and ip6[40] >= 133 and ip6[40] <= 137)";
        // A ping over a known tunnel ends the capture: it shows that what came before was all.
        using WireCapture capture = _lab.Capture((4 * Pings) + 2, $"(ip or ip6) and not ({NeighborDiscovery})");
        CommandResult pings = _lab.Peer.TryRun(PingBound, $"""
            for address in 10.66.4.1 fd66:4::1 10.66.6.1 fd66:6::1; do ping -q -c {Pings} -i 0.02 -W 0.2 $address; done
            ping -c 1 -I {known.Theirs} {known.Ours}
            """);
        Assert.Equal(4, pings.Output.Split($"{Pings} packets transmitted, 0 received").Length - 1);
        Assert.DoesNotContain("nreachable", pings.Output, StringComparison.Ordinal);
        JsonElement after = _lab.Daemon.Query();
        foreach (string tunnel in (string[])["o4", "o6"])
        {
            Assert.Equal(2 * Pings, Increase(tunnel, "ingress", "drops.unknown-remote"));
            Assert.Equal(2 * Pings, Increase(tunnel, "ingress", "rxPackets") - Increase(tunnel, "ingress", "txPackets"));
            Assert.Equal(tunnel == "o4" ? 1 : 0, Increase(tunnel, "egress", "txPackets"));
        }

        string[][] rows = capture.Fields("ip.src", "ipv6.src", "ip.proto");
        // The outer address is the first of its family, and the outer family the one of the underlay's addresses.
        string[] sources = [.. rows.Select(row => First(row[0]).StartsWith("192.0.2.", StringComparison.Ordinal) ? First(row[0]) : First(row[1]))];
        Assert.Equal(2 * Pings, sources.Count(source => source == "192.0.2.66"));
        Assert.Equal(2 * Pings, sources.Count(source => source == "2001:db8::66"));
        // The one packet that we sent is an answer in the known tunnel.
        string[] answer = Assert.Single(rows.Where((_, i) => sources[i] is UmlIPInIPLab.Ours4 or UmlIPInIPLab.Ours6));
        Assert.Equal("4", First(answer[2]));

        long Increase(string tunnel, string direction, string counter) =>
            OverlayDaemon.Counter(after, tunnel, direction, counter) - OverlayDaemon.Counter(before, tunnel, direction, counter);
    }

    private static void AssertTransferred(int bytes, CommandResult ours, CommandResult theirs)
    {
        string[] here = ours.Output.Trim().Split(' ');
        string[] there = theirs.Output.Trim().Split(' ');
        Assert.Equal((bytes, bytes), (Number(here[1]), Number(there[1])));
        Assert.Equal((here[0], there[0]), (there[2], here[2]));
    }

    private static void AssertOurPacket(Encapsulation encapsulation, string[] row, int trafficClass, bool dontFragment)
    {
        // The ECN field is copied (RFC 6040 §4.1, normal mode), the DSCP by policy.
        int outerClass = encapsulation.Tunnel == "o6" ? trafficClass : trafficClass & 3;
        if (encapsulation.IsOuterIPv4)
        {
            Assert.Equal((UmlIPInIPLab.Ours4, outerClass, 64), (First(row[0]), Number(First(row[2])), Number(First(row[4]))));
            Assert.Equal(encapsulation.Protocol, First(row[12]));
            // RFC 2003 §3.1: inner DF, outer DF; RFC 4213 §3.2: not with a static MTU.
            Assert.Equal(encapsulation.IsInnerIPv4 && dontFragment ? 1 : 0, Number(First(row[6])));
            // RFC 6864 §4.1: what may be fragmented needs an identification.
            bool atomic = encapsulation.IsInnerIPv4 && dontFragment;
            Assert.True(atomic || Number(First(row[13])) != 0, "The packet may be fragmented and has no identification.");
        }
        else
        {
            Assert.Equal((UmlIPInIPLab.Ours6, outerClass, 64), (First(row[1]), Number(First(row[3])), Number(First(row[5]))));
            Assert.Equal(encapsulation.Protocol, First(row[9]));
            Assert.Equal("", row[10]);
        }

        AssertChecksums(row);
    }

    private static void AssertTheirPacket(Encapsulation encapsulation, string[] row)
    {
        Assert.Equal(encapsulation.Remote, First(row[encapsulation.IsOuterIPv4 ? 0 : 1]));
        if (!encapsulation.IsOuterIPv4)
        {
            // The test would say nothing of the option if the kernel did not send it.
            Assert.Equal(encapsulation.HasEncapsulationLimit ? "60" : encapsulation.Protocol, First(row[9]));
            Assert.Equal(encapsulation.HasEncapsulationLimit ? "4" : "", row[10]);
        }

        AssertChecksums(row);
    }

    // 1 is tshark's word for right. Of IPv4 headers there may be none, one or two; UDP there is once.
    private static void AssertChecksums(string[] row)
    {
        Assert.All(row[7].Split(',', StringSplitOptions.RemoveEmptyEntries), status => Assert.Equal("1", status));
        Assert.Equal("1", row[8]);
    }

    private static string Request(int trafficClass, int dontFragment, int replyClass, int replyLength = 333) =>
        string.Create(CultureInfo.InvariantCulture, $"{trafficClass},{dontFragment},200,{replyClass},{replyLength}");

    private static string First(string field) => field.Split(',')[0];

    private static int Sum(string field) => field.Split(',', StringSplitOptions.RemoveEmptyEntries).Sum(Number);

    private static int Number(string field) => field.StartsWith("0x", StringComparison.Ordinal)
        ? int.Parse(field.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
        : int.Parse(field, CultureInfo.InvariantCulture);

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>The laboratory, made by the first test that needs it: a reason to skip must come from a test.</summary>
    public sealed class Fixture : IDisposable
    {
        private readonly Lazy<UmlIPInIPLab> _lab = new(() => new UmlIPInIPLab());

        internal UmlIPInIPLab Lab => _lab.Value;

        public void Dispose()
        {
            if (_lab.IsValueCreated)
            {
                _lab.Value.Dispose();
            }
        }
    }
}
