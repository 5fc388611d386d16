using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// An overlayd with two workers: a queue of the device and a socket of the endpoint for each. The kernel spreads the flows; both workers must carry some,
/// nothing may be lost, changed or out of order, and the books are the sums.
/// </summary>
[Collection(FloodCollection.Name)]
public sealed class SeveralWorkersTests
{
    private const string Two = """{ "count": 2 }""";
    private const int Flows = 8;
    private static readonly TimeSpan EndWithin = TimeSpan.FromSeconds(2);

    // More than the default, so that even few flows surely differ in their outer ports.
    private const string ManySourcePorts = ", \"policy\": { \"sourcePortCount\": 64 }";

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Many_flows_arrive_whole_and_both_workers_carry_them(bool ipv6Underlay, bool peerIsOverlayd)
    {
        using PeerLab lab = new(ipv6Underlay);
        using OverlayDaemon ours = lab.StartDaemon(ManySourcePorts, Two);
        using OverlayDaemon? theirs = peerIsOverlayd ? lab.StartPeerDaemon(ManySourcePorts, Two) : null;
        if (!peerIsOverlayd)
        {
            lab.AddKernelVxlan();
        }

        List<TcpFlow> flows = [];
        try
        {
            for (int i = 0; i < Flows; i++)
            {
                flows.Add(new TcpFlow(lab.Us, lab.Them, "10.42.0.2", seed: i, length: 4 << 20));
                flows.Add(new TcpFlow(lab.Them, lab.Us, i % 2 == 0 ? "10.42.0.1" : "fd42::1", seed: 100 + i, length: 4 << 20));
            }

            // The hash of what came is compared with that of what was sent.
            flows.ForEach(flow => Assert.Equal(4 << 20, flow.Complete()));
        }
        finally
        {
            flows.ForEach(flow => flow.Dispose());
        }

        for (int i = 0; i < Flows; i++)
        {
            using UdpEcho echo = new(lab.Them, "10.42.0.2");
            using UdpProbe probe = new(lab.Us, echo);
            probe.Exchange([1, 2, 100, 1_000, ipv6Underlay ? 1_402 : 1_422]);
        }

        foreach (OverlayDaemon daemon in theirs is null ? [ours] : new[] { ours, theirs })
        {
            JsonElement status = Books.Settled(daemon);
            AssertSums(status);
            foreach (JsonElement worker in Workers(status))
            {
                // Thousands of packets in all: a worker with less than this has none of the flows.
                Assert.True(Count(worker, "egress", "txPackets") > 100 && Count(worker, "ingress", "txPackets") > 100, status.ToString());
            }

            // On TCP that has no room to send, a device loses nothing.
            Assert.Equal(0, OverlayDaemon.Drops(status, "vx42", "egress") + OverlayDaemon.Drops(status, "vx42", "ingress"));
            JsonElement endpoint = status.GetProperty("tunnels")[0].GetProperty("endpoint");
            Assert.Equal((64, 0), (endpoint.GetProperty("sourcePorts").GetInt32(), endpoint.GetProperty("kernelDrops").GetInt32()));
        }

        lab.AssertNoFragments();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_flow_keeps_its_order_and_both_its_directions_settle_on_one_worker(bool peerIsOverlayd)
    {
        int[] cpus = TwoCpus();
        // Pinned: a thread that wanders over CPUs in mid-stream would have the veth under the tunnel change the order.
        string pinned = $$"""{ "cpus": [ {{cpus[0]}}, {{cpus[1]}} ] }""";
        using PeerLab lab = new();
        using OverlayDaemon ours = lab.StartDaemon(workers: pinned);
        using OverlayDaemon? theirs = peerIsOverlayd ? lab.StartPeerDaemon(workers: pinned) : null;
        if (!peerIsOverlayd)
        {
            lab.AddKernelVxlan();
        }

        OverlayDaemon[] ends = theirs is null ? [ours] : [ours, theirs];
        lab.SilenceKernels();
        List<(UdpApplication Here, UdpApplication There)> flows = [];
        try
        {
            for (int i = 0; i < Flows; i++)
            {
                flows.Add((new UdpApplication(lab.Us, "10.42.0.1", 6_000 + i), new UdpApplication(lab.Them, "10.42.0.2", 6_000 + i)));
            }

            // One way only: the queue is the kernel's choice, and stays.
            Stream(flows, count: 600, bothWays: false);

            // There and back: now the driver knows by which queue the flow comes in, at both ends.
            for (int i = 0; i < Flows; i++)
            {
                Exchange(flows, i, 2);
            }

            // From a kernel peer the application itself sends, and a thread of the tests that wanders over CPUs changes the order.
            Stream(flows, count: 600, bothWays: peerIsOverlayd);

            for (int i = 0; i < Flows; i++)
            {
                // The driver forgets a flow after three seconds of silence.
                Exchange(flows, i, 2);
                JsonElement[] before = [.. ends.Select(Books.Settled)];
                Exchange(flows, i, 20);
                JsonElement[] after = [.. ends.Select(Books.Settled)];
                for (int end = 0; end < ends.Length; end++)
                {
                    long[] egress = Difference(before[end], after[end], "egress");
                    long[] ingress = Difference(before[end], after[end], "ingress");
                    // Had the workers source ports of their own, one flow in eight would go to and fro between them: half of the packets by each.
                    // One packet may go by hash, when a busy machine has kept the flow silent for so long that the driver forgot it.
                    // The kernels may say a word of their own meanwhile (a multicast report), and that may go by the other worker.
                    Assert.True(
                        Enumerable.Range(0, 2).Any(worker => egress[worker] >= 19 && ingress[worker] >= 19) && egress.Sum() < 25 && ingress.Sum() < 25,
                        $"flow {i}, end {end}: out by {string.Join(" and ", egress)}, in by {string.Join(" and ", ingress)}");
                }
            }
        }
        finally
        {
            flows.ForEach(flow => flow.Here.Dispose());
            flows.ForEach(flow => flow.There.Dispose());
        }

        Assert.All(ends, end => AssertSums(Books.Settled(end)));
    }

    [Fact]
    public void What_either_worker_hears_is_learned()
    {
        const int stations = 64;
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = OverlayDaemon.Start(
            lab.Us,
            $$"""
            { "name": "vx42", "kind": "vxlan", "vni": 42, "local": "192.0.2.1",
              "device": { "type": "tap", "name": "vx42", "addresses": [ "10.42.0.1/24" ], "mac": "{{PeerLab.OurMac}}" },
              "fdb": [ { "mac": "{{PeerLab.PeerMac}}", "remote": "192.0.2.2" } ],
              "neighbors": [ { "ip": "10.42.0.9", "mac": "{{PeerLab.PeerMac}}" } ] }
            """,
            Two);
        lab.SilenceKernels();
        using FrameSocket here = new(lab.Us, PeerLab.Device);
        using FrameSocket there = new(lab.Them, PeerLab.Device);
        MacAddress ours = MacAddress.Parse(PeerLab.OurMac);
        MacAddress Station(int number) => MacAddress.FromValue(0x02_00_00_01_00_00 + (ulong)number);
        // Flows of IP, which differ in their outer source ports; to an address that nobody has, so that nobody answers.
        byte[] Frame(MacAddress destination, MacAddress source) => PacketBuilder.Ethernet(
            destination, source, EtherType.IPv4,
            PacketBuilder.Udp(ValueIPAddress.Parse("10.43.0.2"), ValueIPAddress.Parse("10.43.0.1"), (ushort)source.Value, 9, PacketBuilder.Payload(60)));
        long Of(JsonElement status, string direction, string counter) => OverlayDaemon.Counter(status, "vx42", direction, counter);

        // There is nobody to flood to: what is not learned is dropped.
        JsonElement empty = Books.Settled(daemon);
        for (int i = 0; i < stations; i++)
        {
            Assert.Equal(Errno.None, here.Send(Frame(Station(i), ours)));
        }

        Wait.Until(() => Of(daemon.Query(), "egress", "drops.no-remote") == Of(empty, "egress", "drops.no-remote") + stations, () => daemon.Query().ToString());
        for (int i = 0; i < stations; i++)
        {
            Assert.Equal(Errno.None, there.Send(Frame(ours, Station(i))));
        }

        // The peer's kernel may have said something of its own besides.
        Wait.Until(() => Of(daemon.Query(), "ingress", "txPackets") >= Of(empty, "ingress", "txPackets") + stations, () => daemon.Query().ToString());
        JsonElement heard = Books.Settled(daemon);
        Assert.All(Workers(heard), worker => Assert.NotEqual(0, Count(worker, "ingress", "txPackets")));

        // Longer than the writer of the tables takes to come round.
        Thread.Sleep(100);
        for (int i = 0; i < stations; i++)
        {
            Assert.Equal(Errno.None, here.Send(Frame(Station(i), ours)));
        }

        Wait.Until(() => Of(daemon.Query(), "egress", "txPackets") == Of(heard, "egress", "txPackets") + stations, () => daemon.Query().ToString());

        // An answer made here comes back by the worker that got the question.
        using UdpApplication application = new(lab.Us, "10.42.0.1", 6_000);
        application.Send([1], "10.42.0.9", 6_000);
        Wait.Until(
            () => lab.Us.Ip("neigh", "show", "10.42.0.9").Output.Contains($"lladdr {PeerLab.PeerMac} REACHABLE", StringComparison.Ordinal),
            () => lab.Us.Ip("neigh", "show").Output);
        JsonElement status = Books.Settled(daemon);
        Assert.Equal((1, 1), (Of(status, "egress", "consumed"), Of(status, "egress", "originated")));
        Assert.All(Workers(status), worker => Assert.Equal(Count(worker, "egress", "consumed"), Count(worker, "egress", "originated")));
        AssertSums(status);
    }

    [Fact]
    public async Task A_second_one_is_refused_and_steals_nothing()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon first = lab.StartDaemon(workers: Two);
        Assert.Equal(0, Ping.Run(lab.Us, "10.42.0.2", 1).Lost);
        JsonElement before = first.Query();
        var pinging = Task.Run(() => Ping.Run(lab.Us, "10.42.0.2", 300, "-i", "0.01", "-W", "5"), TestContext.Current.CancellationToken);
        foreach (string workers in new[] { "{}", Two })
        {
            Refusal port = Refusal.Run(lab, """
                { "name": "other", "kind": "vxlan", "vni": 42, "local": "192.0.2.1", "device": { "type": "tap", "name": "other" }, "flood": [ "192.0.2.2" ] }
                """, workers: workers);
            Assert.Equal(3, port.ExitCode);
            Assert.Contains("UDP 192.0.2.1:4789", port.Error, StringComparison.Ordinal);
            Assert.Contains("a kernel vxlan device or another process holds it", port.Error, StringComparison.Ordinal);

            Refusal device = Refusal.Run(lab, """
                { "name": "other", "kind": "vxlan", "vni": 42, "local": "192.0.2.1", "port": 8472, "device": { "type": "tap", "name": "vx42" } }
                """, workers: workers);
            Assert.Equal(3, device.ExitCode);
            Assert.Contains("an interface vx42 exists", device.Error, StringComparison.Ordinal);
        }

        Ping ping = await pinging;
        Assert.True(ping is { Sent: 300, Lost: 0 }, ping.Output);
        JsonElement after = Books.Settled(first);
        // Every request and every answer went by the first.
        Assert.InRange(OverlayDaemon.Counter(after, "vx42", "egress", "txPackets") - OverlayDaemon.Counter(before, "vx42", "egress", "txPackets"), 300, 400);
        Assert.InRange(OverlayDaemon.Counter(after, "vx42", "ingress", "txPackets") - OverlayDaemon.Counter(before, "vx42", "ingress", "txPackets"), 300, 400);
        AssertSums(after);
        Assert.Equal(0, first.Stop().ExitCode);
        lab.AssertNothingLeft();
    }

