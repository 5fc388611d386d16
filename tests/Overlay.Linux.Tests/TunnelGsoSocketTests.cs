using System.Globalization;
using Overlay.DataPath;
using Overlay.Linux.Interop;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>What leaves by the TAP of whole superpackets, with plain sockets and tshark as judges.</summary>
public sealed class TunnelGsoSocketTests
{
    private const int Payload = 40_000;

    // Fits the link with the longest of all headers.
    private const int SegmentSize = 1360;

    public static TheoryData<bool, bool, bool> Superpackets => new()
    {
        // Inner TCP or UDP; inner IPv6; outer IPv6.
        { true, false, false },
        { true, true, false },
        { false, false, false },
        { false, true, false },
        { true, false, true },
        { false, true, true },
    };

    [Theory]
    [MemberData(nameof(Superpackets))]
    public void A_superpacket_is_one_write_and_arrives_whole(bool tcp, bool inner6, bool outer6)
    {
        using VtepLab lab = new();
        using TunnelGsoSocket socket = Open(lab, outer6);
        using TestSocket peer = new(lab.Them, outer6 ? "2001:db8::2" : "192.0.2.2", 4789);
        // Else the kernel would cut an inner UDP superpacket for it.
        peer.TakeTrains();
        byte[] frame = lab.Batch.Data(AddSuper(lab, tcp, inner6, outer6)).ToArray();
        lab.SendAll(socket);
        // A veth passes on what has not been cut or summed yet.
        Assert.Equal(VtepLab.Vxlan(VtepLab.Vni, frame), peer.Receive());
        Assert.Equal((1, 1, 0, 0), (socket.Superpackets, socket.Frames, socket.Fallbacks, socket.Socket.SentMessages));
    }

    [Theory]
    [MemberData(nameof(Superpackets))]
    public void Cut_by_the_kernel_it_is_right_to_the_last_checksum(bool tcp, bool inner6, bool outer6) => OnTheWire(tcp, inner6, outer6, checksum: true);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Without_outer_checksum_the_field_is_zero(bool tcp) => OnTheWire(tcp, inner6: false, outer6: false, checksum: false);

