using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Overlay.Capture;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary><c>overlayd explain</c> and <c>overlayd trace</c>, asked of a daemon at work; what they say is held against the wire, the books and tshark.</summary>
public sealed class DiagnosisTests
{
    private static readonly MacAddress Station = MacAddress.Parse("02:00:00:00:00:77");
    private static readonly byte[] Frame = PacketBuilder.Ethernet(
        Station, VtepLab.OurMac, EtherType.IPv4, PacketBuilder.Udp(VtepLab.InnerOurs, VtepLab.InnerPeer, 1000, 2000, "hello"u8, trafficClass: 2));

    [Fact]
    public void What_explain_says_of_the_outer_headers_is_what_goes_over_the_wire()
    {
        using VtepLab lab = new();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap());
        JsonElement packet = ExplainOne(lab, daemon, "--direction", "egress", "--packet", Convert.ToHexString(Frame));
        Assert.Equal(("flooded", "flood"), (packet.GetProperty("verdict").GetString(), packet.GetProperty("decidedBy").GetString()));
        JsonElement outer = Assert.Single(packet.GetProperty("outputs").EnumerateArray()).GetProperty("outer");

        // Only this frame, by its destination: the kernel sends a few of its own.
        using WireCapture wire = new(lab.Them, VtepLab.PeerDevice, 1, "udp dst port 4789 and udp[16:4] = 0x02000000 and udp[20:2] = 0x0077");
        using FrameSocket device = new(lab.Us, "vx42");
        Assert.Equal(Errno.None, device.Send(Frame));
        string[] fields = Assert.Single(wire.Fields("ip.src", "ip.dst", "udp.srcport", "udp.dstport", "ip.ttl", "ip.len", "vxlan.vni", "ip.dsfield.ecn", "ip.flags.df"));
        string First(int i) => fields[i].Split(',')[0];
        Assert.Equal(
            (outer.GetProperty("local").GetString(), outer.GetProperty("remote").GetString(), Text(outer, "sourcePort"), Text(outer, "destinationPort")),
            (First(0), First(1), First(2), First(3)));
        Assert.Equal((Text(outer, "ttl"), Text(outer, "length"), Text(outer, "vni")), (First(4), First(5), fields[6]));
        Assert.Equal(("ect0", "2"), (outer.GetProperty("ecn").GetString(), First(7)));
        Assert.Equal(outer.GetProperty("dontFragment").GetBoolean(), First(8) is "1" or "True");
    }

    [Fact]
    public void A_drop_is_explained_by_the_reason_that_is_counted_and_by_what_would_help()
    {
        using VtepLab lab = new();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap(flood: []));
        JsonElement before = daemon.Query();
        JsonElement packet = default;
        for (int i = 0; i < 10; i++)
        {
            packet = ExplainOne(lab, daemon, "--direction", "egress", "--packet", Convert.ToHexString(Frame));
        }

        string reason = packet.GetProperty("reason").GetString()!;
        Assert.Equal(("dropped", "no-remote"), (packet.GetProperty("verdict").GetString(), reason));
        // Asking is no packet. (The kernel's own multicast may be counted meanwhile, as one or two drops.)
        Assert.InRange(Dropped(daemon.Query(), reason) - Dropped(before, reason), 0, 5);

        using FrameSocket device = new(lab.Us, "vx42");
        long counted = Dropped(daemon.Query(), reason);
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(Errno.None, device.Send(Frame));
        }

        Wait.Until(() => Dropped(daemon.Query(), reason) >= counted + 20, () => $"{Dropped(daemon.Query(), reason)} drops, {counted} before");

        string command = packet.GetProperty("command").GetString()!;
        Assert.Equal("overlayd fdb add --tunnel vx42 --mac 02:00:00:00:00:77 --remote ADDRESS", command);
        lab.Us.Exec(OverlayDaemon.Program, [.. command.Replace("ADDRESS", "192.0.2.2", StringComparison.Ordinal).Split(' ').Skip(1), "--socket", daemon.Socket]);
        packet = ExplainOne(lab, daemon, "--direction", "egress", "--packet", Convert.ToHexString(Frame));
        Assert.Equal(("forwarded", "forwarding"), (packet.GetProperty("verdict").GetString(), packet.GetProperty("decidedBy").GetString()));
        Assert.Equal("192.0.2.2", packet.GetProperty("steps").EnumerateArray().Last().GetProperty("forwarding").GetProperty("remote").GetString());

        // As text for people: each step, the verdict, the outer headers.
        string text = Run(lab, daemon, "explain", "--tunnel", "vx42", "--direction", "egress", "--packet", Convert.ToHexString(Frame)).Output;
        Assert.Contains("=> The static entry of 02:00:00:00:00:77", text.Replace("external", "static", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("  forwarded\n", text, StringComparison.Ordinal);
        Assert.Contains(" to 192.0.2.2:4789, ttl 64, ", text, StringComparison.Ordinal);

        // What no link carries is told, though the path would forward it.
        byte[] large = PacketBuilder.Ethernet(Station, VtepLab.OurMac, EtherType.IPv4, PacketBuilder.Udp(VtepLab.InnerOurs, VtepLab.InnerPeer, 1, 2, new byte[1_440]));
        packet = ExplainOne(lab, daemon, "--direction", "egress", "--packet", Convert.ToHexString(large));
        Assert.Equal(("dropped", "too-big", "path-mtu"), (packet.GetProperty("verdict").GetString(), packet.GetProperty("reason").GetString(), packet.GetProperty("decidedBy").GetString()));
    }

    [Fact]
    public void Ingress_takes_whole_packets_frames_captures_and_what_stands_behind_UDP()
    {
        using VtepLab lab = new();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap());
        byte[] inner = PacketBuilder.Ethernet(VtepLab.OurMac, VtepLab.PeerMac, EtherType.IPv4, PacketBuilder.Udp(VtepLab.InnerPeer, VtepLab.InnerOurs, 1, 2, "x"u8));
        byte[] good = Outer(VtepLab.Peer, 4789, 42, inner);
        byte[] frame = PacketBuilder.Ethernet(VtepLab.OurMac, VtepLab.PeerMac, EtherType.IPv4, good);
        (string Name, byte[] Bytes, LinkType Link, string Verdict, string? Reason)[] cases =
        [
            ("good", frame, LinkType.Ethernet, "delivered", null),
            ("raw", good, LinkType.Raw, "delivered", null),
            ("stranger", Outer(ValueIPAddress.Parse("192.0.2.99"), 4789, 42, inner), LinkType.Raw, "dropped", "unknown-remote"),
            ("network", Outer(VtepLab.Peer, 4789, 43, inner), LinkType.Raw, "dropped", "unknown-vni"),
            ("port", Outer(VtepLab.Peer, 8472, 42, inner), LinkType.Raw, "dropped", "not-tunnel"),
            ("checksum", [.. good[..^1], (byte)(good[^1] ^ 1)], LinkType.Raw, "dropped", "bad-checksum"),
            ("echo", Outer(VtepLab.Peer, 4789, 42, Frame), LinkType.Raw, "dropped", "local-mac"),
        ];
        foreach ((string name, byte[] bytes, _, string verdict, string? reason) in cases)
        {
            JsonElement packet = ExplainOne(lab, daemon, "--direction", "ingress", "--packet", Convert.ToHexString(bytes));
            Assert.True(verdict == packet.GetProperty("verdict").GetString() && reason == Optional(packet, "reason"), $"{name}: {packet}");
            Assert.Contains(name == "good" ? "an Ethernet frame with IPv4" : "an IPv4 packet", packet.GetProperty("took").GetString(), StringComparison.Ordinal);
        }

        byte[] datagram = good[28..];
        JsonElement behind = ExplainOne(lab, daemon, "--direction", "ingress", "--packet", Convert.ToHexString(datagram), "--from", "192.0.2.2");
        Assert.Equal("delivered", behind.GetProperty("verdict").GetString());
        behind = ExplainOne(lab, daemon, "--direction", "ingress", "--packet", Convert.ToHexString(datagram), "--from", "192.0.2.3");
        Assert.Equal("unknown-remote", behind.GetProperty("reason").GetString());

        string file = Path.Combine(Path.GetTempPath(), $"overlay-{Guid.NewGuid():N}.pcapng");
        try
        {
            WriteCapture(file, cases);
            JsonElement[] all = Explain(lab, daemon, "--direction", "ingress", "--pcap", file);
            Assert.Equal(cases.Select(c => c.Verdict), all.Select(packet => packet.GetProperty("verdict").GetString()));
            Assert.Equal(cases.Select(c => c.Reason), all.Select(packet => Optional(packet, "reason")));
            CommandResult limited = Run(lab, daemon, "explain", "--tunnel", "vx42", "--direction", "ingress", "--pcap", file, "--limit", "2", "--json");
            Assert.Equal($"overlayd: {file} has more packets than the 2 explained; --limit says how many\n", limited.Error);
            using JsonDocument document = JsonDocument.Parse(limited.Output);
            Assert.Equal(2, document.RootElement.GetProperty("packets").GetArrayLength());
        }
        finally
        {
            File.Delete(file);
        }

        // The real counters say the same as was said: nothing has come so far but what the kernel sent by itself.
        Assert.Equal(0, OverlayDaemon.Drops(daemon.Query(), "vx42", "ingress"));
    }

    [Fact]
    public void A_wrong_question_is_exit_2_and_nobody_to_ask_exit_3()
    {
        using VtepLab lab = new();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap());
        string hex = Convert.ToHexString(Frame);
        AssertFails(2, $"overlayd: the overlayd on {daemon.Socket} says: there is no tunnel \"vx43\"; there are: vx42\n", "explain", "--tunnel", "vx43", "--direction", "egress", "--packet", hex);
        AssertFails(2, $"overlayd: the overlayd on {daemon.Socket} says: egress has no outer source yet; --from is for ingress\n", "explain", "--tunnel", "vx42", "--direction", "egress", "--packet", hex, "--from", "192.0.2.2");
        AssertFails(2, $"overlayd: the overlayd on {daemon.Socket} says: there is no tunnel \"vx43\"; there are: vx42\n", "trace", "--tunnel", "vx43", "--write", "-");
        AssertFails(2, $"overlayd: the overlayd on {daemon.Socket} says: a trace has 1 to 100000000 packets, not 0\n", "trace", "--tunnel", "vx42", "--write", "-", "--count", "0");
        daemon.Stop();
        AssertFails(3, $"overlayd: no overlayd answers on {daemon.Socket}: there is no such socket\n", "explain", "--tunnel", "vx42", "--direction", "egress", "--packet", hex);
        AssertFails(3, $"overlayd: no overlayd answers on {daemon.Socket}: there is no such socket\n", "trace", "--tunnel", "vx42", "--write", "-");

        void AssertFails(int exitCode, string error, params string[] arguments)
        {
            CommandResult result = lab.Us.TryExec(Command.DefaultTimeout, OverlayDaemon.Program, [.. arguments, "--socket", daemon.Socket]);
            Assert.Equal((exitCode, error, ""), (result.ExitCode, result.Error, result.Output));
        }
    }

    [Fact]
    public void A_trace_ends_by_its_count_and_tshark_reads_what_became_of_each_packet()
    {
        Requires.Tool("tshark");
        using VtepLab lab = new();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap());
        string file = Path.Combine(Path.GetTempPath(), $"overlay-{Guid.NewGuid():N}.pcapng");
        try
        {
            using Process trace = StartTrace(lab, daemon, file, "--drops", "--direction", "ingress", "--count", "4");
            byte[] inner = PacketBuilder.Ethernet(VtepLab.OurMac, VtepLab.PeerMac, EtherType.IPv4, PacketBuilder.Udp(VtepLab.InnerPeer, VtepLab.InnerOurs, 1, 2, "x"u8));
            SendFromPeer(lab, Vxlan(42, inner), Vxlan(43, inner), Vxlan(42, Frame), [1, 2, 3], [0x08, 1, 0, 0, 0, 0, 42, 0, .. inner]);
            Assert.True(trace.WaitForExit(Command.DefaultTimeout), "The trace does not end.");
            Assert.Equal((0, $"{file}: 4 packets recorded, none lost; ended by count\n"), (trace.ExitCode, trace.StandardOutput.ReadToEnd()));
            string[][] rows = [.. Tshark.Fields(file, "frame.comment", "ip.src", "udp.dstport", "vxlan.vni", "frame.interface_name")];
            Assert.Equal(["drop: unknown-vni", "drop: local-mac", "drop: truncated", "drop: reserved-bits"], rows.Select(row => row[0]));
            Assert.All(rows, row => Assert.Equal("vx42 ingress", row[4]));
            Assert.All(rows, row => Assert.StartsWith("192.0.2.2", row[1], StringComparison.Ordinal));
            Assert.All(rows, row => Assert.StartsWith("4789", row[2], StringComparison.Ordinal));
            Assert.Equal(("43", "42"), (rows[0][3], rows[1][3]));
            // Each drop that was recorded is one that was counted.
            JsonElement status = daemon.Query();
            Assert.Equal((1, 1), (OverlayDaemon.Counter(status, "vx42", "ingress", "drops.local-mac"), OverlayDaemon.Counter(status, "vx42", "ingress", "drops.reserved-bits")));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_trace_ends_by_a_signal_with_a_whole_file_and_the_tunnel_works_on()
    {
        Requires.Tool("tshark");
        using VtepLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap());
        string file = Path.Combine(Path.GetTempPath(), $"overlay-{Guid.NewGuid():N}.pcapng");
        try
        {
            using (Process trace = StartTrace(lab, daemon, file))
            {
                Assert.Equal(0, Ping.Run(lab.Us, "10.42.0.2", 3, "-i", "0.01").Lost);
                // Parts come every 20 ms; the last answer is in one of the next.
                Wait.Until(() => EchoReplies(file) >= 3, () => $"{EchoReplies(file)} answers are in the file");
                Command.Run("kill", "-INT", trace.Id.ToString(CultureInfo.InvariantCulture));
                Assert.True(trace.WaitForExit(Command.DefaultTimeout), "The trace does not end by SIGINT.");
                Assert.Equal(0, trace.ExitCode);
                Assert.EndsWith(" packets recorded, none lost; ended by signal\n", trace.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
            }

            string[][] pings = [.. Tshark.Fields(file, "icmp.type", "frame.comment", "frame.interface_name").Where(row => row[0].Length > 0)];
            Assert.Equal(3, pings.Count(row => row[0] == "8" && row[1] == "to 192.0.2.2" && row[2] == "vx42 egress"));
            Assert.Equal(3, pings.Count(row => row[0] == "0" && row[1] == "to the device" && row[2] == "vx42 ingress"));
            Assert.Equal(0, Ping.Run(lab.Us, "10.42.0.2", 3, "-i", "0.01").Lost);
            Books.AssertBalanced(Books.Settled(daemon));
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>To standard output, and ended by the clock.</summary>
    [Fact]
    public void A_trace_of_nothing_is_a_whole_capture_too()
    {
        Requires.Tool("tshark");
        using VtepLab lab = new();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap());
        CommandResult result = lab.Us.TryExec(
            Command.DefaultTimeout, "sh", "-c", $"{OverlayDaemon.Program} trace --tunnel vx42 --drops --direction ingress --seconds 0.3 --write - --socket {daemon.Socket} | tshark -r - -T fields -e frame.number");
        Assert.Equal((0, ""), (result.ExitCode, result.Output));
        Assert.Contains("overlayd: 0 packets recorded, none lost; ended by seconds\n", result.Error, StringComparison.Ordinal);
    }

    private static int EchoReplies(string file) => Tshark.Fields(file, "icmp.type").Count(row => row[0] == "0");

    private static Process StartTrace(VtepLab lab, OverlayDaemon daemon, string file, params string[] more)
    {
        Process trace = lab.Us.Start(OverlayDaemon.Program, ["trace", "--tunnel", "vx42", "--write", file, "--socket", daemon.Socket, .. more]);
        // The first part, which comes when the trace has begun, is the beginning of the file.
        Wait.Until(() => trace.HasExited || (File.Exists(file) && new FileInfo(file).Length > 0), () => "The trace does not begin.");
        Assert.False(trace.HasExited, trace.HasExited ? trace.StandardError.ReadToEnd() : "");
        return trace;
    }

    private static void SendFromPeer(VtepLab lab, params byte[][] datagrams)
    {
        using Socket socket = lab.Them.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        foreach (byte[] datagram in datagrams)
        {
            socket.SendTo(datagram, new IPEndPoint(IPAddress.Parse("192.0.2.1"), 4789));
        }
    }

    private static void WriteCapture(string file, IEnumerable<(string Name, byte[] Bytes, LinkType Link, string Verdict, string? Reason)> packets)
    {
        WriteAsync().GetAwaiter().GetResult();

        async Task WriteAsync()
        {
            var writer = new CaptureWriter(File.Create(file));
            await using (writer.ConfigureAwait(false))
            {
                int ethernet = writer.AddInterface(LinkType.Ethernet);
                int raw = writer.AddInterface(LinkType.Raw);
                foreach ((_, byte[] bytes, LinkType link, _, _) in packets)
                {
                    writer.Write(link == LinkType.Ethernet ? ethernet : raw, 0, bytes);
                }

                await writer.FlushAsync();
            }
        }
    }

    private static byte[] Vxlan(uint vni, byte[] frame) => [0x08, 0, 0, 0, (byte)(vni >> 16), (byte)(vni >> 8), (byte)vni, 0, .. frame];

    private static byte[] Outer(ValueIPAddress source, ushort port, uint vni, byte[] frame) => PacketBuilder.Udp(source, VtepLab.Ours, 50_000, port, Vxlan(vni, frame));

    private static CommandResult Run(VtepLab lab, OverlayDaemon daemon, params string[] arguments) =>
        lab.Us.Exec(OverlayDaemon.Program, [.. arguments, "--socket", daemon.Socket]);

    private static JsonElement[] Explain(VtepLab lab, OverlayDaemon daemon, params string[] arguments)
    {
        CommandResult result = Run(lab, daemon, ["explain", "--tunnel", "vx42", "--json", .. arguments]);
        using JsonDocument document = JsonDocument.Parse(result.Output);
        Assert.Equal("vx42", document.RootElement.GetProperty("tunnel").GetString());
        return [.. document.RootElement.GetProperty("packets").EnumerateArray().Select(packet => packet.Clone())];
    }

    private static JsonElement ExplainOne(VtepLab lab, OverlayDaemon daemon, params string[] arguments) => Assert.Single(Explain(lab, daemon, arguments));

    private static string? Optional(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetInt64().ToString(CultureInfo.InvariantCulture);

    private static long Dropped(JsonElement status, string reason) => OverlayDaemon.Counter(status, "vx42", "egress", $"drops.{reason}");
}
