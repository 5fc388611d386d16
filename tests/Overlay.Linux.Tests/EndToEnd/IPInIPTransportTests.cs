using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Two daemons with IP in IP, each with either transport: what is sent arrives, and with <c>tunnelGso</c> it crosses the veth whole.</summary>
public sealed class IPInIPTransportTests
{
    private const long Bytes = 20_000_000;
    private const string TunnelGso = ", \"transport\": \"tunnelGso\"";
    private const string Server4 = "10.46.2.1";
    private const string Server6 = "fd46:2::1";

    [Theory]
    [InlineData(false, true, true)]
    [InlineData(false, true, false)]
    [InlineData(true, true, true)]
    [InlineData(false, false, false)]
    public void Tcp_of_both_versions_arrives_unharmed_each_way(bool outer6, bool ours, bool theirs)
    {
        TunAccess.Require();
        using VtepLab lab = new();
        using OverlayDaemon our = Start(lab, outer6, us: true, ours ? TunnelGso : "");
        using OverlayDaemon their = Start(lab, outer6, us: false, theirs ? TunnelGso : ", \"transport\": \"raw\"");
        long before = PeerLab.Statistic(lab.Us, VtepLab.OurDevice, "tx", "packets");
        Assert.True(TcpTransfer.Run(lab.Us, lab.Them, Server4, Bytes, seed: 1).IsIntact);
        Assert.True(TcpTransfer.Run(lab.Us, lab.Them, Server6, Bytes, seed: 2).IsIntact);
        long handedOver = PeerLab.Statistic(lab.Us, VtepLab.OurDevice, "tx", "packets") - before;
        JsonElement status = our.Query();
        long packets = OverlayDaemon.Counter(status, "ipip0", "egress", "txPackets");
        Assert.InRange(packets, 2 * Bytes / 1500, long.MaxValue);
        // The kernel counts what it hands to the veth.
        Assert.InRange(handedOver, ours ? 1 : packets * 9 / 10, ours ? packets / 4 : long.MaxValue);
        AssertTransport(status, ours ? "tunnelGso" : "raw", reason: null, whole: ours);

        Assert.True(TcpTransfer.Run(lab.Them, lab.Us, "10.46.1.1", Bytes, seed: 3).IsIntact);
        Assert.True(TcpTransfer.Run(lab.Them, lab.Us, "fd46:1::1", Bytes, seed: 4).IsIntact);
        Ping small = Ping.Run(lab.Us, Server4, 200, "-f", "-W", "10");
        Assert.True(small is { Sent: 200, Lost: 0 }, small.Output);
        Books.AssertBalanced(Books.Settled(our));
        Books.AssertBalanced(Books.Settled(their));
        lab.AssertNoFragments();
    }

    [Fact]
    public void Without_the_rights_for_it_or_switched_off_the_sockets_send_and_the_reason_is_told()
    {
        Requires.Tool("setpriv");
        using VtepLab lab = new();
        using OverlayDaemon their = Start(lab, outer6: false, us: false, TunnelGso + ", \"offload\": { \"tunnelGso\": false }");
        using OverlayDaemon our = OverlayDaemon.Start(
            lab.Us, Tunnel(outer6: false, us: true, TunnelGso), launch: new DaemonLaunch { Launcher = ["setpriv", "--bounding-set", "-bpf,-sys_admin"] });
        Assert.True(TcpTransfer.Run(lab.Us, lab.Them, Server4, 1_000_000).IsIntact);
        AssertTransport(our.Query(), "raw", "CAP_BPF", whole: false);
        AssertTransport(their.Query(), "raw", "configured off", whole: false);
        Assert.DoesNotContain(PeerLab.Devices(lab.Us), name => name.StartsWith("ovl", StringComparison.Ordinal));
    }

    [Fact]
    public void What_exceeds_the_link_is_counted_and_the_device_goes_with_the_daemon()
    {
        TunAccess.Require();
        using VtepLab lab = new();
        using OverlayDaemon their = Start(lab, outer6: false, us: false, TunnelGso);
        using OverlayDaemon our = OverlayDaemon.Start(
            lab.Us, Tunnel(outer6: false, us: true, TunnelGso + ", \"policy\": { \"packetTooBig\": \"silent\" }").Replace("\"type\": \"tun\"", "\"type\": \"tun\", \"mtu\": 1490", StringComparison.Ordinal));
        Assert.Equal(0, Ping.Run(lab.Us, Server4, 3, "-i", "0.01", "-s", "1452").Lost);
        Assert.Equal(3, Ping.Run(lab.Us, Server4, 3, "-i", "0.01", "-W", "0.2", "-M", "do", "-s", "1453").Lost);
        JsonElement status = Books.Settled(our);
        Assert.Equal(3, OverlayDaemon.Counter(status, "ipip0", "egress", "drops.too-big"));
        Books.AssertBalanced(status);
        Assert.Contains("ovl-u0", PeerLab.Devices(lab.Us));
        Assert.Equal(0, our.Stop().ExitCode);
        Assert.Equal(["lo", VtepLab.OurDevice], PeerLab.Devices(lab.Us));
    }

    [Fact]
    public void Check_warns_of_what_outer_packets_pass_by()
    {
        using VtepLab lab = new();
        CommandResult result = OverlayDaemon.RunToEnd(lab.Us, $$"""{ "tunnels": [ {{Tunnel(false, true, TunnelGso)}} ] }""", "check");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("ipip0: warning: with transport tunnelGso outer packets pass by", result.Output, StringComparison.Ordinal);
        Assert.Contains("\"raw\" is right where those must see them", result.Output, StringComparison.Ordinal);
    }

    private static OverlayDaemon Start(VtepLab lab, bool outer6, bool us, string more) =>
        OverlayDaemon.Start(us ? lab.Us : lab.Them, Tunnel(outer6, us, more));

    private static string Tunnel(bool outer6, bool us, string more)
    {
        (string local, string remote) = outer6 ? ("2001:db8::1", "2001:db8::2") : ("192.0.2.1", "192.0.2.2");
        return us
            ? TunnelJson.IPInIP("ipip0", local, ["10.46.1.1/32", "fd46:1::1/128"], more, [("10.46.2.0/24", remote), ("fd46:2::/64", remote)])
            : TunnelJson.IPInIP("ipip0", remote, ["10.46.2.1/32", "fd46:2::1/128"], more, [("10.46.1.0/24", local), ("fd46:1::/64", local)]);
    }

    private static void AssertTransport(JsonElement status, string transport, string? reason, bool whole)
    {
        JsonElement tunnel = status.GetProperty("tunnels")[0];
        JsonElement endpoint = tunnel.GetProperty("endpoint");
        JsonElement use = tunnel.GetProperty("offload").GetProperty("tunnelGso");
        Assert.Equal(
            (transport, whole, 0L),
            (endpoint.GetProperty("transport").GetString(), use.GetProperty("active").GetBoolean(), use.GetProperty("fallbacks").GetInt64()));
        Assert.InRange(endpoint.GetProperty("tunnelGsoSuperpackets").GetInt64(), whole ? 1 : 0, whole ? long.MaxValue : 0);
        if (reason is not null)
        {
            Assert.Contains(reason, use.GetProperty("reason").GetString(), StringComparison.Ordinal);
        }
    }
}