    [Fact]
    public void Each_worker_runs_on_its_cpu_and_all_end_in_time_under_traffic()
    {
        // The other way round, so that it is not what the scheduler would do anyway.
        int[] cpus = [.. TwoCpus().Reverse()];
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon(workers: $$"""{ "count": 2, "cpus": [ {{cpus[0]}}, {{cpus[1]}} ] }""");
        Dictionary<string, string> allowed = AllowedCpus(daemon.ProcessId);
        Assert.Equal(cpus.Select(Text), new[] { allowed["overlay-0"], allowed["overlay-1"] });
        // Only the workers are tied.
        Assert.Equal(AllowedCpus(Environment.ProcessId).Values.First(), allowed["overlay-tables"]);
        using (Chatter chatter = new(lab.Us, "10.42.0.1", lab.Them, "10.42.0.2"))
        {
            Wait.Until(() => OverlayDaemon.Counter(daemon.Query(), "vx42", "egress", "txPackets") > 1_000, () => $"no traffic: {daemon.Query()}");
            (int exitCode, TimeSpan time) = daemon.Stop();
            Assert.True(exitCode == 0, $"exit {exitCode}: {daemon.Log}");
            Assert.InRange(time, TimeSpan.Zero, EndWithin);
        }

        lab.AssertNothingLeft();
    }

