using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>A device MTU above what the path carries: where senders are not told, what is too big is dropped and counted, and no outer fragment ever leaves.</summary>
public sealed class RaisedMtuTests
{
    private const int Port = 2000;

    [Theory]
    [InlineData("192.0.2.1", "192.0.2.2")]
    [InlineData("2001:db8::1", "2001:db8::2")]
    public void Nothing_that_exceeds_the_path_leaves_in_fragments(string local, string remote)
    {
        bool ipv6 = local.Contains(':', StringComparison.Ordinal);
        using VtepLab lab = new();
        lab.Them.Ip(
            "link", "add", "vx42", "mtu", "9000", "address", VtepLab.PeerMac.ToString(), "type", "vxlan", "id", "42", "local", remote, "remote", local,
            "dstport", "4789");
        lab.Them.Configure("vx42", "10.42.0.2/24");
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap(local: local, mtu: 9000, flood: [remote], more: """ "policy": { "packetTooBig": "silent" } """));
        using UdpApplication ours = new(lab.Us, "10.42.0.1", Port);
        using UdpApplication theirs = new(lab.Them, "10.42.0.2", Port);
        using WireLog wire = new(lab.Them, VtepLab.PeerDevice);
        ours.Send([1], "10.42.0.2", Port);
        Assert.Equal([[1]], theirs.Take(1));
        Assert.Equal(0, TooBig(daemon));

        // The largest packet that fits, and the smallest that does not.
        int largest = 1500 - (ipv6 ? 70 : 50) - 28;
        ours.Send(new byte[largest], "10.42.0.2", Port);
        Assert.Equal(largest, theirs.Take(1)[0].Length);
        ours.Send(new byte[largest + 1], "10.42.0.2", Port);
        WaitForTooBig(daemon, 1);

        // Plain packets, then a UDP superpacket of eight.
        for (int i = 0; i < 10; i++)
        {
            ours.Send(new byte[4000], "10.42.0.2", Port);
        }

        WaitForTooBig(daemon, 11);
        ours.SendSegments(new byte[32_000], 4000, "10.42.0.2", Port);
        WaitForTooBig(daemon, 19);

        // TCP: both ends believe in segments of 8948 bytes, and hand them over 64 KB at a time.
        using (TcpFlow flow = new(lab.Us, lab.Them, "10.42.0.2"))
        {
            Wait.Until(() => TooBig(daemon) > 25, () => $"{TooBig(daemon)} packets dropped: no TCP segments among them");
            Assert.Equal(0, flow.Received);
        }

        // Small packets go on, both ways.
        ours.Send([2], "10.42.0.2", Port);
        Assert.Equal([[2]], theirs.Take(1));
        theirs.Send([3], "10.42.0.1", Port);
        Assert.Equal([[3]], ours.Take(1));
        JsonElement status = daemon.Query();
        Assert.Equal(OverlayDaemon.Drops(status, "vx42", "egress"), OverlayDaemon.Counter(status, "vx42", "egress", "drops.too-big"));

        // All that left, the header chain as the first fragment would show it: none is a fragment, and the largest fills the link.
        string[][] packets = wire.Stop(
            $"{(ipv6 ? "ipv6" : "ip")}.src == {local}", ["frame.len", ipv6 ? "ipv6.fraghdr.offset" : "ip.frag_offset", ipv6 ? "ipv6.fraghdr.more" : "ip.flags.mf"]);
        Assert.InRange(packets.Length, 4, int.MaxValue);
        Assert.All(packets, packet =>
        {
            Assert.InRange(int.Parse(packet[0], null), 0, 1514);
            Assert.Equal(ipv6 ? ("", "") : ("0", "0"), (packet[1][..Math.Min(1, packet[1].Length)], packet[2][..Math.Min(1, packet[2].Length)]));
        });
        Assert.Contains(packets, packet => packet[0] == "1514");
        Assert.Equal((0, 0), (VtepLab.Snmp(lab.Us, "Ip", "FragCreates"), VtepLab.Snmp6(lab.Us, "Ip6FragCreates")));
        Assert.Equal((0, 0), (VtepLab.Snmp(lab.Them, "Ip", "ReasmReqds"), VtepLab.Snmp6(lab.Them, "Ip6ReasmReqds")));
    }

    private static long TooBig(OverlayDaemon daemon) => OverlayDaemon.Counter(daemon.Query(), "vx42", "egress", "drops.too-big");

    private static void WaitForTooBig(OverlayDaemon daemon, long count)
    {
        Wait.Until(() => TooBig(daemon) >= count, () => $"{TooBig(daemon)} packets dropped as too big, not {count}");
        Assert.Equal(count, TooBig(daemon));
    }
}
