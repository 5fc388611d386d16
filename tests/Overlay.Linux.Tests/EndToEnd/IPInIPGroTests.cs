using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>IP in IP between two daemons while the receiving device merges packets (GRO): a raw socket then gets superpackets, unasked.</summary>
public sealed class IPInIPGroTests
{
    private const long Length = 50 << 20;

    [Theory]
    [InlineData("10.46.2.1", "ip proto 4")]
    [InlineData("fd46:2::1", "ip proto 41")]
    public void Merged_packets_are_taken_for_what_they_are(string server, string protocol)
    {
        using VtepLab lab = new();
        SwitchGroOn(lab.Us, VtepLab.OurDevice);
        SwitchGroOn(lab.Them, VtepLab.PeerDevice);
        using OverlayDaemon ours = OverlayDaemon.Start(lab.Us, TunnelJson.IPInIP(
            "ipip0", "192.0.2.1", ["10.46.1.1/32", "fd46:1::1/128"], ("10.46.2.0/24", "192.0.2.2"), ("fd46:2::/64", "192.0.2.2")));
        using OverlayDaemon theirs = OverlayDaemon.Start(lab.Them, TunnelJson.IPInIP(
            "ipip0", "192.0.2.2", ["10.46.2.1/32", "fd46:2::1/128"], ("10.46.1.0/24", "192.0.2.1"), ("fd46:1::/64", "192.0.2.1")));
        using (WireCapture merged = new(lab.Them, VtepLab.PeerDevice, 10, $"{protocol} and greater 2900"))
        {
            Assert.True(TcpTransfer.Run(lab.Us, lab.Them, server, Length).IsIntact);
            // What the device hands up, and so what the raw socket gets, is longer than the link allows.
            Assert.All(merged.Fields("frame.len"), fields => Assert.InRange(int.Parse(fields[0], null), 2900, 65_535 + 14));
        }

        // Counted as what they are on the wire: packets no larger than the tunnel's MTU.
        JsonElement status = theirs.Query();
        long packets = OverlayDaemon.Counter(status, "ipip0", "ingress", "rxPackets");
        Assert.InRange(packets, Length / 1480, long.MaxValue);
        Assert.Equal((packets, 0), (OverlayDaemon.Counter(status, "ipip0", "ingress", "txPackets"), OverlayDaemon.Drops(status, "ipip0", "ingress")));
        Assert.Equal(0, OverlayDaemon.Drops(ours.Query(), "ipip0", "egress"));
        lab.AssertNoFragments();
    }

    // GRO on a veth is off unless it is asked for, and passed over while its peer can do TSO. And each packet of a raw socket is a poll of its own, so that
    // there is something to merge only if packets are held over from poll to poll.
    private static void SwitchGroOn(Netns netns, string device)
    {
        if (!Requires.IsInitialUserNamespace)
        {
            Requires.Missing("needs root of the machine, who alone may set gro_flush_timeout");
        }

        netns.Exec("ethtool", "-K", device, "gro", "on", "tso", "off");
        netns.Exec("sh", "-c", $"echo 100000 > /sys/class/net/{device}/gro_flush_timeout");
    }
}
