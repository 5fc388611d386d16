using Overlay.DataPath;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>What the kernel hands over, with the kernel's own vxlan device and plain sockets as senders.</summary>
public sealed class UdpTunnelReceiveTests
{
    private const int InnerIP = 8 + 14;

    [Fact]
    public void The_kernels_vxlan_device_answers_what_we_send()
    {
        using VtepLab lab = new();
        lab.AddKernelVxlan();
        lab.Them.Ip("neigh", "del", VtepLab.InnerOurs.ToString(), "dev", "vx42");
        using UdpTunnelSocket socket = lab.Bind();
        lab.Add(PacketBuilder.ArpRequest(VtepLab.OurMac, VtepLab.InnerOurs, VtepLab.InnerPeer));
        lab.SendAll(socket);
        lab.Receive(socket, 1);
        Assert.True(VxlanPacket.TryParse(lab.Batch.Data(0), out VxlanPacket vxlan));
        Assert.Equal(VtepLab.Vni, vxlan.Vni.Value);
        Assert.True(EthernetFrame.TryParse(vxlan.Payload, out EthernetFrame frame));
        Assert.Equal((VtepLab.PeerMac, VtepLab.OurMac, EtherType.Arp), (frame.Source, frame.Destination, frame.EtherType));
        PacketMeta meta = lab.Batch.Meta(0);
        Assert.Equal((VtepLab.Peer, VtepLab.Ours, 4789, IPProtocol.Udp), (meta.Remote, meta.Local, meta.DestinationPort, meta.Protocol));

        byte[] echo = [8, 0, 0, 0, 0, 1, 0, 2, .. PacketBuilder.Payload(56)];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(echo.AsSpan(2), PacketBuilder.Checksum(echo, 0));
        lab.Batch.Clear();
        lab.Add(PacketBuilder.Ethernet(
            VtepLab.PeerMac, VtepLab.OurMac, EtherType.IPv4, PacketBuilder.IP(VtepLab.InnerOurs, VtepLab.InnerPeer, IPProtocol.Icmp, echo)));
        lab.SendAll(socket);
        lab.Receive(socket, 1);
        ReadOnlySpan<byte> reply = lab.Batch.Data(0)[(InnerIP + 20)..];
        Assert.Equal(0, reply[0]);
        Assert.Equal(echo[4..], reply[4..].ToArray());
    }

    [Fact]
    public void A_packet_of_the_kernel_with_an_unfinished_checksum_can_be_finished()
    {
        using VtepLab lab = new();
        lab.AddKernelVxlan();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket application = new(lab.Them, "10.42.0.2");
        byte[] payload = PacketBuilder.Payload(333);
        application.SendTo(payload, "10.42.0.1", 7);
        lab.Receive(socket, 1);
        PacketMeta meta = lab.Batch.Meta(0);
        Assert.Equal((ChecksumState.Partial, SegmentationKind.None), (meta.Checksum, meta.Segmentation));
        Assert.Equal((InnerIP, InnerIP + 20, 6), (meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset));
        Assert.False(PacketBuilder.IsTransportChecksumValid(lab.Batch.Data(0)[InnerIP..]));
        lab.Batch.TrimStart(0, 8);
        Assert.True(Segmentation.CompleteChecksum(lab.Batch.Data(0), lab.Batch.Meta(0)));
        Assert.True(PacketBuilder.IsTransportChecksumValid(lab.Batch.Data(0)[14..]));
        Assert.Equal(payload, lab.Batch.Data(0)[(14 + 28)..].ToArray());
    }

    [Fact]
    public void A_finished_checksum_of_the_kernel_is_not_taken_for_an_unfinished_one()
    {
        using VtepLab lab = new();
        lab.AddKernelVxlan();
        lab.Them.EthtoolOff("vx42", "tx");
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket application = new(lab.Them, "10.42.0.2");
        application.SendTo(PacketBuilder.Payload(333), "10.42.0.1", 7);
        lab.Receive(socket, 1);
        Assert.True(PacketBuilder.IsTransportChecksumValid(lab.Batch.Data(0)[InnerIP..]));
        Assert.Equal(ChecksumState.Unverified, lab.Batch.Meta(0).Checksum);
    }

    [Fact]
    public void A_UDP_superpacket_of_the_kernel_is_one_packet_with_segments()
    {
        using VtepLab lab = new();
        lab.AddKernelVxlan();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket application = new(lab.Them, "10.42.0.2");
        application.SetSegmentSize(1200);
        byte[] payload = PacketBuilder.Payload(47_900);
        application.SendTo(payload, "10.42.0.1", 7);
        lab.Receive(socket, 1);
        PacketMeta meta = lab.Batch.Meta(0);
        Assert.Equal((SegmentationKind.Udp, 1200, InnerIP + 28), (meta.Segmentation, meta.SegmentSize, meta.HeaderLength));
        Assert.Equal(40, lab.Batch.SegmentCount(0));
        AssertSegments(lab.Batch.Data(0), meta, payload, 28);
    }

