using System.Buffers.Binary;
using System.Globalization;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>What leaves the endpoint, with plain sockets and tshark as judges.</summary>
public sealed class UdpTunnelSendTests
{
    [Fact]
    public void A_superpacket_and_small_packets_of_a_flow_arrive_as_datagrams_in_order()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        byte[] payload = PacketBuilder.Payload(60_000);
        byte[] packet = PacketBuilder.Tcp(VtepLab.InnerOurs, VtepLab.InnerPeer, 1, 2, 100, 0x18, payload, partialChecksum: true);
        byte[] before = VtepLab.Frame(20);
        byte[] after = VtepLab.Frame(30);
        lab.Add(before);
        int super = lab.Add(PacketBuilder.Ethernet(VtepLab.PeerMac, VtepLab.OurMac, EtherType.IPv4, packet));
        ref PacketMeta meta = ref lab.Batch.Meta(super);
        meta.Segmentation = SegmentationKind.TcpIPv4;
        meta.Checksum = ChecksumState.Partial;
        (meta.SegmentSize, meta.HeaderLength, meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset) = (1410, 54, 14, 34, 16);
        lab.Add(after);
        byte[] bytes = lab.Batch.Data(super).ToArray();
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.All(Enumerable.Range(0, 3), i => Assert.Equal(PacketState.Sent, lab.Batch.Meta(i).State));
        Assert.Equal(0, lab.Batch.Meta(super).RefusedSegments);
        Assert.Equal(bytes, lab.Batch.Data(super).ToArray());

        Assert.Equal(VtepLab.Vxlan(VtepLab.Vni, before), peer.Receive());
        List<byte> joined = [];
        for (int i = 0; i < 43; i++)
        {
            byte[] datagram = peer.Receive();
            Assert.InRange(datagram.Length, 1, 1472);
            Assert.True(PacketBuilder.IsTransportChecksumValid(datagram.AsSpan(22)));
            joined.AddRange(datagram.AsSpan(22 + 40));
        }

