using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>GRE between two daemons while the receiving device merges packets (GRO): a raw socket then gets superpackets, unasked.</summary>
public sealed class GreGroTests
{
    private const long Length = 20 << 20;

    [Theory]
    [InlineData("gre", "", true)]
    [InlineData("gre", "\"key\": 7, \"checksum\": true,", true)]
    [InlineData("gretap", "\"checksum\": true,", true)]
    // Numbers would be lost: the kernel leaves such packets alone.
    [InlineData("gre", "\"sequence\": true,", false)]
    public void Merged_packets_are_taken_for_what_they_are(string kind, string fields, bool merges)
    {
        using VtepLab lab = new();
        SwitchGroOn(lab.Us, VtepLab.OurDevice);
        SwitchGroOn(lab.Them, VtepLab.PeerDevice);
        using OverlayDaemon ours = OverlayDaemon.Start(lab.Us, Tunnel(kind, fields, "192.0.2.1", "10.48.0.1", "192.0.2.2", "10.48.0.2"));
        using OverlayDaemon theirs = OverlayDaemon.Start(lab.Them, Tunnel(kind, fields, "192.0.2.2", "10.48.0.2", "192.0.2.1", "10.48.0.1"));
        using (WireCapture merged = new(lab.Them, VtepLab.PeerDevice, 10, $"ip proto 47 and greater {(merges ? 2900 : 1400)}"))
        {
            Assert.True(TcpTransfer.Run(lab.Us, lab.Them, "10.48.0.2", Length).IsIntact);
            // What the device hands up, and so what the raw socket gets, is longer than the link allows.
            Assert.All(merged.Fields("frame.len"), row => Assert.InRange(int.Parse(row[0], null), merges ? 2900 : 1400, merges ? 65_535 + 14 : 1514));
        }

        // Counted as what they are on the wire: packets no larger than the tunnel's MTU.
        JsonElement status = theirs.Query();
        long packets = OverlayDaemon.Counter(status, "g", "ingress", "rxPackets");
        Assert.InRange(packets, Length / 1480, long.MaxValue);
        Assert.Equal((packets, 0), (OverlayDaemon.Counter(status, "g", "ingress", "txPackets"), OverlayDaemon.Drops(status, "g", "ingress")));
        Assert.Equal("{}", status.GetProperty("drops").GetRawText());
        lab.AssertNoFragments();
    }

    private static string Tunnel(string kind, string fields, string local, string address, string remote, string peer) => kind == "gre"
        ? $$"""
          { "name": "g", "kind": "gre", "local": "{{local}}", {{fields}} "device": { "type": "tun", "addresses": [ "{{address}}/32" ] },
            "routes": [ { "prefix": "{{peer}}/32", "remote": "{{remote}}" } ] }
          """
        : $$"""
          { "name": "g", "kind": "gretap", "local": "{{local}}", {{fields}} "device": { "type": "tap", "addresses": [ "{{address}}/24" ] },
            "flood": [ "{{remote}}" ] }
          """;

    // As IPInIPGroTests: GRO on a veth is off unless it is asked for, and packets must be held over from poll to poll.
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
