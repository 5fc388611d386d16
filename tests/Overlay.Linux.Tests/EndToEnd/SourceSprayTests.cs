using System.Net;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>IP in IP from many source addresses: what is on the wire, and that another end takes it that was told to.</summary>
public sealed class SourceSprayTests
{
    private const int Flows = 40;

    [Theory]
    [InlineData(false, "172.16.0.0/16")]
    [InlineData(true, "100::/64")]
    public void Each_flow_comes_from_an_address_of_its_own_and_arrives(bool outer6, string prefix)
    {
        using VtepLab lab = new();
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tx");
        (string ours, string theirs) = outer6 ? ("2001:db8::1", "2001:db8::2") : ("192.0.2.1", "192.0.2.2");
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.IPInIP(
            "ipip0", ours, ["10.46.1.1/32"], $", \"policy\": {{ \"sourceSpray\": \"{prefix}\" }}", [("10.46.2.0/24", theirs)]));
        using OverlayDaemon peer = OverlayDaemon.Start(lab.Them, TunnelJson.IPInIP(
            "ipip0", theirs, ["10.46.2.1/32"], $", \"policy\": {{ \"remotes\": [ \"{prefix}\" ] }}", [("10.46.1.0/24", ours)]));
        // Without link-local addresses, as here, a host asks for a neighbour only on behalf of an address of its own.
        Assert.Equal(0, Ping.Run(lab.Us, theirs, 1, "-W", "5").Lost);
        using WireCapture capture = new(lab.Them, VtepLab.PeerDevice, 2 * Flows, outer6 ? "ip6 proto 4" : "ip proto 4");
        using UdpApplication receiver = new(lab.Them, "10.46.2.1", 2000);
        List<byte[]> sent = [];
        for (int flow = 0; flow < Flows; flow++)
        {
            using TestSocket sender = new(lab.Us, "10.46.1.1");
            for (int i = 0; i < 2; i++)
            {
                sent.Add(PacketBuilder.Payload(50 + i, flow));
                sender.SendTo(sent[^1], "10.46.2.1", 2000);
            }
        }

        Assert.Equal(
            sent.Select(bytes => Convert.ToHexString(bytes)).Order(), receiver.Take(sent.Count).Select(bytes => Convert.ToHexString(bytes)).Order());
        string[][] rows = capture.Fields(outer6 ? "ipv6.src" : "ip.src", "udp.srcport", outer6 ? "ipv6.dst" : "ip.dst", "ip.checksum.status");
        Assert.All(rows, row =>
        {
            Assert.True(IPNetwork.Parse(prefix).Contains(IPAddress.Parse(row[0].Split(',')[0])), row[0]);
            Assert.Equal(theirs, row[2].Split(',')[0]);
            Assert.DoesNotContain("0", row[3], StringComparison.Ordinal);
        });
        // One address for each flow, and nearly as many as there are flows.
        Assert.All(rows.GroupBy(row => row[1]), flow => Assert.Single(flow.Select(row => row[0]).Distinct()));
        Assert.InRange(rows.Select(row => row[0]).Distinct().Count(), Flows - 3, Flows);
        Assert.Equal((0, 0), (OverlayDaemon.Drops(daemon.Query(), "ipip0", "egress"), OverlayDaemon.Drops(peer.Query(), "ipip0", "ingress")));
    }

    [Fact]
    public void An_end_that_was_not_told_counts_strangers()
    {
        using VtepLab lab = new();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.IPInIP(
            "ipip0", "192.0.2.1", ["10.46.1.1/32"], ", \"policy\": { \"sourceSpray\": \"172.16.0.0/16\" }", [("10.46.2.0/24", "192.0.2.2")]));
        using OverlayDaemon peer = OverlayDaemon.Start(lab.Them, TunnelJson.IPInIP("ipip0", "192.0.2.2", ["10.46.2.1/32"], ("10.46.1.0/24", "192.0.2.1")));
        using TestSocket sender = new(lab.Us, "10.46.1.1");
        sender.SendTo("hello"u8, "10.46.2.1", 2000);
        Wait.Until(() => OverlayDaemon.Counter(peer.Query(), "ipip0", "ingress", "drops.unknown-remote") == 1, () => peer.Query().ToString());
    }
}