        Assert.Equal(payload, joined);
        Assert.Equal(VtepLab.Vxlan(VtepLab.Vni, after), peer.Receive());
        // 43 segments and two packets in few messages: that is what trains are for.
        Assert.InRange(socket.SentMessages, 2, 4);
        lab.AssertNoFragments();
    }

    [Fact]
    public void A_partial_checksum_is_finished_on_the_wire_and_not_in_the_batch()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        byte[] packet = PacketBuilder.Udp(VtepLab.InnerOurs, VtepLab.InnerPeer, 1, 2, PacketBuilder.Payload(99), partialChecksum: true);
        byte[] frame = PacketBuilder.Ethernet(VtepLab.PeerMac, VtepLab.OurMac, EtherType.IPv4, packet);
        int first = lab.Add(frame);
        ref PacketMeta meta = ref lab.Batch.Meta(first);
        (meta.Checksum, meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset) = (ChecksumState.Partial, 14, 34, 6);
        // A flood copy over the same bytes.
        lab.Batch.Share(first);
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal(frame, lab.Batch.Data(first).ToArray());
        for (int i = 0; i < 2; i++)
        {
            Assert.True(PacketBuilder.IsTransportChecksumValid(peer.Receive().AsSpan(22)));
        }
    }

    [Fact]
    public void Flows_spread_over_the_source_ports_and_each_keeps_its_own()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using UdpTunnelSocket peer = lab.Them.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Peer }));
        Random random = new(1);
        uint[] hashes = [.. Enumerable.Range(0, 120).Select(_ => (uint)random.NextInt64(1L << 32))];
        Dictionary<byte, ushort> sent = [];
        for (int i = 0; i < hashes.Length; i++)
        {
            lab.Add(VtepLab.Frame(50 + i), flowHash: hashes[i]);
        }

        Assert.Equal(PortResult.Ok, lab.Send(socket));
        for (int i = 0; i < hashes.Length; i++)
        {
            sent[(byte)(50 + i)] = lab.Batch.Meta(i).SourcePort;
        }

        lab.Receive(peer, hashes.Length);
        HashSet<ushort> ports = [];
        for (int i = 0; i < hashes.Length; i++)
        {
            ushort port = lab.Batch.Meta(i).SourcePort;
            ports.Add(port);
            Assert.Equal(sent[(byte)(lab.Batch.Length(i) - 50)], port);
            Assert.Contains(port, socket.SourcePorts.ToArray());
            Assert.InRange(port, 49_152, 65_535);
        }

        Assert.InRange(ports.Count, 12, 16);
        // Interleaved flows, yet fewer calls' worth of messages than packets could not be had with lengths that all differ.
        Assert.Equal(hashes.Length, socket.SentMessages);
    }

    [Fact]
    public void Interleaved_flows_of_equal_packets_still_make_trains()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        byte[] frame = VtepLab.Frame(50);
        for (int i = 0; i < 120; i++)
        {
            lab.Add(frame, flowHash: (uint)(i % 6) << 28);
        }

        lab.SendAll(socket);
        for (int i = 0; i < 120; i++)
        {
            peer.Receive();
        }

        Assert.Equal(6, socket.SentMessages);
    }

    [Fact]
    public void Packets_of_one_flow_keep_their_order_whatever_their_outer_headers_are()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        for (int i = 0; i < 100; i++)
        {
            int index = lab.Add(VtepLab.Frame(100, (ushort)i), flowHash: 7);
            lab.Batch.Meta(index).TrafficClass = (byte)(i % 7 == 0 ? 3 : 2);
            lab.Batch.Meta(index).DontFragment = i % 11 == 0;
            // Another flow on the same socket, in between.
            lab.Add(VtepLab.Frame(100, 9999), flowHash: 7, vni: 43);
        }

        lab.SendAll(socket);
        int next = 0;
        for (int i = 0; i < 200; i++)
        {
            byte[] datagram = peer.Receive();
            ushort flow = BinaryPrimitives.ReadUInt16BigEndian(datagram.AsSpan(8 + 34));
            if (flow != 9999)
            {
                Assert.Equal(next++, flow);
            }
        }

        Assert.Equal(100, next);
    }

    [Fact]
    public void The_outer_IPv4_header_is_as_the_meta_says()
    {
        using VtepLab lab = new();
        // Then the kernel finishes checksums and cuts trains before the link, and the capture shows what a wire would.
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tx", "gso");
        using UdpTunnelSocket socket = lab.Bind();
        using WireCapture capture = new(lab.Them, VtepLab.PeerDevice, 12, "udp dst port 4789 or udp dst port 8472");
        for (int i = 0; i < 12; i++)
        {
            int index = lab.Add(VtepLab.Frame(200), vni: 0xABCDEF);
            ref PacketMeta meta = ref lab.Batch.Meta(index);
            meta.TrafficClass = 0xB9;
            meta.Ttl = (byte)(i < 6 ? 33 : 255);
            meta.DontFragment = i is >= 3 and < 9;
            meta.DestinationPort = (ushort)(i < 6 ? 0 : 8472);
            if (i is 5 or 11)
            {
                Assert.Equal(PortResult.Ok, lab.Send(socket));
            }
        }

        string port = lab.Batch.Meta(0).SourcePort.ToString(CultureInfo.InvariantCulture);
        string[][] rows = capture.Fields(
            "ip.dsfield", "ip.ttl", "ip.flags.df", "udp.dstport", "udp.srcport", "udp.checksum.status", "ip.flags.mf", "vxlan.vni");
        Assert.Equal(12, rows.Length);
        for (int i = 0; i < 12; i++)
        {
            // tshark prints the outer and the inner layer, with a comma between, where it decodes VXLAN: on 4789.
            string[] outer = [.. rows[i].Select(field => field.Split(',')[0])];
            Assert.Equal(["0xb9", i < 6 ? "33" : "255", i is >= 3 and < 9 ? "1" : "0", i < 6 ? "4789" : "8472", port, "1", "0"], outer[..7]);
            Assert.Equal(i < 6 ? "11259375" : "", outer[7]);
        }
    }

    [Fact]
    public void The_outer_IPv6_header_is_as_the_meta_says()
    {
        using VtepLab lab = new();
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tx", "gso");
        using UdpTunnelSocket socket = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours6 });
        using WireCapture capture = new(lab.Them, VtepLab.PeerDevice, 9, "ip6 and udp dst port 4789");
        for (int i = 0; i < 9; i++)
        {
            int index = lab.Add(VtepLab.Frame(200), VtepLab.Peer6);
            ref PacketMeta meta = ref lab.Batch.Meta(index);
            meta.TrafficClass = 0xB9;
            meta.Ttl = 33;
            meta.FlowLabel = (uint)(i / 3) * 0x55555;
        }

        lab.SendAll(socket);
        string[][] rows = capture.Fields("ipv6.tclass", "ipv6.hlim", "ipv6.flow", "udp.checksum.status");
        Assert.Equal(9, rows.Length);
        for (int i = 0; i < 9; i++)
        {
            Assert.Equal(["0x000000b9", "33", $"0x{i / 3 * 0x55555:x6}", "1"], rows[i].Select(field => field.Split(',')[0]));
        }

        // A train for each flow label.
        Assert.Equal(3, socket.SentMessages);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Without_outer_checksums_packets_go_one_by_one_and_carry_none(bool ipv6)
    {
        using VtepLab lab = new();
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tx");
        using UdpTunnelSocket socket = lab.Bind(new UdpTunnelOptions { Local = ipv6 ? VtepLab.Ours6 : VtepLab.Ours, OuterChecksum = false });
        using WireCapture capture = new(lab.Them, VtepLab.PeerDevice, 3, "udp dst port 4789");
        Assert.False(socket.Gso.IsActive);
        for (int i = 0; i < 3; i++)
        {
            lab.Add(VtepLab.Frame(200), ipv6 ? VtepLab.Peer6 : VtepLab.Peer);
        }

        lab.SendAll(socket);
        Assert.Equal(3, socket.SentMessages);
        Assert.All(capture.Fields("udp.checksum"), row => Assert.StartsWith("0x0000", row[0], StringComparison.Ordinal));
    }

    [Fact]
    public void A_packet_that_exceeds_the_link_is_too_big_and_the_others_of_its_train_go()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        Assert.Equal(1500, socket.Mtu);
        byte[] fits = VtepLab.Frame(1500 - 28 - 8 - 14 - 28);
        byte[] big = VtepLab.Frame(1500 - 28 - 8 - 14 - 28 + 1);
        byte[] small = VtepLab.Frame(10);
        foreach (byte[] frame in new[] { fits, big, big, big, small, fits, fits, small })
        {
            lab.Add(frame);
        }

        // A superpacket whose segments are too long, but for the last.
        byte[] packet = PacketBuilder.Udp(VtepLab.InnerOurs, VtepLab.InnerPeer, 1, 2, new byte[4 * 1500], partialChecksum: true);
        int super = lab.Add(PacketBuilder.Ethernet(VtepLab.PeerMac, VtepLab.OurMac, EtherType.IPv4, packet));
        ref PacketMeta meta = ref lab.Batch.Meta(super);
        (meta.Segmentation, meta.Checksum, meta.SegmentSize, meta.HeaderLength) = (SegmentationKind.Udp, ChecksumState.Partial, 1500, 42);
        (meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset) = (14, 34, 6);
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        DropReason[] reasons = [.. Enumerable.Range(0, 9).Select(i => lab.Batch.Meta(i).Drop)];
        DropReason none = DropReason.None, tooBig = DropReason.TooBig;
        Assert.Equal([none, tooBig, tooBig, tooBig, none, none, none, none, tooBig], reasons);
        Assert.All(Enumerable.Range(0, 9), i =>
            Assert.Equal(reasons[i] == none ? PacketState.Sent : PacketState.Dropped, lab.Batch.Meta(i).State));
        Assert.Equal([fits.Length, small.Length, fits.Length, fits.Length, small.Length], Enumerable.Range(0, 5).Select(_ => peer.Receive().Length - 8));
        Assert.True(socket.Gso.IsActive);
        Assert.InRange(socket.GsoFallbacks, 1, 3);

        // The link shrinks: the very next refusal makes the port look.
        lab.Us.Ip("link", "set", VtepLab.OurDevice, "mtu", "1300");
        lab.Batch.Clear();
        lab.Add(fits);
        lab.Add(fits);
        lab.Send(socket);
        Assert.All(Enumerable.Range(0, 2), i => Assert.Equal(tooBig, lab.Batch.Meta(i).Drop));
        Assert.Equal(1300, socket.Mtu);
        lab.AssertNoFragments();
    }

    [Fact]
    public void A_packet_of_the_other_family_or_without_a_route_fails_alone()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        lab.Us.Ip("route", "add", "blackhole", "198.51.100.1/32");
        lab.Us.Ip("route", "add", "unreachable", "198.51.100.2/32");
        lab.Us.Ip("route", "add", "prohibit", "198.51.100.3/32");
        byte[] frame = VtepLab.Frame(100);
        lab.Add(frame, VtepLab.Peer6);
        foreach (string remote in new[] { "198.51.100.1", "198.51.100.2", "198.51.100.3", "203.0.113.1" })
        {
            // Two of each: a train, and what becomes of it.
            lab.Add(frame, ValueIPAddress.Parse(remote));
            lab.Add(frame);
            lab.Add(frame, ValueIPAddress.Parse(remote));
        }

        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal(DropReason.SendFailed, lab.Batch.Meta(0).Drop);
        for (int i = 1; i < lab.Batch.Count; i++)
        {
            PacketState expected = i % 3 == 2 ? PacketState.Sent : PacketState.Dropped;
            Assert.Equal((expected, expected == PacketState.Sent ? DropReason.None : DropReason.SendFailed), (lab.Batch.Meta(i).State, lab.Batch.Meta(i).Drop));
        }

        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(8 + frame.Length, peer.Receive().Length);
        }

        // EINVAL of the blackhole switched nothing off.
        Assert.True(socket.Gso.IsActive);

        // The link goes down and comes back: packets fail meanwhile, and nothing has to be restarted.
        lab.Batch.Clear();
        lab.Us.Ip("link", "set", VtepLab.OurDevice, "down");
        lab.Add(frame);
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal(DropReason.SendFailed, lab.Batch.Meta(0).Drop);
        lab.Us.Ip("link", "set", VtepLab.OurDevice, "up");
        lab.Batch.Clear();
        lab.Add(frame);
        lab.SendAll(socket);
        Assert.Equal(8 + frame.Length, peer.Receive().Length);
    }

    [Fact]
    public void Nothing_is_allocated_in_steady_state()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using UdpTunnelSocket peer = lab.Them.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Peer }));
        byte[] frame = VtepLab.Frame(100);
        byte[] other = VtepLab.Frame(77);
        int received = 0;
        Allocations.Zero(() =>
        {
            lab.Batch.Clear();
            for (int i = 0; i < 32; i++)
            {
                lab.Batch.TryAppend(i % 3 == 0 ? other : frame, out int index);
                ref PacketMeta meta = ref lab.Batch.Meta(index);
                meta.Remote = VtepLab.Peer;
                meta.FlowHash = (uint)i << 27;
                meta.Output = 0;
            }

            lab.Batch.Select(0);
            socket.Send(lab.Batch);
            lab.Batch.Clear();
            peer.Receive(lab.Batch);
            received += lab.Batch.Count;
        });
        Assert.InRange(received, 1, int.MaxValue);
    }
}