    private static void OnTheWire(bool tcp, bool inner6, bool outer6, bool checksum)
    {
        Requires.Tool("tshark");
        using VtepLab lab = new();
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tso", "gso", "tx");
        using TunnelGsoSocket socket = Open(lab, outer6, options => options with { OuterChecksum = checksum });
        using WireLog log = new(lab.Them, VtepLab.PeerDevice);
        for (int i = 0; i < 3; i++)
        {
            int index = AddSuper(lab, tcp, inner6, outer6, flowHash: 77);
            (lab.Batch.Meta(index).TrafficClass, lab.Batch.Meta(index).Ttl, lab.Batch.Meta(index).FlowLabel) = (0xB9, 33, 0x12345);
        }

        // In between of the same flow: it goes the same way, with the same port and the next number.
        lab.Add(VtepLab.Frame(1000), outer6 ? VtepLab.Peer6 : VtepLab.Peer, flowHash: 77);
        (lab.Batch.Meta(3).TrafficClass, lab.Batch.Meta(3).Ttl, lab.Batch.Meta(3).FlowLabel) = (0xB9, 33, 0x12345);
        lab.SendAll(socket);
        Assert.Equal((3, 4, 0), (socket.Superpackets, socket.Frames, socket.Fallbacks));
        Thread.Sleep(100);

        string[] fields =
        [
            "ip.id", "ip.checksum.status", "udp.checksum.status", "tcp.checksum.status", "udp.srcport", "ip.ttl", "ipv6.hlim", "ip.dsfield", "ipv6.tclass",
            "ipv6.flow", "frame.len", "vxlan.vni", "ip.flags.df", "ip.flags.mf", "udp.checksum", "eth.dst",
        ];
        string[][] packets = log.Stop("udp.dstport == 4789 && !icmp && !icmpv6", fields);
        int headers = (inner6 ? 40 : 20) + (tcp ? 20 : 8);
        int segments = (Payload + SegmentSize - 1) / SegmentSize;
        Assert.Equal((3 * segments) + 1, packets.Length);
        ushort? port = null;
        ushort? identification = null;
        int length = 0;
        foreach (string[] packet in packets)
        {
            string text = string.Join(", ", fields.Zip(packet, (field, value) => $"{field}={value}"));
            string[] Values(string field) => packet[Array.IndexOf(fields, field)].Split(Tshark.Aggregator, StringSplitOptions.RemoveEmptyEntries);
            Assert.True(Values("ip.checksum.status").All(status => status == "1") && Values("tcp.checksum.status").All(status => status == "1"), text);
            string[] udp = Values("udp.checksum.status");
            // 1 is Good, 3 is Not present.
            Assert.True(udp[0] == (checksum ? "1" : "3") && udp.Skip(1).All(status => status == "1"), text);
            Assert.Equal(FlowHash.ToSourcePort(77), port ??= ushort.Parse(Values("udp.srcport")[0], CultureInfo.InvariantCulture));
            Assert.Equal(port.Value.ToString(CultureInfo.InvariantCulture), Values("udp.srcport")[0]);
            Assert.Equal("33", Values(outer6 ? "ipv6.hlim" : "ip.ttl")[0]);
            Assert.EndsWith("b9", Values(outer6 ? "ipv6.tclass" : "ip.dsfield")[0], StringComparison.Ordinal);
            Assert.Equal("42", Values("vxlan.vni").Single());
            if (outer6)
            {
                Assert.EndsWith("12345", Values("ipv6.flow")[0], StringComparison.Ordinal);
            }
            else
            {
                ushort current = Convert.ToUInt16(Values("ip.id")[0], 16);
                Assert.Equal(identification ?? current, current);
                identification = (ushort)(current + 1);
                Assert.True(Values("ip.flags.df")[0] is "0" or "False", text);
            }

            length += int.Parse(Values("frame.len")[0], CultureInfo.InvariantCulture) - (outer6 ? 70 : 50) - 14 - headers;
        }

        // The last is a UDP packet over IPv4 with 1000 bytes.
        Assert.Equal((3 * Payload) + 1000 + 28 - headers, length);
        lab.AssertNoFragments();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Small_packets_of_a_flow_are_one_train(bool outer6)
    {
        using VtepLab lab = new();
        using TunnelGsoSocket socket = Open(lab, outer6);
        using TestSocket peer = new(lab.Them, outer6 ? "2001:db8::2" : "192.0.2.2", 4789);
        peer.TakeTrains();
        ValueIPAddress remote = outer6 ? VtepLab.Peer6 : VtepLab.Peer;
        byte[] frame = VtepLab.Frame(100);
        for (int i = 0; i < 40; i++)
        {
            lab.Add(frame, remote, flowHash: 9);
        }

        lab.Add(VtepLab.Frame(50), remote, flowHash: 9);
        lab.SendAll(socket);
        byte[] train = peer.Receive(out int size);
        Assert.Equal((8 + frame.Length, (40 * (8 + frame.Length)) + 8 + frame.Length - 50), (size, train.Length));
        Assert.Equal((1, 0, 0), (socket.Frames, socket.Superpackets, socket.Socket.SentMessages));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_train_cut_by_the_kernel_has_right_checksums_and_numbers(bool outer6)
    {
        Requires.Tool("tshark");
        using VtepLab lab = new();
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tso", "gso", "tx");
        using TunnelGsoSocket socket = Open(lab, outer6);
        using WireCapture wire = new(lab.Them, VtepLab.PeerDevice, 33, "udp dst port 4789");
        for (int i = 0; i < 32; i++)
        {
            lab.Add(VtepLab.Frame(500, seed: i), outer6 ? VtepLab.Peer6 : VtepLab.Peer);
        }

        // With a partial inner checksum, which is finished here.
        byte[] partial = PacketBuilder.Udp(VtepLab.InnerOurs, VtepLab.InnerPeer, 1, 2, PacketBuilder.Payload(99), partialChecksum: true);
        int last = lab.Add(PacketBuilder.Ethernet(VtepLab.PeerMac, VtepLab.OurMac, EtherType.IPv4, partial), outer6 ? VtepLab.Peer6 : VtepLab.Peer);
        ref PacketMeta meta = ref lab.Batch.Meta(last);
        (meta.Checksum, meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset) = (ChecksumState.Partial, 14, 34, 6);
        lab.SendAll(socket);
        Assert.Equal(1, socket.Frames);
        int? next = null;
        foreach (string[] packet in wire.Fields("ip.id", "udp.checksum.status"))
        {
            Assert.Equal("1,1", packet[1]);
            if (!outer6)
            {
                int current = Convert.ToUInt16(packet[0].Split(',')[0], 16);
                Assert.Equal(next ?? current, current);
                next = (current + 1) & 0xFFFF;
            }
        }
    }

    [Fact]
    public void The_congestion_answer_of_tcp_is_in_the_first_segment_only()
    {
        Requires.Tool("tshark");
        using VtepLab lab = new();
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tso", "gso", "tx");
        using TunnelGsoSocket socket = Open(lab);
        using WireCapture wire = new(lab.Them, VtepLab.PeerDevice, 3, "udp dst port 4789");
        int index = AddSuper(lab, tcp: true, inner6: false, outer6: false, payload: 3 * SegmentSize);
        // CWR beside ACK and PSH. The checksum field holds the pseudo-header only.
        lab.Batch.Data(index)[34 + 13] |= 0x80;
        lab.SendAll(socket);
        Assert.Equal((1, 0), (socket.Superpackets, socket.Fallbacks));
        string[][] packets = wire.Fields("tcp.flags.cwr", "tcp.flags.push", "tcp.checksum.status");
        Assert.Equal(["1", "0", "0"], packets.Select(packet => packet[0].Replace("True", "1", StringComparison.Ordinal).Replace("False", "0", StringComparison.Ordinal)));
        Assert.Equal(["0", "0", "1"], packets.Select(packet => packet[1].Replace("True", "1", StringComparison.Ordinal).Replace("False", "0", StringComparison.Ordinal)));
        Assert.All(packets, packet => Assert.Equal("1", packet[2]));
    }

    [Fact]
    public void Flood_copies_share_their_bytes_and_keep_them()
    {
        using VtepLab lab = new();
        using TunnelGsoSocket socket = Open(lab);
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        int first = AddSuper(lab, tcp: true, inner6: false, outer6: false);
        lab.Batch.Meta(lab.Batch.Share(first)).Vni = new Vni(43);
        byte[] frame = lab.Batch.Data(first).ToArray();
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal(VtepLab.Vxlan(42, frame), peer.Receive());
        Assert.Equal(VtepLab.Vxlan(43, frame), peer.Receive());
        Assert.Equal(frame, lab.Batch.Data(first).ToArray());
    }

    [Fact]
    public void Order_within_a_flow_is_kept_whatever_goes_which_way()
    {
        using VtepLab lab = new();
        using TunnelGsoSocket socket = Open(lab);
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        List<byte[]> expected = [];
        for (int i = 0; i < 6; i++)
        {
            byte[] small = VtepLab.Frame(60 + (i % 3), (ushort)i);
            lab.Add(small, flowHash: 5);
            expected.Add(small);
            bool vlan = i % 2 == 1;
            int index = AddSuper(lab, tcp: true, inner6: false, outer6: false, payload: 2000, flowHash: 5, vlan: vlan);
            if (!vlan)
            {
                expected.Add(lab.Batch.Data(index).ToArray());
                continue;
            }

            // A tag stands in the way of the kernel: two segments by the socket.
            Assert.True(Segmentation.TryPlan(lab.Batch.Data(index), lab.Batch.Meta(index), out SegmentPlan plan));
            for (int s = 0; s < 2; s++)
            {
                byte[] segment = new byte[plan.MaximumLength];
                expected.Add(segment[..plan.WriteSegment(s, segment)]);
            }
        }

        lab.SendAll(socket);
        foreach (byte[] frame in expected)
        {
            Assert.Equal(VtepLab.Vxlan(VtepLab.Vni, frame), peer.Receive());
        }

        Assert.Equal((3, 0), (socket.Superpackets, socket.Fallbacks));
        Assert.InRange(socket.Socket.SentMessages, 3, 3);
    }

    [Fact]
    public void What_no_tap_can_carry_goes_by_the_socket()
    {
        using VtepLab lab = new();
        lab.Us.Ip("address", "add", "192.0.2.99/32", "dev", "lo");
        using TunnelGsoSocket socket = Open(lab);
        using TestSocket own = new(lab.Us, "192.0.2.99", 4789);
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        byte[] frame = VtepLab.Frame(100);
        // An address of this host.
        lab.Add(frame, ValueIPAddress.Parse("192.0.2.99"));
        lab.SendAll(socket);
        Assert.Equal(VtepLab.Vxlan(VtepLab.Vni, frame), own.Receive());
        Assert.Equal((0, 1), (socket.Frames, socket.Socket.SentMessages));

        // More than an IP packet holds, with the outer headers.
        int largest = AddSuper(lab, tcp: true, inner6: false, outer6: false, payload: 65_535 - 40);
        lab.SendAll(socket);
        Assert.Equal((0, 0), (socket.Frames, socket.Fallbacks));
        for (int i = 0; i < 47; i++)
        {
            Assert.InRange(peer.Receive().Length, 1, 1472);
        }

        // Nobody's: the socket knows why.
        lab.Us.Ip("route", "add", "unreachable", "198.51.100.0/24");
        int dead = lab.Add(frame, ValueIPAddress.Parse("198.51.100.1"));
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal((PacketState.Dropped, DropReason.SendFailed), (lab.Batch.Meta(dead).State, lab.Batch.Meta(dead).Drop));
        Assert.Equal(0, largest);
        Assert.Equal(0, socket.Frames);
    }

    [Fact]
    public void What_exceeds_the_link_is_dropped_and_told_apart()
    {
        using VtepLab lab = new();
        using TunnelGsoSocket socket = Open(lab);
        int fits = lab.Add(VtepLab.Frame(1422));
        int plain = lab.Add(VtepLab.Frame(1423));
        int super = AddSuper(lab, tcp: true, inner6: false, outer6: false, segment: 1411);
        int superFits = AddSuper(lab, tcp: true, inner6: false, outer6: false, segment: 1410);
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal(
            [DropReason.None, DropReason.TooBig, DropReason.TooBig, DropReason.None],
            new[] { fits, plain, super, superFits }.Select(i => lab.Batch.Meta(i).Drop));
        Assert.Equal((2, 0), (socket.Frames, socket.Socket.SentMessages));
    }

    [Fact]
    public void The_next_hop_is_learned_when_it_is_needed_and_a_changed_route_is_followed()
    {
        using VtepLab lab = new();
        Netns.Connect(lab.Us, "vc", "192.0.3.1/24", lab.Them, "vd", "192.0.3.2/24");
        lab.Them.Ip("address", "add", "203.0.113.1/32", "dev", "lo");
        lab.Them.Sysctl("net.ipv4.conf.all.rp_filter", "0");
        lab.Us.Ip("route", "add", "203.0.113.1/32", "via", "192.0.2.2");
        Assert.DoesNotContain("lladdr", lab.Us.Ip("neigh", "show", "192.0.2.2").Output, StringComparison.Ordinal);
        using TunnelGsoSocket socket = Open(lab);
        using TestSocket peer = new(lab.Them, "203.0.113.1", 4789);
        ValueIPAddress remote = ValueIPAddress.Parse("203.0.113.1");
        byte[] frame = VtepLab.Frame(100);
        lab.Add(frame, remote);
        lab.SendAll(socket);
        Assert.Equal(VtepLab.Vxlan(VtepLab.Vni, frame), peer.Receive());
        Assert.Contains("lladdr", lab.Us.Ip("neigh", "show", "192.0.2.2").Output, StringComparison.Ordinal);

        lab.Us.Ip("route", "replace", "203.0.113.1/32", "via", "192.0.3.2");
        long before = PeerLab.Statistic(lab.Us, "vc", "tx", "packets");
        VtepLab.WaitUntil(() =>
        {
            lab.Add(frame, remote);
            lab.SendAll(socket);
            peer.Receive();
            return PeerLab.Statistic(lab.Us, "vc", "tx", "packets") > before + 10;
        });
        Assert.Equal((0, 0), (socket.Fallbacks, socket.Socket.SentMessages));
    }

    [Fact]
    public void A_refused_frame_goes_by_the_socket_and_eight_in_a_row_end_it()
    {
        using VtepLab lab = new();
        Kernel kernel = new() { Answers = new Queue<Errno>([Errno.EINVAL, Errno.None, .. Enumerable.Repeat(Errno.EINVAL, 7), Errno.None, .. Enumerable.Repeat(Errno.EINVAL, 8)]) };
        using TunnelGsoSocket socket = Open(lab, writer: kernel);
        using UdpTunnelSocket peer = lab.Them.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Peer }));
        int frames = 0;
        for (int i = 0; i < 20; i++)
        {
            lab.Batch.Clear();
            Assert.Equal(i < 18, socket.Active);
            if (i % 2 == 0)
            {
                AddSuper(lab, tcp: true, inner6: false, outer6: false, payload: 3000);
            }
            else
            {
                lab.Add(VtepLab.Frame(10));
                lab.Add(VtepLab.Frame(10));
            }

            lab.SendAll(socket);
            // Superpackets are refused here each time, and come as three segments.
            lab.Receive(peer, i % 2 != 0 ? 2 : 3);
            frames++;
        }