    [Theory]
    [InlineData(1400)]
    [InlineData(536)]
    public void A_TCP_superpacket_of_the_kernel_is_one_packet_and_is_cut_by_the_inner_MTU(int gsoSize)
    {
        using VtepLab lab = new();
        lab.AddKernelVxlan();
        using UdpTunnelSocket socket = lab.Bind();
        byte[] payload = PacketBuilder.Payload(30_000);
        byte[] packet = PacketBuilder.Tcp(VtepLab.InnerPeer, VtepLab.InnerOurs, 5000, 5001, 7, 0x18, payload, partialChecksum: true);
        byte[] frame = PacketBuilder.Ethernet(VtepLab.OurMac, VtepLab.PeerMac, EtherType.IPv4, packet);
        // struct virtio_net_hdr: NEEDS_CSUM, GSO_TCPV4, header length, segment size, checksum start and offset; then the frame, by a packet socket.
        byte[] header = [1, 1, 54, 0, (byte)gsoSize, (byte)(gsoSize >> 8), 34, 0, 16, 0];
        lab.Them.Exec(
            "python3", "-c",
            "import socket,sys\ns=socket.socket(socket.AF_PACKET,socket.SOCK_RAW)\ns.setsockopt(263,15,1)\ns.bind(('vx42',0x800))\n" +
            "s.send(bytes.fromhex(sys.argv[1]+sys.argv[2]+sys.argv[3])+bytes.fromhex(sys.argv[4]))",
            Convert.ToHexString(header), Convert.ToHexString(frame.AsSpan(0, 54)), Convert.ToHexString(frame.AsSpan(54, 10_000)),
            Convert.ToHexString(frame.AsSpan(10_054)));
        lab.Receive(socket, 1);
        PacketMeta meta = lab.Batch.Meta(0);
        Assert.Equal(8 + frame.Length, lab.Batch.Length(0));
        // 1500 of the link less 50 of VXLAN less 40 of TCP/IP, whatever the peer's segment size was: it does not come along.
        Assert.Equal((SegmentationKind.TcpIPv4, ChecksumState.Partial, 1410), (meta.Segmentation, meta.Checksum, meta.SegmentSize));
        AssertSegments(lab.Batch.Data(0), meta, payload, 40);
    }

    [Fact]
    public void A_train_is_cut_into_datagrams_of_different_networks_without_a_copy()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket peer = new(lab.Them, "192.0.2.2", 50_000);
        List<byte> train = [];
        byte[][] frames = new byte[40][];
        for (int i = 0; i < frames.Length; i++)
        {
            frames[i] = VtepLab.Frame(i == frames.Length - 1 ? 50 : 100, (ushort)(1000 + i), i);
            train.AddRange(VtepLab.Vxlan((uint)(i % 3), frames[i]));
        }

        peer.SetSegmentSize(8 + frames[0].Length);
        peer.SendTo(train.ToArray(), "192.0.2.1", 4789);
        lab.Receive(socket, frames.Length);
        Assert.Equal(frames.Length, lab.Batch.Count);
        for (int i = 0; i < frames.Length; i++)
        {
            Assert.True(VxlanPacket.TryParse(lab.Batch.Data(i), out VxlanPacket vxlan));
            Assert.Equal((uint)(i % 3), vxlan.Vni.Value);
            Assert.Equal(frames[i], vxlan.Payload.ToArray());
            Assert.Equal((VtepLab.Peer, VtepLab.Ours, 50_000), (lab.Batch.Meta(i).Remote, lab.Batch.Meta(i).Local, lab.Batch.Meta(i).SourcePort));
            Assert.Equal(ChecksumState.Unverified, lab.Batch.Meta(i).Checksum);
        }

