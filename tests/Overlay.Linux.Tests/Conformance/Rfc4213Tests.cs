using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Xunit;

namespace Overlay.Linux.Tests.Conformance;

/// <summary>IPv6 in IPv4, with the kernel's IPv6 stack behind the device.</summary>
public sealed class Rfc4213Tests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [RfcItem(42, "RFC 4213 §3.8", "An end MUST accept and answer probes of neighbour unreachability detection; link-layer options in them are ignored.")]
    public void A_neighbour_solicitation_through_the_tunnel_is_answered(bool option)
    {
        using VtepLab lab = new();
        using OverlayDaemon daemon = OverlayDaemon.Start(
            lab.Us, TunnelJson.IPInIP("sit0x", "192.0.2.1", ["fd46:1::1/128"], ("fd46:2::/64", "192.0.2.2")));
        using WireCapture capture = new(lab.Them, VtepLab.PeerDevice, 1, "src 192.0.2.1 and ip proto 41 and ip[60] = 136");
        string lladdr = option ? "/ICMPv6NDOptSrcLLAddr(lladdr='02:00:00:00:00:77')" : "";
        lab.Them.Exec(
            "/usr/bin/python3", "-c",
            "from scapy.all import *\nconf.verb=0\n" +
            "send(IP(src='192.0.2.2',dst='192.0.2.1')/IPv6(src='fd46:2::1',dst='fd46:1::1',hlim=255)/ICMPv6ND_NS(tgt='fd46:1::1')" + lladdr + ")");
        string[] row = Assert.Single(capture.Fields("icmpv6.type", "ipv6.src", "ipv6.dst", "ipv6.hlim", "icmpv6.nd.na.target_address", "icmpv6.nd.na.flag.s"));
        Assert.Equal(["136", "fd46:1::1", "fd46:2::1", "255", "fd46:1::1"], row[..5]);
        Assert.Contains(row[5], (string[])["1", "True"]);
        Books.AssertBalanced(Books.Settled(daemon));
    }
}