        Assert.Equal((20, 16, 2), (frames, socket.Fallbacks, socket.Frames));
        Assert.Contains("refused 8 frames in a row (EINVAL)", socket.Failure, StringComparison.Ordinal);
        Assert.Empty(kernel.Answers);
    }

    [Fact]
    public void A_tap_that_is_down_or_deleted_loses_nothing()
    {
        using VtepLab lab = new();
        using TunnelGsoSocket socket = Open(lab);
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        byte[] frame = VtepLab.Frame(100);
        lab.Us.Ip("link", "set", socket.DeviceName, "down");
        lab.Add(frame);
        lab.SendAll(socket);
        Assert.Equal(VtepLab.Vxlan(VtepLab.Vni, frame), peer.Receive());
        Assert.Equal((1, true), (socket.Fallbacks, socket.Active));
        lab.Us.Ip("link", "set", socket.DeviceName, "up");
        lab.Add(frame);
        lab.SendAll(socket);
        Assert.Equal(VtepLab.Vxlan(VtepLab.Vni, frame), peer.Receive());
        Assert.Equal((1, 1), (socket.Fallbacks, socket.Frames));
        lab.Us.Ip("link", "delete", socket.DeviceName);
        lab.Add(frame);
        lab.SendAll(socket);
        Assert.Equal(VtepLab.Vxlan(VtepLab.Vni, frame), peer.Receive());
        Assert.False(socket.Active);
        Assert.Contains("was deleted", socket.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_device_leaves_packets_pending_and_no_memory_is_a_drop()
    {
        using VtepLab lab = new();
        Kernel kernel = new() { Answers = new Queue<Errno>([Errno.None, Errno.EAGAIN, Errno.None, Errno.ENOBUFS]) };
        using TunnelGsoSocket socket = Open(lab, writer: kernel);
        for (int i = 0; i < 3; i++)
        {
            lab.Add(VtepLab.Frame(100 + i));
        }

        Assert.Equal(PortResult.WouldBlock, lab.Send(socket));
        Assert.Equal([PacketState.Sent, PacketState.Pending, PacketState.Pending], Enumerable.Range(0, 3).Select(i => lab.Batch.Meta(i).State));
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal([PacketState.Sent, PacketState.Sent, PacketState.Dropped], Enumerable.Range(0, 3).Select(i => lab.Batch.Meta(i).State));
        Assert.Equal(DropReason.QueueFull, lab.Batch.Meta(2).Drop);
        Assert.True(socket.Active);
    }

    [Fact]
    public void Nothing_else_of_the_host_changes_and_the_device_is_silent_and_goes_with_its_owner()
    {
        string[] names = ["ip_forward", "rp_filter", "accept_local", "proxy_arp", "disable_ipv6", "addr_gen_mode", "forwarding"];
        // Namespaces as they are made, where IPv6 makes up addresses.
        using Netns us = Netns.Create("ovsock", quiet: false);
        using Netns them = Netns.Create("ovsock", quiet: false);
        Netns.Connect(us, "va", "192.0.2.1/24", them, "vb", "192.0.2.2/24");
        string[] before = Settings(us, names);
        string links = string.Join(' ', PeerLab.Devices(us));
        using (TunnelGsoSocket socket = us.Run(() => TunnelGsoSocket.Open(UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Ours }))))
        {
            Assert.Equal("ovl-u0", socket.DeviceName);
            Assert.Contains("ovl-u0", PeerLab.Devices(us));
            string[] during = Settings(us, names);
            Assert.Equal(before, during.Where(line => !line.Contains("/ovl-u0/", StringComparison.Ordinal)));
            Assert.Contains(during, line => line.Contains("ip_forward=0", StringComparison.Ordinal));
            Assert.DoesNotContain("inet", us.Ip("-o", "address", "show", "ovl-u0").Output, StringComparison.Ordinal);
            Thread.Sleep(300);
            Assert.Equal(0, PeerLab.Statistic(us, "ovl-u0", "tx", "packets") + PeerLab.Statistic(us, "ovl-u0", "tx", "dropped"));
            Assert.DoesNotContain("inet", us.Ip("-o", "address", "show", "ovl-u0").Output, StringComparison.Ordinal);
        }

        Assert.Equal(links, string.Join(' ', PeerLab.Devices(us)));
        Assert.Equal(before, Settings(us, names));
    }

    [Fact]
    public void A_frame_without_the_mark_goes_nowhere()
    {
        using VtepLab lab = new();
        using UnderlayTap tap = lab.Us.Run(() => UnderlayTap.Open("ovl-u%d"));
        using TestSocket own = new(lab.Us, "192.0.2.1", 4789);
        byte[] udp = PacketBuilder.Udp(VtepLab.Peer, VtepLab.Ours, 1, 4789, "in"u8);
        MacAddress device = lab.Us.Run(() =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            return netlink.GetLink(tap.Name).Mac;
        });
        // To the device's own address, which the kernel would take in as it does from any wire.
        byte[] frame = [.. new byte[24], .. PacketBuilder.Ethernet(device, VtepLab.PeerMac, EtherType.IPv4, udp)];
        Assert.Equal(Errno.None, Write(tap, frame));
        Assert.Throws<System.Net.Sockets.SocketException>(() => own.Receive(200));
    }

    [Fact]
    public void Without_capabilities_the_socket_stays_the_callers()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        LinuxException? refused = null;
        lab.Us.Run(() => Privileges.RunWithoutAny(() => refused = Assert.Throws<LinuxException>(() => TunnelGsoSocket.Open(socket))));
        Assert.Contains("CAP_BPF", refused!.Message, StringComparison.Ordinal);
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        lab.Add(VtepLab.Frame(1));
        lab.SendAll(socket);
        peer.Receive();
        Assert.DoesNotContain(PeerLab.Devices(lab.Us), name => name.StartsWith("ovl", StringComparison.Ordinal));
    }

    [Fact]
    public void Source_ports_keep_to_their_range_and_a_flow_to_its_port()
    {
        using VtepLab lab = new();
        using TunnelGsoSocket socket = Open(lab, change: options => options with { SourcePortMinimum = 50_000, SourcePortMaximum = 50_099 });
        HashSet<ushort> ports = [];
        for (int i = 0; i < 200; i++)
        {
            lab.Batch.Clear();
            uint hash = (uint)i * 0x0123_4567;
            int plain = lab.Add(VtepLab.Frame(100), flowHash: hash);
            int super = AddSuper(lab, tcp: true, inner6: false, outer6: false, payload: 3000, flowHash: hash);
            Assert.Equal(PortResult.Ok, lab.Send(socket));
            Assert.Equal(lab.Batch.Meta(plain).SourcePort, lab.Batch.Meta(super).SourcePort);
            Assert.InRange(lab.Batch.Meta(super).SourcePort, 50_000, 50_099);
            ports.Add(lab.Batch.Meta(super).SourcePort);
        }

        Assert.InRange(ports.Count, 60, 100);
    }

    [Fact]
    public void Sending_allocates_nothing()
    {
        using VtepLab lab = new();
        using TunnelGsoSocket socket = Open(lab);
        AddSuper(lab, tcp: true, inner6: false, outer6: false);
        lab.Add(VtepLab.Frame(100), flowHash: 1);
        lab.Add(VtepLab.Frame(100), flowHash: 1);
        lab.Add(VtepLab.Frame(200), VtepLab.Ours);
        Allocations.Zero(() =>
        {
            for (int i = 0; i < lab.Batch.Count; i++)
            {
                lab.Batch.Meta(i).State = PacketState.Pending;
            }

            if (lab.Send(socket) != PortResult.Ok)
            {
                throw new InvalidOperationException("The kernel took less than all.");
            }
        });
        Assert.InRange(socket.Superpackets, 256, long.MaxValue);
        Assert.Equal(2 * socket.Superpackets, socket.Frames);
    }

    private static TunnelGsoSocket Open(VtepLab lab, bool outer6 = false, Func<UdpTunnelOptions, UdpTunnelOptions>? change = null, FrameWriter? writer = null)
    {
        UdpTunnelOptions options = new() { Local = outer6 ? VtepLab.Ours6 : VtepLab.Ours };
        options = change is null ? options : change(options);
        return lab.Us.Run(() => TunnelGsoSocket.Open(UdpTunnelSocket.Bind(options), TunnelGsoSocket.DefaultDeviceName, writer ?? new FrameWriter()));
    }

    private static int AddSuper(
        VtepLab lab, bool tcp, bool inner6, bool outer6, int payload = Payload, int segment = SegmentSize, uint flowHash = 0, bool vlan = false)
    {
        ValueIPAddress source = inner6 ? ValueIPAddress.Parse("fd42::1") : VtepLab.InnerOurs;
        ValueIPAddress destination = inner6 ? ValueIPAddress.Parse("fd42::2") : VtepLab.InnerPeer;
        byte[] bytes = PacketBuilder.Payload(payload);
        byte[] packet = tcp ? PacketBuilder.Tcp(source, destination, 1, 2, 100, 0x18, bytes, partialChecksum: true)
            : PacketBuilder.Udp(source, destination, 1, 2, bytes, partialChecksum: true);
        int link = vlan ? 18 : 14;
        int index = lab.Add(
            PacketBuilder.Ethernet(VtepLab.PeerMac, VtepLab.OurMac, inner6 ? EtherType.IPv6 : EtherType.IPv4, packet, vlan ? [(0x8100, 7)] : []),
            outer6 ? VtepLab.Peer6 : VtepLab.Peer,
            flowHash: flowHash);
        ref PacketMeta meta = ref lab.Batch.Meta(index);
        meta.Segmentation = !tcp ? SegmentationKind.Udp : inner6 ? SegmentationKind.TcpIPv6 : SegmentationKind.TcpIPv4;
        meta.Checksum = ChecksumState.Partial;
        meta.NetworkStart = (ushort)link;
        meta.ChecksumStart = (ushort)(link + (inner6 ? 40 : 20));
        meta.ChecksumOffset = (ushort)(tcp ? 16 : 6);
        meta.HeaderLength = (ushort)(meta.ChecksumStart + (tcp ? 20 : 8));
        meta.SegmentSize = (ushort)segment;
        return index;
    }

    private static string[] Settings(Netns netns, string[] names) => netns.Run(() =>
        Directory.EnumerateFiles("/proc/sys/net/", "*", SearchOption.AllDirectories)
            .Where(path => names.Contains(Path.GetFileName(path)))
            .Select(path => $"{path}={Read(path)}")
            .Order(StringComparer.Ordinal)
            .ToArray());

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (IOException)
        {
            // Some can be read only once they are set.
            return "";
        }
    }

    private static unsafe Errno Write(UnderlayTap tap, byte[] bytes)
    {
        fixed (byte* start = bytes)
        {
            IoVector vector = new() { Base = start, Length = (nuint)bytes.Length };
            return new FrameWriter().Write(tap.Handle, &vector, 1);
        }
    }

    private sealed unsafe class Kernel : FrameWriter
    {
        public required Queue<Errno> Answers { get; init; }

        public override Errno Write(int device, IoVector* vectors, int count)
        {
            Errno answer = Answers.Dequeue();
            return answer == Errno.None ? base.Write(device, vectors, count) : answer;
        }
    }
}
