using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Overlay.DataPath;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Xunit;

namespace Overlay.Linux.Tests.Conformance;

/// <summary>UDP checksums of zero over IPv6, with RFC 6936.</summary>
public sealed class Rfc6935Tests
{
    [Fact]
    [RfcItem(65, "RFC 6935 §5", "By default an IPv6 sender computes the UDP checksum, and a result of zero is sent as FFFF.")]
    public void The_checksum_is_computed_and_zero_becomes_FFFF()
    {
        using VtepLab lab = new();
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tx");
        using UdpTunnelSocket socket = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours6 });
        // A frame of no IP, so that its last word is anything one likes.
        byte[] frame = PacketBuilder.Ethernet(VtepLab.PeerMac, VtepLab.OurMac, (EtherType)0x88B5, PacketBuilder.Payload(100));
        string first = Send();
        Assert.NotEqual("0xffff", first);
        // The ones' complement sum is FFFF when what is missing to it, the checksum, is added to a word.
        ushort checksum = ushort.Parse(first.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        uint sum = (uint)BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(^2..)) + checksum;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(^2..), (ushort)((sum & 0xFFFF) + (sum >> 16)));
        Assert.Equal("0xffff", Send());

        string Send()
        {
            using WireCapture capture = new(lab.Them, VtepLab.PeerDevice, 1, "udp dst port 4789");
            lab.Add(frame, VtepLab.Peer6, flowHash: 1);
            lab.SendAll(socket);
            string[] row = Assert.Single(capture.Fields("udp.checksum", "udp.checksum.status"));
            Assert.Equal("1", row[1]);
            return row[0];
        }
    }

    [Fact]
    [RfcItem(66, "RFC 6935 §5", "By default an IPv6 receiver MUST discard a datagram with a zero checksum.")]
    public void A_zero_checksum_is_discarded_by_default()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours6 });
        SendZeroThenRight(lab, 4789);
        lab.Receive(socket, 1);
        Assert.Equal([200], Payloads(lab));
    }

    [Fact]
    [RfcItem(67, "RFC 6935 §5", "Zero checksums may be enabled for single ports only, and are off for all others.")]
    public void Only_the_port_that_accepts_them_takes_zero_checksums()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket accepting = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours6, ZeroChecksumIPv6 = true });
        using UdpTunnelSocket other = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours6, Port = 8472 });
        SendZeroThenRight(lab, 4789);
        SendZeroThenRight(lab, 8472);
        lab.Receive(accepting, 2);
        Assert.Equal([100, 200], Payloads(lab));
        lab.Receive(other, 1);
        Assert.Equal([200], Payloads(lab));
    }

    [Fact]
    [RfcItem(68, "RFC 6936 §4", "Where zero is accepted, a right non-zero checksum is accepted too, and a wrong one is not.")]
    public void A_port_that_accepts_zero_still_verifies_what_is_there()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours6, ZeroChecksumIPv6 = true });
        long errors = VtepLab.Snmp6(lab.Us, "Udp6InCsumErrors");
        Scapy(lab, 4789, 100, "chksum=0xdead");
        Scapy(lab, 4789, 200, "");
        lab.Receive(socket, 1);
        Assert.Equal([200], Payloads(lab));
        Assert.Equal(errors + 1, VtepLab.Snmp6(lab.Us, "Udp6InCsumErrors"));
    }

    [Fact]
    [RfcItem(69, "RFC 6936 §4", "Where zero is enabled, a datagram is not logged merely for its zero checksum.")]
    public void Accepted_zero_checksums_are_not_logged()
    {
        using VtepLab lab = new();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, """
            { "name": "vx42", "kind": "vxlan", "vni": 42, "local": "2001:db8::1", "flood": [ "2001:db8::2" ],
              "device": { "type": "tap", "mac": "02:00:00:00:00:02" }, "policy": { "zeroChecksumIpv6": "accept" } }
            """);
        using UdpTunnelSocket peer = lab.Them.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Peer6, OuterChecksum = false }));
        string log = daemon.Log;
        for (int i = 0; i < 100; i++)
        {
            lab.Add(VtepLab.Frame(100, seed: i), VtepLab.Ours6);
        }

        lab.SendAll(peer);
        Wait.Until(() => OverlayDaemon.Counter(daemon.Query(), "vx42", "ingress", "txPackets") >= 100, () => daemon.Query().ToString());
        Assert.Equal(0, OverlayDaemon.Drops(daemon.Query(), "vx42", "ingress"));
        Assert.Equal(log, daemon.Log);
    }

    [Fact]
    [RfcItem(70, "RFC 6936 §4", "An ICMPv6 error about a datagram without a checksum is believed only if the addresses and ports that it quotes are in use.")]
    public void A_quoted_port_that_is_not_ours_is_not_believed()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours6, OuterChecksum = false, SourcePortCount = 1 });
        using UdpTunnelSocket peer = lab.Them.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Peer6, ZeroChecksumIPv6 = true }));
        ushort port = Send();
        Quote(VtepLab.Ours6, (ushort)(port ^ 1));
        Quote(ValueIPAddress.Parse("2001:db8::99"), port);
        Send();
        Assert.Equal(0, Errors());
        Quote(VtepLab.Ours6, port);
        Send();
        Assert.Equal(1, Errors());

        ushort Send()
        {
            int index = lab.Add(VtepLab.Frame(100), VtepLab.Peer6);
            Assert.Equal(PortResult.Ok, lab.Send(socket));
            Assert.Equal(PacketState.Sent, lab.Batch.Meta(index).State);
            ushort source = lab.Batch.Meta(index).SourcePort;
            lab.Batch.Clear();
            return source;
        }

        long Errors() => Enum.GetValues<IcmpErrorKind>().Sum(socket.IcmpErrors);

        void Quote(ValueIPAddress source, ushort sourcePort)
        {
            byte[] udp = new byte[16];
            BinaryPrimitives.WriteUInt16BigEndian(udp, sourcePort);
            BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(2), 4789);
            BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(4), (ushort)udp.Length);
            // Port unreachable, RFC 4443 §3.1; the kernel writes the checksum.
            byte[] icmp = [1, 4, 0, 0, 0, 0, 0, 0, .. PacketBuilder.IP(source, VtepLab.Peer6, IPProtocol.Udp, udp)];
            using Socket raw = lab.Them.Run(() => new Socket(AddressFamily.InterNetworkV6, SocketType.Raw, ProtocolType.IcmpV6));
            long before = VtepLab.Snmp6(lab.Us, "Icmp6InDestUnreachs");
            raw.SendTo(icmp, new IPEndPoint(VtepLab.Ours6.ToIPAddress(), 0));
            VtepLab.WaitUntil(() => VtepLab.Snmp6(lab.Us, "Icmp6InDestUnreachs") > before);
        }
    }

    private static void SendZeroThenRight(VtepLab lab, ushort port)
    {
        Scapy(lab, port, 100, "chksum=0");
        Scapy(lab, port, 200, "");
    }

    private static void Scapy(VtepLab lab, ushort port, int length, string checksum)
    {
        byte[] datagram = VtepLab.Vxlan(VtepLab.Vni, VtepLab.Frame(length));
        string fields = string.Create(CultureInfo.InvariantCulture, $"sport=50000,dport={port}{(checksum.Length == 0 ? "" : ",")}{checksum}");
        lab.Them.Exec(
            "/usr/bin/python3", "-c",
            "from scapy.all import *\nconf.verb=0\n" +
            $"send(IPv6(src='2001:db8::2',dst='2001:db8::1')/UDP({fields})/Raw(bytes.fromhex('{Convert.ToHexString(datagram)}')))");
    }

    // What came, by the length of the inner UDP payload.
    private static int[] Payloads(VtepLab lab) =>
        [.. Enumerable.Range(0, lab.Batch.Count).Select(i => lab.Batch.Length(i) - VtepLab.Vxlan(VtepLab.Vni, VtepLab.Frame(0)).Length).Order()];
}