        // One message from the kernel: the datagrams lie one behind another.
        Assert.Equal(8 + frames[0].Length, lab.Batch.AvailableHeadroom(1) - lab.Batch.AvailableHeadroom(0));
    }

    [Fact]
    public void A_datagram_of_length_zero_is_a_packet_like_any_other()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket peer = new(lab.Them, "192.0.2.2");
        peer.SendTo([], "192.0.2.1", 4789);
        peer.SendTo([], "192.0.2.1", 4789);
        peer.SendTo(VtepLab.Vxlan(42, VtepLab.Frame(1)), "192.0.2.1", 4789);
        lab.Receive(socket, 3);
        Assert.Equal([0, 0, 8 + 14 + 28 + 1], Enumerable.Range(0, 3).Select(lab.Batch.Length));
        Assert.Equal(PortResult.Empty, socket.Receive(lab.Batch));
    }

    [Fact]
    public void A_receive_ends_with_the_burst_and_the_rest_comes_with_the_next()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket peer = new(lab.Them, "192.0.2.2");
        byte[] datagram = VtepLab.Vxlan(42, VtepLab.Frame(1));
        for (int i = 0; i < 300; i++)
        {
            peer.SendTo(datagram, "192.0.2.1", 4789);
        }

        int total = 0;
        for (int call = 0; call < 100 && total < 300; call++)
        {
            lab.Batch.Clear();
            socket.Receive(lab.Batch);
            // Fewer than 128 free descriptors end it: a train must always fit.
            Assert.InRange(lab.Batch.Count, 0, lab.Batch.Capacity - 127);
            total += lab.Batch.Count;
        }

        Assert.Equal(300, total);
        Assert.Equal(0, socket.TrainOverflow);
        Assert.Throws<ArgumentException>(() => socket.Receive(new PacketBatch(127)));
    }

    [Fact]
    public void Drops_of_a_full_receive_buffer_are_told()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours, ReceiveBufferBytes = 4096 });
        using TestSocket peer = new(lab.Them, "192.0.2.2");
        byte[] datagram = VtepLab.Vxlan(42, VtepLab.Frame(1000));
        for (int i = 0; i < 100; i++)
        {
            peer.SendTo(datagram, "192.0.2.1", 4789);
        }

        int received = 0;
        for (int i = 0; i < 20; i++)
        {
            lab.Batch.Clear();
            socket.Receive(lab.Batch);
            received += lab.Batch.Count;
        }

        Assert.InRange(received, 1, 99);
        // The count comes with the next packet that is let in.
        peer.SendTo(datagram, "192.0.2.1", 4789);
        lab.Receive(socket, 1);
        Assert.Equal(100 - received, socket.KernelDrops);
    }

    [Fact]
    public void Traffic_class_and_hop_limit_are_read_over_both_families()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket4 = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours, ReceiveTtl = true });
        using UdpTunnelSocket socket6 = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours6, ReceiveTtl = true });
        lab.Them.Exec(
            "python3", "-c",
            "import socket\nd=bytes(60)\n" +
            "s=socket.socket(2,2)\ns.sendmsg([d],[(0,1,(0xb9).to_bytes(4,'little')),(0,2,(77).to_bytes(4,'little'))],0,('192.0.2.1',4789))\n" +
            "s=socket.socket(10,2)\ns.sendmsg([d],[(41,67,(0xb9).to_bytes(4,'little')),(41,52,(77).to_bytes(4,'little'))],0,('2001:db8::1',4789))");
        foreach ((UdpTunnelSocket socket, ValueIPAddress peer, ValueIPAddress ours) in
            new[] { (socket4, VtepLab.Peer, VtepLab.Ours), (socket6, VtepLab.Peer6, VtepLab.Ours6) })
        {
            lab.Receive(socket, 1);
            PacketMeta meta = lab.Batch.Meta(0);
            Assert.Equal((0xb9, 77, peer, ours), (meta.TrafficClass, meta.Ttl, meta.Remote, meta.Local));
        }
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public void IPv6_without_a_checksum_comes_in_only_where_it_may(bool accept, int expected)
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours6, ZeroChecksumIPv6 = accept });
        using UdpTunnelSocket peer = lab.Them.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Peer6, OuterChecksum = false }));
        // The second peer sends with a checksum: when its packet is there, the first one's is, too, or was refused.
        using UdpTunnelSocket marker = lab.Them.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Peer6, Port = 4790 }));
        lab.Add(VtepLab.Frame(10), VtepLab.Ours6);
        lab.SendAll(peer);
        lab.Add(VtepLab.Frame(99), VtepLab.Ours6);
        lab.Batch.Meta(0).DestinationPort = 4789;
        lab.SendAll(marker);
        lab.Receive(socket, expected + 1);
        Assert.Equal(expected + 1, lab.Batch.Count);
        Assert.Equal(8 + VtepLab.Frame(99).Length, lab.Batch.Length(expected));
    }

    private static void AssertSegments(ReadOnlySpan<byte> packet, in PacketMeta meta, byte[] payload, int headers)
    {
        Assert.True(Segmentation.TryPlan(packet, meta, out SegmentPlan plan));
        List<byte> joined = [];
        byte[] segment = new byte[plan.MaximumLength];
        for (int i = 0; i < plan.Count; i++)
        {
            int length = plan.WriteSegment(i, segment);
            Assert.True(PacketBuilder.IsTransportChecksumValid(segment.AsSpan(InnerIP..length)));
            joined.AddRange(segment.AsSpan((InnerIP + headers)..length));
        }

        Assert.Equal(payload, joined);
    }
}
