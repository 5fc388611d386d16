using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>What <c>status --json</c> says: its shape, which is a public format, and its books, which must be exact.</summary>
public sealed class DaemonStatusTests
{
    private const int Broadcasts = 10;
    private const int Requests = 5;
    private const EtherType Experimental = (EtherType)0x88B5;
    private static readonly MacAddress OurMac = MacAddress.Parse(PeerLab.OurMac);
    private static readonly MacAddress KnownMac = MacAddress.Parse("02:00:00:00:00:09");
    private static readonly ValueIPAddress KnownAddress = ValueIPAddress.Parse("10.42.0.9");

    [Fact]
    public void The_shape_is_the_documented_one()
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon();
        Assert.Equal(0, Ping.Run(lab.Us, "10.42.0.2", 5, "-i", "0.01").Lost);

        JsonElement status = daemon.Status();
        Assert.Equal(["drops", "ready", "runtime", "tunnels"], Names(status));
        Assert.Equal(["collections", "compiledMethods", "pauseMilliseconds"], Names(status.GetProperty("runtime")));
        Assert.True(status.GetProperty("ready").GetBoolean());
        Assert.Equal(JsonValueKind.Object, status.GetProperty("drops").ValueKind);
        JsonElement tunnel = Assert.Single(status.GetProperty("tunnels").EnumerateArray());
        Assert.Equal(["device", "egress", "endpoint", "ingress", "kind", "learning", "local", "name", "neighbors", "offload", "overhead", "pathMtus"], Names(tunnel));
        Assert.Equal(["ageSeconds", "bound", "innerMtu", "mtu", "remote", "source"], Names(Assert.Single(tunnel.GetProperty("pathMtus").EnumerateArray())));
        Assert.Equal(["kernelDrops", "name", "receiveBufferBytes", "sourcePorts", "transport", "tunnelGsoFrames", "tunnelGsoSuperpackets"], Names(tunnel.GetProperty("endpoint")));
        Assert.Equal(
            ["announcements", "answered", "entries", "learned", "misses", "missesLost", "moves", "probes", "refused", "unforwarded", "unknown"], Names(tunnel.GetProperty("neighbors")));
        Assert.Equal(["gro", "gso", "tso", "tunnelGso", "uso"], Names(tunnel.GetProperty("offload")));
        Assert.Equal(["entries", "frozen", "moves", "queueFull", "refused"], Names(tunnel.GetProperty("learning")));
        Assert.Equal(["frozen", "full", "invalid", "own", "protected", "unpermitted"], Names(tunnel.GetProperty("learning").GetProperty("refused")));
        Assert.Equal(("vx42", "vxlan"), (tunnel.GetProperty("name").GetString(), tunnel.GetProperty("kind").GetString()));
        Assert.Equal("""{"name":"vx42","mtu":1450,"mac":"02:00:00:00:00:01"}""", JsonSerializer.Serialize(tunnel.GetProperty("device")));
        foreach (string direction in new[] { "egress", "ingress" })
        {
            JsonElement books = tunnel.GetProperty(direction);
            Assert.Equal(["consumed", "drops", "originated", "replicated", "rxBytes", "rxPackets", "txBytes", "txPackets"], Names(books));
            Assert.All(books.EnumerateObject().Where(p => p.Name != "drops"), p => Assert.True(p.Value.TryGetInt64(out long value) && value >= 0));
            Assert.InRange(books.GetProperty("txPackets").GetInt64(), 5, 1_000);
        }
    }

    [Theory]
    [InlineData("", true)]
    [InlineData(", \"offload\": { \"tso\": false, \"uso\": false, \"gro\": false, \"gso\": false, \"tunnelGso\": false }", false)]
    public void Each_offload_says_whether_it_is_asked_for_and_in_use(string offload, bool on)
    {
        using PeerLab lab = new();
        lab.AddKernelVxlan();
        using OverlayDaemon daemon = lab.StartDaemon(offload);
        Assert.True(TcpTransfer.Run(lab.Us, lab.Them, "10.42.0.2", 5_000_000).IsIntact);
        Assert.True(TcpTransfer.Run(lab.Them, lab.Us, "10.42.0.1", 5_000_000).IsIntact);
        JsonElement states = Assert.Single(daemon.Status().GetProperty("tunnels").EnumerateArray()).GetProperty("offload");
        string state = on ? """{"asked":true,"active":true,"fallbacks":0}""" : """{"asked":false,"active":false,"reason":"configured off","fallbacks":0}""";
        string[] names = on && KernelRelease.Running().BreaksEqualSegments ? ["tso", "gro"] : ["tso", "uso", "gro", "gso"];
        Assert.All(names, name => Assert.Equal(state, JsonSerializer.Serialize(states.GetProperty(name))));
        string none = on ? "transport is udp" : "configured off";
        Assert.Equal(
            $$"""{"asked":false,"active":false,"reason":"{{none}}","fallbacks":0}""", JsonSerializer.Serialize(states.GetProperty("tunnelGso")));
    }

    [Fact]
    public void Flooding_and_answers_are_in_the_books_to_the_packet()
    {
        using FloodLab lab = new();
        using OverlayDaemon daemon = lab.StartDaemon();
        Assert.Equal(0, Ping.Run(lab.Us, "10.42.0.2", 5, "-i", "0.01").Lost);
        Assert.Equal(0, Ping.Run(lab.Third, "10.42.0.1", 5, "-i", "0.01").Lost);
        lab.SilenceKernels();
        using FrameSocket device = new(lab.Us, "vx42");
        using FrameSocket second = new(lab.Second, "vx42");
        using FrameSocket third = new(lab.Third, "vx42");
        JsonElement before = Books.Settled(daemon);
        Books.AssertBalanced(before);

        // Broadcasts: one copy for each remote. The last one marks the end.
        for (int i = 0; i < Broadcasts; i++)
        {
            Assert.Equal(Errno.None, device.Send(Broadcast(OurMac, (byte)i)));
        }

        Assert.Equal(Enumerable.Range(0, Broadcasts), ReadBroadcasts(second, Broadcasts - 1));
        Assert.Equal(Enumerable.Range(0, Broadcasts), ReadBroadcasts(third, Broadcasts - 1));

        // Requests for a known address are answered here, and go nowhere.
        for (int i = 0; i < Requests; i++)
        {
            Assert.Equal(Errno.None, device.Send(PacketBuilder.ArpRequest(OurMac, ValueIPAddress.Parse("10.42.0.1"), KnownAddress)));
            byte[] reply = device.Receive()!;
            Assert.Equal(
                (byte[])[.. Bytes(OurMac), .. Bytes(KnownMac), 8, 6, 0, 1, 8, 0, 6, 4, 0, 2, .. Bytes(KnownMac), 10, 42, 0, 9, .. Bytes(OurMac), 10, 42, 0, 1],
                reply[..42]);
        }

        // What comes from one remote is never flooded to another: the mark that we send behind it is the first that the third sees.
        Assert.Equal(Errno.None, second.Send(Broadcast(MacAddress.Parse(PeerLab.PeerMac), 77)));
        Assert.Equal([77], ReadBroadcasts(device, 77));
        Assert.Equal(Errno.None, device.Send(Broadcast(OurMac, 78)));
        Assert.Equal([78], ReadBroadcasts(third, 78));
        Assert.Equal([78], ReadBroadcasts(second, 78));

        JsonElement after = Books.Settled(daemon);
        Books.AssertBalanced(after);
        long Grown(string direction, string counter) =>
            OverlayDaemon.Counter(after, "vx42", direction, counter) - OverlayDaemon.Counter(before, "vx42", direction, counter);
        Assert.Equal(Broadcasts + 1 + Requests, Grown("egress", "rxPackets"));
        Assert.Equal(Broadcasts + 1, Grown("egress", "replicated"));
        Assert.Equal((Requests, Requests), (Grown("egress", "originated"), Grown("egress", "consumed")));
        // Both copies of each broadcast, and the answers.
        Assert.Equal((2 * (Broadcasts + 1)) + Requests, Grown("egress", "txPackets"));
        Assert.Equal((1, 1), (Grown("ingress", "rxPackets"), Grown("ingress", "txPackets")));
        Assert.Equal(0, OverlayDaemon.Drops(after, "vx42", "egress") + OverlayDaemon.Drops(after, "vx42", "ingress"));
    }

    private static string[] Names(JsonElement element) => [.. element.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal)];

    private static byte[] Bytes(MacAddress mac)
    {
        byte[] bytes = new byte[MacAddress.Length];
        mac.TryWriteBytes(bytes);
        return bytes;
    }

    private static byte[] Broadcast(MacAddress source, byte number) =>
        PacketBuilder.Ethernet(MacAddress.Broadcast, source, Experimental, [number, .. new byte[45]]);

    /// <summary>The numbers of all broadcasts up to one, which must come.</summary>
    private static List<int> ReadBroadcasts(FrameSocket device, int last)
    {
        List<int> numbers = [];
        while (numbers.Count == 0 || numbers[^1] != last)
        {
            byte[] frame = device.Receive() ?? throw new TimeoutException($"Broadcast {last} did not come, but {string.Join(", ", numbers)}.");
            if (frame[12] == 0x88 && frame[13] == 0xB5)
            {
                numbers.Add(frame[14]);
            }
        }

        return numbers;
    }

    /// <summary>Three hosts on a bridge: 192.0.2.1 is ours, .2 and .3 are kernel VTEPs that flood to us alone.</summary>
    private sealed class FloodLab : IDisposable
    {
        private readonly List<Netns> _all = [];

        public FloodLab()
        {
            try
            {
                Netns hub = Create();
                Us = Create();
                Second = Create();
                Third = Create();
                hub.Ip("link", "add", "br0", "type", "bridge");
                hub.Configure("br0", null);
                int number = 0;
                foreach (Netns host in new[] { Us, Second, Third })
                {
                    number++;
                    host.Sysctl("net.ipv6.conf.default.disable_ipv6", "1");
                    Netns.Connect(hub, $"h{number}", null, host, "u0", $"192.0.2.{number}/24");
                    hub.Ip("link", "set", $"h{number}", "master", "br0");
                    if (number > 1)
                    {
                        host.Ip(
                            "link", "add", "vx42", "address", $"02:00:00:00:00:0{number}", "type", "vxlan", "id", "42", "local", $"192.0.2.{number}",
                            "remote", "192.0.2.1", "dstport", "4789", "dev", "u0");
                        host.Configure("vx42", $"10.42.0.{number}/24");
                    }
                }
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public Netns Us { get; }

        public Netns Second { get; }

        public Netns Third { get; }

        public OverlayDaemon StartDaemon() => OverlayDaemon.Start(Us, $$"""
            { "name": "vx42", "kind": "vxlan", "vni": 42, "local": "192.0.2.1", "flood": [ "192.0.2.2", "192.0.2.3" ],
              "device": { "type": "tap", "name": "vx42", "addresses": [ "10.42.0.1/24" ], "mac": "{{PeerLab.OurMac}}" },
              "fdb": [ { "mac": "{{KnownMac}}", "remote": "192.0.2.2" } ],
              "neighbors": [ { "ip": "{{KnownAddress}}", "mac": "{{KnownMac}}" } ] }
            """);

        /// <summary>From now on no kernel asks for a neighbour again, so that the tunnel carries what the test sends and nothing else.</summary>
        public void SilenceKernels()
        {
            foreach ((Netns netns, int neighbor) in new[] { (Us, 2), (Us, 3), (Second, 1), (Third, 1) })
            {
                netns.Ip("neigh", "replace", $"10.42.0.{neighbor}", "lladdr", $"02:00:00:00:00:0{neighbor}", "dev", "vx42", "nud", "permanent");
            }
        }

        public void Dispose() => _all.ForEach(netns => netns.Dispose());

        private Netns Create()
        {
            Netns netns = Netns.Create("ovflood");
            _all.Add(netns);
            return netns;
        }
    }
}
