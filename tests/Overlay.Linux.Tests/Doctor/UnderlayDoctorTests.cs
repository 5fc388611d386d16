using System.Net.Sockets;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Linux.Tests.Relay;
using Overlay.Testing;
using Overlay.Testing.Relay;
using Xunit;

namespace Overlay.Linux.Tests.Doctor;

/// <summary><c>overlayd doctor underlay</c> over ways that each lack one thing: it names that and nothing else.</summary>
public sealed class UnderlayDoctorTests
{
    private const int Port = 4789;

    // Each way and what is to be found on it: the id, what its "where" and "said" have in them.
    private static readonly Dictionary<string, (Impairments Way, string Id, string Where, string Said)> Ways = new()
    {
        ["port"] = (Rule(RelayRule.Drop(PacketMatch.Udp(Port))), "port-filtered", "UDP port 4789", "the same to port 33533 does"),
        ["port by a firewall that says so"] = (Rule(RelayRule.Reject(PacketMatch.Udp(Port))), "port-filtered", "UDP port 4789", "192.0.0.8 says that it is prohibited"),
        ["port of GUE"] = (Rule(RelayRule.Drop(PacketMatch.Udp(6080))), "port-filtered", "UDP port 6080", "GUE"),
        ["header"] = (
            Rule(RelayRule.Drop(PacketMatch.Udp(Port) with { Where = packet => IsVxlan(packet) })), "header-filtered", "UDP port 4789", "to port 33533 it arrives"),
        ["header to any port"] = (
            Rule(RelayRule.Drop(new PacketMatch { Protocol = IPProtocol.Udp, Where = packet => IsVxlan(packet) })), "header-filtered", "UDP port 4789", "nor does it to any other port"),
        ["one VNI"] = (
            Rule(RelayRule.Drop(PacketMatch.Udp(Port) with { Where = packet => IsVxlan(packet) && Payload(packet)[6] == 1 })), "header-filtered", "VNI 1", "another VNI it does"),
        ["no checksum"] = (Rule(RelayRule.Drop(new PacketMatch { UdpChecksum = UdpChecksumState.Absent })), "checksum-filtered", "", "UDP without a checksum"),
        ["wrong checksum"] = (Rule(RelayRule.Edit(PacketEdits.BreakUdpChecksum, PacketMatch.Udp(Port))), "bad-checksum", "", "arrive with a wrong one"),
        ["checksum taken away"] = (Rule(RelayRule.Edit(PacketEdits.ClearUdpChecksum)), "bad-checksum", "", "without"),
        ["size at a switch"] = (new Impairments { Mtu = 1400, NarrowLink = NarrowLink.Switch }, "size-filtered", "", "up to 1400 bytes arrive"),
        ["size in a black hole"] = (new Impairments { Mtu = 1437, NarrowLink = NarrowLink.RouterWithoutIcmp }, "size-filtered", "", "up to 1437 bytes arrive"),
        ["protocol 4"] = (Rule(RelayRule.Drop(new PacketMatch { Protocol = IPProtocol.IPv4 })), "protocol-filtered", "protocol 4", ""),
        ["protocol 41"] = (Rule(RelayRule.Drop(new PacketMatch { Protocol = IPProtocol.IPv6 })), "protocol-filtered", "protocol 41", ""),
        ["GRE"] = (Rule(RelayRule.Drop(new PacketMatch { Protocol = IPProtocol.Gre })), "protocol-filtered", "protocol 47", ""),
        ["UDP"] = (Rule(RelayRule.Drop(new PacketMatch { Protocol = IPProtocol.Udp })), "protocol-filtered", "protocol 17", "no UDP datagram"),
        ["every other source port"] = (
            Rule(RelayRule.Drop(new PacketMatch { Protocol = IPProtocol.Udp, Where = packet => packet[UdpOffset(packet) + 1] % 2 == 1 })), "source-port-filtered", "", "4 of 8"),
    };

    public static TheoryData<string, bool> Broken { get; } = new MatrixTheoryData<string, bool>(Ways.Keys, [false, true]);

