using System.Text.Json;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// A router in the middle has a smaller link on the far side: senders inside of a tunnel learn exactly what fits, as the kernel's selftest pmtu.sh has it.
/// Every cell of the matrix is a tunnel of one daemon.
/// </summary>
public sealed class PathMtuMatrixTests : IClassFixture<PathMtuMatrixTests.Lab>
{
    private const int FarMtu = 1_400;
    private const int BridgedMtu = 1_500;

    private readonly Lab _lab;

    public PathMtuMatrixTests(Lab lab) => _lab = lab;

    public static TheoryData<string, bool, bool> Cells()
    {
        TheoryData<string, bool, bool> cells = [];
        foreach (string kind in Kinds.Keys)
        {
            foreach (bool outer6 in (bool[])[false, true])
            {
                cells.Add(kind, outer6, false);
                cells.Add(kind, outer6, true);
            }
        }

        return cells;
    }

    // What each takes over IPv4; over IPv6 it is 20 more.
    private static Dictionary<string, (int Overhead, bool IsTap)> Kinds => new()
    {
        ["vxlan"] = (50, true),
        ["geneve"] = (50, true),
        ["ipip"] = (20, false),
        ["gre"] = (24, false),
        ["gue"] = (32, false),
    };

    [Theory]
    [MemberData(nameof(Cells))]
    [RfcItem(27, "RFC 2003 §5.1", "Path MTU discovery MUST be supported: the sender learns the path's MTU less the outer headers.")]
    public void The_sender_learns_what_fits_to_the_byte(string kind, bool outer6, bool inner6)
    {
        string name = Lab.Name(kind, outer6);
        string to = Lab.Inner(kind, outer6, inner6, 2);
        int mtu = FarMtu - Kinds[kind].Overhead - (outer6 ? 20 : 0);
        LearnedMtu.AssertLearned(_lab.Routed.Near, to, mtu, larger: 1_400);

        // What fits leaves, and the router sends nothing back; a byte more does not pass the kernel.
        long before = OverlayDaemon.Counter(_lab.Daemon.Query(), name, "egress", "txPackets");
        long told = OverlayDaemon.Counter(_lab.Daemon.Query(), name, "egress", "originated");
        _ = Ping.Run(_lab.Routed.Near, to, 1, "-M", "do", "-s", LearnedMtu.PingSize(to, mtu), "-W", "0.05");
        Wait.Until(() => OverlayDaemon.Counter(_lab.Daemon.Query(), name, "egress", "txPackets") > before, () => $"nothing left {name}");
        Assert.Equal(told, OverlayDaemon.Counter(_lab.Daemon.Query(), name, "egress", "originated"));
        Assert.Equal(FarMtu, PathOf(name).GetProperty("mtu").GetInt32());
        Assert.Equal(("icmp", mtu, 1_500), (PathOf(name).GetProperty("source").GetString(), PathOf(name).GetProperty("innerMtu").GetInt32(), PathOf(name).GetProperty("bound").GetInt32()));
        Books.AssertBalanced(Books.Settled(_lab.Daemon));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [RfcItem(24, "RFC 2003 §4.1", "Datagram Too Big MUST be relayed to the sender of the inner packet, with the MTU of the tunnel.", Deviation = "At the next packet that does not fit: routers quote too little of the first.")]
    public void So_does_a_host_behind_a_bridge(bool outer6)
    {
        Netns host = _lab.Hosts[outer6 ? 1 : 0];
        // At first by the link of this end, 1500 bytes: the host's own is as large, and no router has said anything yet.
        int own = 1_500 - 50 - (outer6 ? 20 : 0);
        LearnedMtu.AssertLearned(host, Lab.Bridged(outer6, false, 2), own, larger: 1_500);
        // Then by what the router on the way says of a packet that was as long as that.
        LearnedMtu.AssertLearned(host, Lab.Bridged(outer6, false, 2), own - (1_500 - FarMtu), larger: own);
        LearnedMtu.AssertLearned(host, Lab.Bridged(outer6, true, 2), own - (1_500 - FarMtu), larger: 1_500);
    }

    private JsonElement PathOf(string tunnel) => _lab.Daemon.Query().GetProperty("tunnels").EnumerateArray()
        .First(t => t.GetProperty("name").GetString() == tunnel).GetProperty("pathMtus")[0];

    /// <summary>All tunnels, and two hosts behind bridges.</summary>
    public sealed class Lab : IDisposable
    {
        private static readonly string[] Names = [.. Kinds.Keys];

        public Lab()
        {
            Routed = new RoutedLab(FarMtu);
            try
            {
                List<string> tunnels = [];
                foreach (string kind in Names)
                {
                    foreach (bool outer6 in (bool[])[false, true])
                    {
                        tunnels.Add(Tunnel(kind, outer6));
                    }
                }

                tunnels.Add(BridgedTunnel(false));
                tunnels.Add(BridgedTunnel(true));
                Daemon = OverlayDaemon.Start(Routed.Near, string.Join(",\n", tunnels));
                Hosts = [AddHost(false), AddHost(true)];
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        internal RoutedLab Routed { get; }

        internal OverlayDaemon Daemon { get; } = null!;

        internal Netns[] Hosts { get; } = [];

        internal static string Name(string kind, bool outer6) => $"{kind}{(outer6 ? 6 : 4)}";

        internal static string Inner(string kind, bool outer6, bool inner6, int host)
        {
            int number = (2 * Array.IndexOf(Names, kind)) + (outer6 ? 1 : 0) + 10;
            return inner6 ? $"fd{number}::{host}" : $"10.{number}.0.{host}";
        }

        internal static string Bridged(bool outer6, bool inner6, int host) => inner6 ? $"fd{(outer6 ? 91 : 90)}::{host}" : $"10.{(outer6 ? 91 : 90)}.0.{host}";

        public void Dispose()
        {
            Daemon?.Dispose();
            foreach (Netns host in Hosts)
            {
                host.Dispose();
            }

            Routed.Dispose();
        }

        private static string Tunnel(string kind, bool outer6)
        {
            (int _, bool isTap) = Kinds[kind];
            string remote = RoutedLab.Outer(far: true, outer6);
            string vni = isTap ? "\"vni\": 42," : "";
            string table = isTap
                ? $$"""
                    "fdb": [ { "mac": "02:00:00:00:00:02", "remote": "{{remote}}" } ],
                    "neighbors": [ {{string.Join(", ", new[] { false, true }.Select(inner6 => $$"""{ "ip": "{{Inner(kind, outer6, inner6, 2)}}", "mac": "02:00:00:00:00:02" }"""))}} ]
                    """
                : $$""" "routes": [ {{string.Join(", ", new[] { false, true }.Select(inner6 => $$"""{ "prefix": "{{Inner(kind, outer6, inner6, 2)}}/{{(inner6 ? 128 : 32)}}", "remote": "{{remote}}" }"""))}} ] """;
            return $$"""
                { "name": "{{Name(kind, outer6)}}", "kind": "{{kind}}", {{vni}} "local": "{{RoutedLab.Outer(far: false, outer6)}}",
                  "device": { "type": "{{(isTap ? "tap" : "tun")}}", "mtu": 1400, "addresses": [ "{{Inner(kind, outer6, false, 1)}}/24", "{{Inner(kind, outer6, true, 1)}}/64" ] },
                  "policy": { "df": "set" }, {{table}} }
                """;
        }

        private static string BridgedTunnel(bool outer6)
        {
            string remote = RoutedLab.Outer(far: true, outer6);
            return $$"""
                { "name": "br{{(outer6 ? 6 : 4)}}", "kind": "vxlan", "vni": 90, "local": "{{RoutedLab.Outer(far: false, outer6)}}",
                  "device": { "type": "tap", "mtu": {{BridgedMtu}} }, "policy": { "df": "set" },
                  "fdb": [ { "mac": "02:00:00:00:00:02", "remote": "{{remote}}" } ],
                  "neighbors": [ { "ip": "{{Bridged(outer6, false, 2)}}", "mac": "02:00:00:00:00:02" }, { "ip": "{{Bridged(outer6, true, 2)}}", "mac": "02:00:00:00:00:02" } ] }
                """;
        }

        private Netns AddHost(bool outer6)
        {
            string bridge = outer6 ? "bridge6" : "bridge4";
            string port = outer6 ? "port6" : "port4";
            Netns host = Netns.Create("ovhost");
            Routed.Near.Ip("link", "add", bridge, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0");
            Routed.Near.Ip("link", "set", bridge, "up");
            Netns.Connect(host, "eth0", Bridged(outer6, false, 1) + "/24", Routed.Near, port, null);
            host.Configure("eth0", Bridged(outer6, true, 1) + "/64");
            Routed.Near.Ip("link", "set", port, "master", bridge);
            Routed.Near.Ip("link", "set", outer6 ? "br6" : "br4", "master", bridge);
            return host;
        }
    }
}
