using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Anybody can forge "packet too big": the trains of the endpoint go on, as large as the link allows.</summary>
public sealed class ForgedIcmpTests
{
    private const int EthernetLength = 14;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_forged_message_that_the_path_is_small_does_not_shrink_or_stop_the_trains(bool ipv6)
    {
        using VtepLab lab = new();
        string local = (ipv6 ? VtepLab.Ours6 : VtepLab.Ours).ToString();
        string remote = (ipv6 ? VtepLab.Peer6 : VtepLab.Peer).ToString();
        AddKernelVxlan(lab, local, remote);
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap(local: local, flood: [remote]));
        using TcpFlow flow = new(lab.Us, lab.Them, "10.42.0.2");
        flow.WaitForMore(1 << 20);

        int[] ports = [.. Kernel.UdpPorts(lab.Us, ipv6).Where(port => port >= 49_152)];
        Assert.NotEmpty(ports);
        Forge(lab, ipv6, ports);
        // The message works: whoever asks the kernel for the path MTU is told what was forged.
        WaitForPathMtu(lab, remote, ipv6 ? 1280 : 600);

        // Again while they are at it, since an error queue may meet any state of a sender.
        for (int i = 0; i < 20; i++)
        {
            Forge(lab, ipv6, ports);
            flow.WaitForMore(256 << 10);
        }

        string filter = $"src host {local} and udp dst port 4789";
        using (WireCapture wire = new(lab.Us, VtepLab.OurDevice, 50, filter))
        {
            // Here a train is still one packet.
            Assert.InRange(wire.Fields("frame.len").Max(Length), 1501, 65_535 + EthernetLength);
        }

        // And here the kernel has cut it: what is on the wire is as long as the link allows.
        lab.Us.EthtoolOff(VtepLab.OurDevice, "gso", "tx-udp-segmentation");
        flow.WaitForMore(1 << 20);
        using (WireCapture wire = new(lab.Us, VtepLab.OurDevice, 2000, filter))
        {
            int[] lengths = [.. wire.Fields("frame.len").Select(Length)];
            Assert.Equal(1500 + EthernetLength, lengths.Max());
            Assert.InRange(lengths.Count(length => length == 1500 + EthernetLength), 1000, 2000);
        }

        flow.Finish();
        Assert.InRange(flow.Complete(), 10 << 20, long.MaxValue);
        Assert.Equal(0, OverlayDaemon.Drops(daemon.Query(), "vx42", "egress"));
        Assert.Equal((0, 0), (VtepLab.Snmp(lab.Us, "Ip", "FragCreates"), VtepLab.Snmp6(lab.Us, "Ip6FragCreates")));
        Assert.Equal((0, 0), (VtepLab.Snmp(lab.Them, "Ip", "ReasmReqds"), VtepLab.Snmp6(lab.Them, "Ip6ReasmReqds")));
    }

    [Fact]
    public void A_device_that_chooses_its_mtu_does_not_believe_what_icmp_said()
    {
        using VtepLab lab = new();
        Forge(lab, ipv6: false, []);
        WaitForPathMtu(lab, "192.0.2.2", 600);
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap());
        Assert.Equal(1450, daemon.Query().GetProperty("tunnels")[0].GetProperty("device").GetProperty("mtu").GetInt32());
    }

    private static void WaitForPathMtu(VtepLab lab, string remote, int mtu) => Wait.Until(
        () => lab.Us.Ip("route", "get", remote).Output.Contains($"mtu {mtu} ", StringComparison.Ordinal),
        () => $"the path MTU is not poisoned: {lab.Us.Ip("route", "get", remote).Output}");

    private static int Length(string[] fields) => int.Parse(fields[0], CultureInfo.InvariantCulture);

    private static void AddKernelVxlan(VtepLab lab, string local, string remote)
    {
        lab.Them.Ip(
            "link", "add", "vx42", "address", VtepLab.PeerMac.ToString(), "type", "vxlan", "id", "42", "local", remote, "remote", local, "dstport", "4789");
        lab.Them.Configure("vx42", "10.42.0.2/24");
    }

    /// <summary>
    /// What an attacker sends: about a datagram of each of our source ports, about our own port, and about an echo that was never sent, which poisons the
    /// kernel's path MTU for everybody.
    /// </summary>
    private static void Forge(VtepLab lab, bool ipv6, int[] sourcePorts)
    {
        ValueIPAddress ours = ipv6 ? VtepLab.Ours6 : VtepLab.Ours;
        ValueIPAddress peer = ipv6 ? VtepLab.Peer6 : VtepLab.Peer;
        using Socket raw = lab.Them.Run(() => ipv6
            ? new Socket(AddressFamily.InterNetworkV6, SocketType.Raw, ProtocolType.IcmpV6)
            : new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Icmp));
        IPEndPoint target = new(ours.ToIPAddress(), 0);
        foreach (int port in (int[])[.. sourcePorts, 4789])
        {
            byte[] udp = new byte[8];
            BinaryPrimitives.WriteUInt16BigEndian(udp, (ushort)port);
            BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(2), 4789);
            BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(4), 1458);
            raw.SendTo(TooBig(PacketBuilder.IP(ours, peer, IPProtocol.Udp, udp), ipv6), target);
        }

        byte[] echoReply = ipv6 ? [129, 0, 0, 0, 0, 1, 0, 1] : [0, 0, 0xFF, 0xFE, 0, 0, 0, 1];
        raw.SendTo(TooBig(PacketBuilder.IP(ours, peer, ipv6 ? IPProtocol.IcmpV6 : IPProtocol.Icmp, echoReply), ipv6), target);
    }

    private static byte[] TooBig(byte[] quoted, bool ipv6)
    {
        // ICMPv6 type 2, the MTU in four bytes (RFC 4443 §3.2), the checksum by the kernel; ICMP type 3 code 4, the MTU in the last two (RFC 1191 §4).
        byte[] icmp = [ipv6 ? (byte)2 : (byte)3, ipv6 ? (byte)0 : (byte)4, 0, 0, 0, 0, 0, 0, .. quoted];
        BinaryPrimitives.WriteUInt16BigEndian(icmp.AsSpan(6), ipv6 ? (ushort)1280 : (ushort)600);
        if (!ipv6)
        {
            BinaryPrimitives.WriteUInt16BigEndian(icmp.AsSpan(2), PacketBuilder.Checksum(icmp, 0));
        }

        return icmp;
    }
}
