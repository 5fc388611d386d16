using System.Globalization;
using Overlay.DataPath;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Xunit;

namespace Overlay.Linux.Tests.Conformance;

/// <summary>VXLAN: what the kernel does with the outer UDP header for us, seen on the wire.</summary>
public sealed class Rfc7348Tests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [RfcItem(6, "RFC 7348 §5", "The outer UDP checksum SHOULD be transmitted as zero.",
        Deviation = "outerChecksum is `on` by default: the kernel segments and joins only datagrams with a checksum, and over IPv6 zero is refused by default. `off` is the rule.")]
    public void The_outer_checksum_is_zero_where_the_policy_says_so(bool off)
    {
        using VtepLab lab = new();
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tx", "gso");
        using UdpTunnelSocket socket = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours, OuterChecksum = !off });
        using WireCapture capture = new(lab.Them, VtepLab.PeerDevice, 3, "udp dst port 4789");
        for (int i = 0; i < 3; i++)
        {
            lab.Add(VtepLab.Frame(100 + i));
        }

        lab.SendAll(socket);
        Assert.All(capture.Fields("udp.checksum"), row => Assert.Equal(off, row[0].Split(',')[0] == "0x0000"));
    }

    [Fact]
    [RfcItem(7, "RFC 7348 §5", "A packet with a zero UDP checksum MUST be accepted.")]
    public void A_zero_checksum_is_accepted_over_IPv4()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using UdpTunnelSocket peer = lab.Them.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Peer, OuterChecksum = false }));
        byte[] frame = VtepLab.Frame(100);
        lab.Add(frame, VtepLab.Ours);
        lab.SendAll(peer);
        lab.Receive(socket, 1);
        Assert.Equal(VtepLab.Vxlan(VtepLab.Vni, frame), lab.Batch.Data(0).ToArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [RfcItem(8, "RFC 7348 §5", "A non-zero UDP checksum MUST be correct over the whole packet.")]
    public void Every_checksum_sent_is_right(bool ipv6)
    {
        using VtepLab lab = new();
        // Then the kernel finishes checksums and cuts trains before the link, and the capture shows what a wire would.
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tx", "gso");
        using UdpTunnelSocket socket = lab.Bind(new UdpTunnelOptions { Local = ipv6 ? VtepLab.Ours6 : VtepLab.Ours });
        using WireCapture capture = new(lab.Them, VtepLab.PeerDevice, 120, "udp dst port 4789");
        for (int i = 0; i < 120; i++)
        {
            // Trains of equal packets, and packets of every kind of length, odd ones too.
            lab.Add(VtepLab.Frame(i < 60 ? 500 : i, seed: i), ipv6 ? VtepLab.Peer6 : VtepLab.Peer);
        }

        lab.SendAll(socket);
        Assert.All(capture.Fields("udp.checksum", "udp.checksum.status"), row =>
        {
            // Outside and inside.
            Assert.Equal("1,1", row[1]);
            Assert.DoesNotContain("0x0000", row[0], StringComparison.Ordinal);
        });
    }

    [Fact]
    [RfcItem(9, "RFC 7348 §5", "A packet whose UDP checksum is wrong MUST be dropped if it is verified.")]
    public void A_wrong_checksum_is_dropped()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        byte[] wrong = VtepLab.Vxlan(VtepLab.Vni, VtepLab.Frame(100));
        byte[] right = VtepLab.Vxlan(VtepLab.Vni, VtepLab.Frame(200));
        long errors = VtepLab.Snmp(lab.Us, "Udp", "InCsumErrors");
        lab.Them.Exec(
            "/usr/bin/python3", "-c",
            "from scapy.all import *\nconf.verb=0\n" +
            $"send(IP(src='192.0.2.2',dst='192.0.2.1')/UDP(sport=50000,dport=4789,chksum=0xdead)/Raw(bytes.fromhex('{Convert.ToHexString(wrong)}')))\n" +
            $"send(IP(src='192.0.2.2',dst='192.0.2.1')/UDP(sport=50000,dport=4789)/Raw(bytes.fromhex('{Convert.ToHexString(right)}')))");
        lab.Receive(socket, 1);
        Assert.Equal(1, lab.Batch.Count);
        Assert.Equal(right, lab.Batch.Data(0).ToArray());
        Assert.Equal(errors + 1, VtepLab.Snmp(lab.Us, "Udp", "InCsumErrors"));
    }

    [Fact]
    [RfcItem(11, "RFC 7348 §4.3", "A VTEP MAY silently discard received fragments of VXLAN packets.",
        Deviation = "The sockets do not: the kernel puts fragments together before they see them. Only the packet library, which sees single packets, discards them.")]
    public void Fragments_are_put_together_by_the_kernel()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        byte[] datagram = VtepLab.Vxlan(VtepLab.Vni, VtepLab.Frame(2500));
        lab.Them.Exec(
            "/usr/bin/python3", "-c",
            "from scapy.all import *\nconf.verb=0\n" +
            $"send(fragment(IP(src='192.0.2.2',dst='192.0.2.1',id=7)/UDP(sport=50000,dport=4789)/Raw(bytes.fromhex('{Convert.ToHexString(datagram)}')), 1000))");
        lab.Receive(socket, 1);
        Assert.Equal(datagram, lab.Batch.Data(0).ToArray());
        Assert.Equal((1, 3), (VtepLab.Snmp(lab.Us, "Ip", "ReasmOKs"), VtepLab.Snmp(lab.Us, "Ip", "ReasmReqds")));
    }
}