    [Theory]
    [MemberData(nameof(Broken))]
    public void What_is_filtered_is_named_and_nothing_else(string name, bool ipv6)
    {
        (Impairments way, string id, string where, string said) = Ways[name];
        using RelayLab lab = new();
        using Responder responder = new(lab.Far);
        lab.Relay.Forth.Impairments = way;
        DoctorRun run = DoctorRun.Of(lab.Near, "underlay", "--to", RelayLab.FarAddress(ipv6));
        Assert.True(run.Ids.SequenceEqual([id]), run.Text);
        Assert.Contains(where, run.Findings[0].GetProperty("where").GetString(), StringComparison.Ordinal);
        Assert.Contains(ipv6 ? said.Replace("192.0.0.8", "2001:db8:ffff::8", StringComparison.Ordinal) : said, run.Findings[0].GetProperty("said").GetString(), StringComparison.Ordinal);
        Assert.Equal((1, "finding"), (run.ExitCode, run.Verdict));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_clean_way_is_clean(bool ipv6)
    {
        using RelayLab lab = new();
        using Responder responder = new(lab.Far);
        using WireLog wire = new(lab.Far, RelayLab.FarDevice);
        DoctorRun run = DoctorRun.Of(lab.Near, "underlay", "--to", RelayLab.FarAddress(ipv6));
        Assert.True((run.ExitCode, run.Verdict) == (0, "clean"), run.Text);
        Assert.True(run.Details.GetProperty("responder").GetBoolean());
        AssertProbes(ipv6, wire);
        Assert.Equal(1500, run.Details.GetProperty("longestArrived").GetInt32());
        // What is wrong on purpose arrives as that.
        Assert.Equal("wrong-checksum", Result(run, "vxlan-bad-checksum"));
        Assert.Equal("no-checksum", Result(run, "vxlan-no-checksum"));
        Assert.Equal("arrived", Result(run, "vxlan"));

        (int exitCode, string output) = responder.Stop();
        Assert.Equal(0, exitCode);
        Assert.Matches(@"^\d+ packets of 1 runs seen\n$", output);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_router_that_says_what_fits_is_no_fault(bool ipv6)
    {
        using RelayLab lab = new();
        using Responder responder = new(lab.Far);
        lab.Relay.Forth.Impairments = new Impairments { Mtu = 1400 };
        DoctorRun run = DoctorRun.Of(lab.Near, "underlay", "--to", RelayLab.FarAddress(ipv6));
        Assert.True((run.ExitCode, run.Verdict) == (0, "clean"), run.Text);
        Assert.Equal(1400, run.Details.GetProperty("longestArrived").GetInt32());
    }

    [Fact]
    public void Single_losses_are_no_fault_and_answers_come_by_either_way()
    {
        using RelayLab lab = new();
        using Responder responder = new(lab.Far);
        lab.Relay.Forth.Impairments = new Impairments { Rules = [RelayRule.Drop(every: 5)] };
        foreach (IPProtocol lost in (IPProtocol[])[IPProtocol.Udp, IPProtocol.Icmp])
        {
            lab.Relay.Back.Impairments = new Impairments { Rules = [RelayRule.Drop(new PacketMatch { Protocol = lost })] };
            DoctorRun run = DoctorRun.Of(lab.Near, "underlay", "--to", RelayLab.FarIPv4);
            Assert.True((run.ExitCode, run.Verdict) == (0, "clean"), run.Text);
        }
    }

    [Fact]
    public void Beside_a_running_overlayd_the_responder_sees_as_much()
    {
        using RelayLab lab = new();
        using var daemon = OverlayDaemon.Start(lab.Far, $$"""
            { "name": "vx1", "kind": "vxlan", "vni": 1, "local": "{{RelayLab.FarIPv4}}", "device": { "type": "tap" }, "flood": [ "{{RelayLab.NearIPv4}}" ] }
            """);
        using Responder responder = new(lab.Far);
        DoctorRun run = DoctorRun.Of(lab.Near, "underlay", "--to", RelayLab.FarIPv4);
        Assert.True((run.ExitCode, run.Verdict) == (0, "clean"), run.Text);
    }

    [Fact]
    public void Without_a_responder_the_target_s_kernel_is_the_witness()
    {
        using RelayLab lab = new();
        DoctorRun closed = Ask();
        Assert.True(closed.Ids.SequenceEqual(["port-closed"]), closed.Text);
        Assert.False(closed.Details.GetProperty("responder").GetBoolean());
        Assert.Contains("overlayd doctor respond", Assert.Single(closed.Undecided), StringComparison.Ordinal);

        // Somebody listens, or it is filtered: nobody can tell.
        using (Socket listener = lab.FarSocket(Port))
        {
            DoctorRun listening = Ask();
            Assert.True((listening.ExitCode, listening.Ids.Length) == (2, 0), listening.Text);
        }

        lab.Relay.Forth.Impairments = Rule(RelayRule.Drop(PacketMatch.Udp(Port)));
        DoctorRun filtered = Ask();
        Assert.True((filtered.ExitCode, filtered.Ids.Length, filtered.Verdict) == (2, 0, "undecided"), filtered.Text);
        Assert.Contains(filtered.Undecided, text => text.Contains("somebody listens there, or it is filtered", StringComparison.Ordinal));

        lab.Relay.Forth.Impairments = Rule(RelayRule.Reject(PacketMatch.Udp(Port)));
        DoctorRun rejected = Ask();
        Assert.True(rejected.Ids.SequenceEqual(["port-filtered"]), rejected.Text);

        // Sizes are told by echo requests.
        using Socket open = lab.FarSocket(Port);
        lab.Relay.Forth.Impairments = new Impairments { Mtu = 1300, NarrowLink = NarrowLink.Switch };
        DoctorRun narrow = Ask();
        Assert.True(narrow.Ids.SequenceEqual(["size-filtered"]), narrow.Text);
        Assert.Contains("up to 1300 bytes", narrow.Findings[0].GetProperty("said").GetString(), StringComparison.Ordinal);

        lab.Relay.Forth.Impairments = Rule(RelayRule.Drop());
        DoctorRun silent = Ask();
        Assert.True((silent.ExitCode, silent.Ids.Length) == (2, 0), silent.Text);
        Assert.Contains("nothing at 198.51.100.2 answers", Assert.Single(silent.Undecided), StringComparison.Ordinal);

        DoctorRun Ask() => DoctorRun.Of(lab.Near, "underlay", "--to", RelayLab.FarIPv4);
    }

    [Fact]
    public void Mistakes_of_the_command_line_and_of_routes_are_said()
    {
        using RelayLab lab = new();
        (string[] Arguments, string Said)[] cases =
        [
            (["--to", "far"], "--to is 'far'; an IP address"),
            (["--to", RelayLab.FarIPv4, "--from", RelayLab.NearIPv6], "both have to be of one version of IP"),
            (["--to", RelayLab.FarIPv4, "--other-port", "4789"], "another is right, to compare with"),
            (["--to", RelayLab.FarIPv4, "--vni", "16777216"], "the largest VNI"),
            (["--to", RelayLab.FarIPv4, "--port", "0"], "--port is 0"),
            (["--to", "203.0.113.9"], "203.0.113.9"),
            (["--to", RelayLab.FarIPv4, "--from", "203.0.113.9"], "203.0.113.9"),
        ];
        foreach ((string[] arguments, string said) in cases)
        {
            CommandResult result = lab.Near.TryExec(TimeSpan.FromSeconds(20), OverlayDaemon.Program, ["doctor", "underlay", .. arguments]);
            Assert.Equal(2, result.ExitCode);
            Assert.Contains(said, result.Error, StringComparison.Ordinal);
        }
    }

    // By tshark: the probes are what they are meant to be.
    private static void AssertProbes(bool ipv6, WireLog wire)
    {
        string source = ipv6 ? $"ipv6.src == {RelayLab.NearIPv6}" : $"ip.src == {RelayLab.NearIPv4}";
        string[][] packets = wire.Stop($"{source} && frame contains \"OVLPROBE\"", ["frame.protocols", "udp.checksum.status", "ip.checksum.status", "udp.dstport", "vxlan.vni", "frame.len", "udp.checksum"]);
        string[] stacks = [.. packets.Select(packet => packet[0])];
        string outer = ipv6 ? "eth:ethertype:ipv6" : "eth:ethertype:ip";
        foreach (string stack in (string[])[$"{outer}:{(ipv6 ? "icmpv6" : "icmp")}", $"{outer}:udp:vxlan:eth:ethertype", $"{outer}:ip:udp", $"{outer}:ipv6:udp", $"{outer}:gre:ip:udp"])
        {
            Assert.True(stacks.Any(found => found.StartsWith(stack, StringComparison.Ordinal)), $"{stack} is not among\n{string.Join('\n', stacks)}");
        }

        // Of the outer checksum one is wrong and two are absent; the rest, also inside, is right.
        string[][] datagrams = [.. packets.Where(packet => packet[0].StartsWith($"{outer}:udp", StringComparison.Ordinal))];
        bool[] absent = [.. datagrams.Select(packet => packet[6].Split(Tshark.Aggregator)[0] == "0x0000")];
        Assert.Equal(2, absent.Count(isAbsent => isAbsent));
        Assert.Equal(1, datagrams.Where((_, i) => !absent[i]).Count(packet => packet[1].Split(Tshark.Aggregator)[0] == "0"));
        Assert.All(packets, packet => Assert.All(packet[2].Split(Tshark.Aggregator, StringSplitOptions.RemoveEmptyEntries), status => Assert.Equal("1", status)));
        Assert.Contains(packets, packet => packet[4] == "1");
        Assert.Contains(packets, packet => packet[4] == "0");
        Assert.Contains(packets, packet => packet[3].Split(Tshark.Aggregator)[0] == "6080");
        Assert.Contains(packets, packet => packet[5] == "1514");
    }

    private static Impairments Rule(RelayRule rule) => new() { Rules = [rule] };

    private static string Result(DoctorRun run, string probe) => run.Details.GetProperty("probes").EnumerateArray()
        .First(entry => entry.GetProperty("probe").GetString() == probe).GetProperty("result").GetString()!;

    private static int UdpOffset(ReadOnlySpan<byte> packet) => (packet[0] >> 4) == 4 ? 20 : 40;

    private static ReadOnlySpan<byte> Payload(ReadOnlySpan<byte> packet) => packet[(UdpOffset(packet) + 8)..];

    private static bool IsVxlan(ReadOnlySpan<byte> packet) => Payload(packet)[0] == 0x08;
}