    [Fact]
    public void A_cpu_that_is_not_there_is_named_and_nothing_is_left()
    {
        using PeerLab lab = new();
        Refusal refusal = Refusal.Run(lab, lab.Tunnel(), workers: """{ "cpus": [ 0, 8191 ] }""");
        Assert.True(refusal.ExitCode == 3, refusal.Error);
        Assert.Contains("CPU 8191", refusal.Error, StringComparison.Ordinal);
        lab.AssertNothingLeft();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Several_queues_and_sockets_are_there_only_with_several_workers(int count)
    {
        using PeerLab lab = new();
        using OverlayDaemon daemon = lab.StartDaemon(workers: $$"""{ "count": {{count}} }""");
        using var link = JsonDocument.Parse(lab.Us.Ip("-d", "-j", "link", "show", "dev", PeerLab.Device).Output);
        JsonElement device = link.RootElement[0].GetProperty("linkinfo").GetProperty("info_data");
        Assert.Equal(count > 1, device.GetProperty("multi_queue").GetBoolean());
        if (count > 1)
        {
            Assert.Equal(count, device.GetProperty("numqueues").GetInt32());
        }

        // The second word is address:port in hexadecimal digits.
        string[] sockets = lab.Us.Run(() => File.ReadAllLines("/proc/thread-self/net/udp")[1..])
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]).ToArray();
        Assert.Equal(count, sockets.Count(socket => socket.EndsWith(":12B5", StringComparison.Ordinal)));
        Assert.Equal((17, 17 * count), (sockets.Distinct().Count(), sockets.Length));
        JsonElement tunnel = daemon.Query().GetProperty("tunnels")[0];
        Assert.Equal(16, tunnel.GetProperty("endpoint").GetProperty("sourcePorts").GetInt32());
        Assert.Equal(count > 1, tunnel.TryGetProperty("workers", out _));
    }

    [Fact]
    public void An_IPInIP_tunnel_stays_whole_on_one_worker()
    {
        using PeerLab lab = new();
        using OverlayDaemon ours = OverlayDaemon.Start(lab.Us, lab.Tunnel() + ", " + IPInIP("192.0.2.1", "10.246.1.1", "10.246.2.0/24", "192.0.2.2"), Two);
        using OverlayDaemon theirs = OverlayDaemon.Start(lab.Them, IPInIP("192.0.2.2", "10.246.2.1", "10.246.1.0/24", "192.0.2.1"), Two);
        using var link = JsonDocument.Parse(lab.Us.Ip("-d", "-j", "link", "show", "dev", "ip4").Output);
        Assert.False(link.RootElement[0].GetProperty("linkinfo").GetProperty("info_data").GetProperty("multi_queue").GetBoolean());
        TcpTransferResult there = TcpTransfer.Run(lab.Us, lab.Them, "10.246.2.1", 10_000_000);
        Assert.True(there.IsIntact, there.ToString());
        TcpTransferResult back = TcpTransfer.Run(lab.Them, lab.Us, "10.246.1.1", 10_000_000);
        Assert.True(back.IsIntact, back.ToString());
        JsonElement status = Books.Settled(ours);
        Books.AssertBalanced(status);
        Assert.Equal([true, false], status.GetProperty("tunnels").EnumerateArray().Select(tunnel => tunnel.TryGetProperty("workers", out _)));
        // A packet that two raw sockets had got would have gone to the device twice; what TCP makes of that is a duplicate.
        Assert.Equal(OverlayDaemon.Counter(Books.Settled(theirs), "ip4", "egress", "txPackets"), OverlayDaemon.Counter(status, "ip4", "ingress", "rxPackets"));
        Assert.DoesNotContain("overlay-1", AllowedCpus(theirs.ProcessId).Keys);
    }

    [Fact]
    public void A_device_that_is_deleted_is_reported_once()
    {
        using PeerLab lab = new();
        using OverlayDaemon daemon = lab.StartDaemon(workers: Two);
        lab.Us.Ip("link", "delete", PeerLab.Device);
        Wait.Until(() => daemon.Log.Contains("vx42 is gone", StringComparison.Ordinal), () => daemon.Log);
        Assert.Equal(0, daemon.Stop().ExitCode);
        Assert.Single(daemon.Log.Split('\n'), line => line.Contains("vx42 is gone", StringComparison.Ordinal));
    }

    /// <summary>Datagrams there and back, one after the other; a moment later each driver has noted where they came in.</summary>
    private static void Exchange(List<(UdpApplication Here, UdpApplication There)> flows, int flow, int times)
    {
        for (int i = 0; i < times; i++)
        {
            flows[flow].Here.Send([1], "10.42.0.2", 6_000 + flow);
            flows[flow].There.Take(1);
            flows[flow].There.Send([2], "10.42.0.1", 6_000 + flow);
            flows[flow].Here.Take(1);
            Thread.Sleep(2);
        }
    }

    /// <summary>Numbered datagrams in all flows at once, at most 64 of each under way; they arrive complete and in order.</summary>
    private static void Stream(List<(UdpApplication Here, UdpApplication There)> flows, int count, bool bothWays)
    {
        for (int number = 0; number < count; number++)
        {
            byte[] payload = new byte[200 + (number % 7 * 150)];
            BinaryPrimitives.WriteInt32BigEndian(payload, number);
            for (int i = 0; i < flows.Count; i++)
            {
                (UdpApplication here, UdpApplication there) = flows[i];
                here.Send(payload, "10.42.0.2", 6_000 + i);
                if (bothWays)
                {
                    there.Send(payload, "10.42.0.1", 6_000 + i);
                }

                int due = number - 64;
                Wait.Until(() => there.Count > due && (!bothWays || here.Count > due), () => $"flow {i}: {there.Count} and {here.Count} of {number} came");
            }
        }

        foreach ((UdpApplication here, UdpApplication there) in flows)
        {
            foreach (UdpApplication receiver in bothWays ? [here, there] : new[] { there })
            {
                Assert.Equal(Enumerable.Range(0, count), receiver.Take(count).Select(datagram => BinaryPrimitives.ReadInt32BigEndian(datagram)));
            }
        }
    }

    /// <summary>Balanced in all and for each worker, and the whole is the sum of the parts.</summary>
    private static void AssertSums(JsonElement status)
    {
        Books.AssertBalanced(status);
        foreach (string direction in new[] { "egress", "ingress" })
        {
            foreach (string counter in new[] { "rxPackets", "rxBytes", "txPackets", "txBytes", "replicated", "originated", "consumed" })
            {
                Assert.Equal(OverlayDaemon.Counter(status, "vx42", direction, counter), Workers(status).Sum(worker => Count(worker, direction, counter)));
            }

            foreach (JsonElement worker in Workers(status))
            {
                long drops = worker.GetProperty(direction).GetProperty("drops").EnumerateObject().Sum(drop => drop.Value.GetInt64());
                Assert.Equal(
                    Count(worker, direction, "rxPackets") + Count(worker, direction, "replicated") + Count(worker, direction, "originated"),
                    Count(worker, direction, "txPackets") + Count(worker, direction, "consumed") + drops);
            }
        }
    }

    private static JsonElement[] Workers(JsonElement status)
    {
        JsonElement[] workers = [.. status.GetProperty("tunnels")[0].GetProperty("workers").EnumerateArray()];
        Assert.Equal([0, 1], workers.Select(worker => worker.GetProperty("worker").GetInt32()));
        return workers;
    }

    private static long Count(JsonElement worker, string direction, string counter) => worker.GetProperty(direction).GetProperty(counter).GetInt64();

    private static long[] Difference(JsonElement before, JsonElement after, string direction) =>
        [.. Workers(before).Zip(Workers(after), (a, b) => Count(b, direction, "txPackets") - Count(a, direction, "txPackets"))];

    /// <summary>Which CPUs each thread of a process may use, by the thread's name.</summary>
    private static Dictionary<string, string> AllowedCpus(int process)
    {
        Dictionary<string, string> allowed = [];
        foreach (string directory in Directory.GetDirectories($"/proc/{Text(process)}/task"))
        {
            allowed[File.ReadAllText($"{directory}/comm").Trim()] =
                File.ReadLines($"{directory}/status").Single(line => line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)).Split('\t')[1];
        }

        return allowed;
    }

    /// <summary>Two CPUs that this process may use.</summary>
    private static int[] TwoCpus()
    {
        List<int> cpus = [];
        string list = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)).Split('\t')[1];
        foreach (string range in list.Split(','))
        {
            int[] ends = [.. range.Split('-').Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
            cpus.AddRange(Enumerable.Range(ends[0], ends[^1] - ends[0] + 1));
        }

        if (cpus.Count < 2)
        {
            Requires.Skip("needs two CPUs");
        }

        return [cpus[0], cpus[1]];
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string IPInIP(string local, string address, string prefix, string remote) => $$"""
        { "name": "ip4", "kind": "ipip", "local": "{{local}}", "device": { "type": "tun", "name": "ip4", "addresses": [ "{{address}}/32" ] },
          "routes": [ { "prefix": "{{prefix}}", "remote": "{{remote}}" } ] }
        """;
}
