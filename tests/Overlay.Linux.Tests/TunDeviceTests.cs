using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>The kernel of this machine at both ends of our ports.</summary>
public sealed class TunDeviceTests
{
    private const string Own = "10.9.0.1";
    private const string Other = "10.9.0.2";
    private static readonly ValueIPAddress OwnAddress = ValueIPAddress.Parse(Own);
    private static readonly ValueIPAddress OtherAddress = ValueIPAddress.Parse(Other);
    private static readonly MacAddress OtherMac = MacAddress.Parse("02:00:00:00:00:02");
    private static readonly TunDeviceOptions Tun = new() { Layer = DeviceLayer.IP };
    private static readonly TunDeviceOptions Tap = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_tap_hands_over_what_the_kernel_sends_and_takes_what_it_answers(bool vnetHeader)
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, Tap with { VnetHeader = vnetHeader });
        MacAddress mac = netns.Run(GetMac);
        PacketBatch batch = new();

        // The kernel asks for the neighbour, byte for byte as RFC 826 says.
        using TestSocket socket = new(netns, Own);
        byte[] payload = PacketBuilder.Payload(100);
        socket.SendTo(payload, Other, 7777);
        Receive(device, batch);
        Assert.Equal(PacketBuilder.ArpRequest(mac, OwnAddress, OtherAddress), batch.Data(0).ToArray());

        // It believes the answer, and sends the datagram that waited for it.
        byte[] reply = PacketBuilder.ArpRequest(OtherMac, OtherAddress, OwnAddress);
        reply[21] = 2;
        mac.TryWriteBytes(reply);
        mac.TryWriteBytes(reply.AsSpan(32));
        Send(device, batch, reply);
        Assert.Equal(PacketState.Sent, batch.Meta(0).State);
        Receive(device, batch);
        byte[] frame = batch.Data(0).ToArray();
        byte[] expected = PacketBuilder.Ethernet(
            OtherMac, mac, EtherType.IPv4,
            PacketBuilder.Udp(OwnAddress, OtherAddress, (ushort)socket.Port, 7777, payload, dontFragment: true, partialChecksum: vnetHeader));
        // The identification, and with it the header checksum, is the kernel's choice.
        frame.AsSpan(18, 2).CopyTo(expected.AsSpan(18));
        frame.AsSpan(24, 2).CopyTo(expected.AsSpan(24));
        Assert.Equal(expected, frame);
        PacketMeta meta = batch.Meta(0);
        Assert.Equal(vnetHeader ? ChecksumState.Partial : ChecksumState.Unverified, meta.Checksum);
        Assert.Equal(vnetHeader ? (14, 34, 6) : (0, 0, 0), (meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset));

        // It answers a ping that comes out of the device.
        byte[] echo = [8, 0, 0, 0, 0x12, 0x34, 0, 1, .. PacketBuilder.Payload(56)];
        BinaryPrimitives.WriteUInt16BigEndian(echo.AsSpan(2), PacketBuilder.Checksum(echo, 0));
        Send(device, batch, PacketBuilder.Ethernet(mac, OtherMac, EtherType.IPv4, PacketBuilder.IP(OtherAddress, OwnAddress, IPProtocol.Icmp, echo)));
        Receive(device, batch);
        byte[] answer = batch.Data(0)[34..].ToArray();
        Assert.Equal(0, answer[0]);
        Assert.Equal(echo[4..], answer[4..]);
        Assert.Equal(0, PacketBuilder.Checksum(answer, 0));
    }

    [Theory]
    [InlineData(DeviceLayer.IP, "10.9.0.1", "10.9.0.2", true)]
    [InlineData(DeviceLayer.IP, "fd00:9::1", "fd00:9::2", true)]
    [InlineData(DeviceLayer.Ethernet, "10.9.0.1", "10.9.0.2", true)]
    [InlineData(DeviceLayer.Ethernet, "fd00:9::1", "fd00:9::2", true)]
    [InlineData(DeviceLayer.IP, "10.9.0.1", "10.9.0.2", false)]
    [InlineData(DeviceLayer.Ethernet, "10.9.0.1", "10.9.0.2", false)]
    public void A_tcp_stream_crosses_two_devices_as_superpackets(DeviceLayer layer, string one, string two, bool tso)
    {
        TunAccess.Require();
        using Netns left = Netns.Create();
        using Netns right = Netns.Create();
        TunDeviceOptions options = new() { Layer = layer, Tso = tso };
        int prefix = one.Contains(':', StringComparison.Ordinal) ? 64 : 24;
        using TunDevice leftDevice = Open(left, options, $"{one}/{prefix}");
        using TunDevice rightDevice = Open(right, options, $"{two}/{prefix}");
        using Wire wire = new(leftDevice, rightDevice);
        byte[] sent = PacketBuilder.Payload(2_000_000);
        byte[] received = new byte[sent.Length];

        IPAddress remote = IPAddress.Parse(two);
        using Socket listener = right.Run(() =>
        {
            Socket socket = new(remote.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
            socket.Bind(new IPEndPoint(remote, 5001));
            socket.Listen();
            return socket;
        });
        using Socket client = left.Run(() => new Socket(remote.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { SendTimeout = 10_000 });
        Thread sender = new(() =>
        {
            client.Connect(remote, 5001);
            client.Send(sent);
            client.Shutdown(SocketShutdown.Send);
        });
        sender.Start();
        using (Socket server = listener.Accept())
        {
            server.ReceiveTimeout = 10_000;
            for (int at = 0, length; at < received.Length; at += length)
            {
                length = server.Receive(received, at, received.Length - at, SocketFlags.None);
                Assert.NotEqual(0, length);
            }
        }

        sender.Join();
        Assert.Equal(sent, received);
        (byte[] packet, PacketMeta meta)[] seen = wire.Stop();
        Assert.DoesNotContain(seen, item => item.meta.State == PacketState.Dropped);
        (byte[] packet, PacketMeta meta)[] supers = [.. seen.Where(item => item.meta.Segmentation != SegmentationKind.None)];
        if (!tso)
        {
            Assert.Empty(supers);
            return;
        }

        Assert.NotEmpty(supers);
        bool version4 = prefix == 24;
        int network = layer == DeviceLayer.Ethernet ? 14 : 0;
        int transport = network + (version4 ? 20 : 40);
        foreach ((byte[] packet, PacketMeta meta) in supers)
        {
            Assert.Equal(version4 ? SegmentationKind.TcpIPv4 : SegmentationKind.TcpIPv6, meta.Segmentation);
            Assert.Equal(ChecksumState.Partial, meta.Checksum);
            Assert.Equal((network, transport, 16), (meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset));
            Assert.Equal(transport + 32, meta.HeaderLength);
            // A segment with the options of every TCP of Linux fills the MTU: 1500 − IP − 20 − 12 (time stamps).
            Assert.Equal(version4 ? 1448 : 1428, meta.SegmentSize);
            Assert.InRange(packet.Length, meta.HeaderLength + meta.SegmentSize + 1, PacketBatch.MaxPacketLength);
        }
    }

    [Theory]
    [InlineData(DeviceLayer.IP, "10.9.0.1", "10.9.0.2")]
    [InlineData(DeviceLayer.IP, "fd00:9::1", "fd00:9::2")]
    [InlineData(DeviceLayer.Ethernet, "10.9.0.1", "10.9.0.2")]
    public void A_train_of_datagrams_crosses_two_devices_as_one_superpacket(DeviceLayer layer, string one, string two)
    {
        TunAccess.Require();
        using Netns left = Netns.Create();
        using Netns right = Netns.Create();
        TunDeviceOptions options = new() { Layer = layer };
        int prefix = one.Contains(':', StringComparison.Ordinal) ? 64 : 24;
        using TunDevice leftDevice = Open(left, options, $"{one}/{prefix}");
        using TunDevice rightDevice = Open(right, options, $"{two}/{prefix}");
        if ((leftDevice.Capabilities & PortCapabilities.UdpSuperpackets) == 0)
        {
            Requires.Missing("needs Linux 6.2 or later, whose TUN takes UDP superpackets");
        }

        using Wire wire = new(leftDevice, rightDevice);
        using TestSocket sender = new(left, one);
        using TestSocket receiver = new(right, two, 5002);
        // The first one makes the neighbours known.
        sender.SendTo([1], two, 5002);
        Assert.Equal(new byte[] { 1 }, receiver.Receive());
        byte[] sent = PacketBuilder.Payload(40 * 1000 + 500);
        sender.SetSegmentSize(1000);
        sender.SendTo(sent, two, 5002);
        for (int at = 0; at < sent.Length; at += 1000)
        {
            Assert.Equal(sent[at..Math.Min(at + 1000, sent.Length)], receiver.Receive());
        }

        (byte[] packet, PacketMeta meta) super = Assert.Single(wire.Stop(), item => item.Meta.Segmentation != SegmentationKind.None);
        int transport = (layer == DeviceLayer.Ethernet ? 14 : 0) + (prefix == 24 ? 20 : 40);
        Assert.Equal(SegmentationKind.Udp, super.meta.Segmentation);
        Assert.Equal(ChecksumState.Partial, super.meta.Checksum);
        Assert.Equal((transport, 6, transport + 8, 1000), (super.meta.ChecksumStart, super.meta.ChecksumOffset, super.meta.HeaderLength, super.meta.SegmentSize));
        Assert.Equal(transport + 8 + sent.Length, super.packet.Length);
        Assert.Equal(sent, super.packet[(transport + 8)..]);
        Assert.Equal(PacketState.Sent, super.meta.State);
    }

    [Fact]
    public void A_superpacket_made_here_reaches_a_socket_as_datagrams()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, Tun);
        using TestSocket socket = new(netns, Own, 5003);
        byte[] payload = PacketBuilder.Payload(2500);
        PacketBatch batch = new();
        Append(batch, PacketBuilder.Udp(OtherAddress, OwnAddress, 9, 5003, payload, partialChecksum: true));
        ref PacketMeta meta = ref batch.Meta(0);
        meta.Segmentation = SegmentationKind.Udp;
        meta.Checksum = ChecksumState.Partial;
        (meta.ChecksumStart, meta.ChecksumOffset, meta.HeaderLength, meta.SegmentSize) = (20, 6, 28, 1000);
        batch.Select(0);
        Assert.Equal(PortResult.Ok, device.Send(batch));
        Assert.Equal(PacketState.Sent, batch.Meta(0).State);
        Assert.Equal(payload[..1000], socket.Receive());
        Assert.Equal(payload[1000..2000], socket.Receive());
        Assert.Equal(payload[2000..], socket.Receive());
    }

    [Fact]
    public void What_is_refused_is_dropped_alone()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, Tun);
        using TestSocket socket = new(netns, Own, 5004);
        byte[] good = PacketBuilder.Udp(OtherAddress, OwnAddress, 9, 5004, [42]);
        byte[] version5 = [.. good];
        version5[0] = 0x55;
        PacketBatch batch = new();
        Append(batch, []);
        Append(batch, version5);
        Append(batch, [0x45, .. new byte[65_535]]);
        // The kernel refuses a TCP superpacket that is UDP with EINVAL: not the port's end.
        int liar = Append(batch, PacketBuilder.Udp(OtherAddress, OwnAddress, 9, 5004, new byte[3000]));
        ref PacketMeta meta = ref batch.Meta(liar);
        meta.Segmentation = SegmentationKind.TcpIPv4;
        meta.Checksum = ChecksumState.Partial;
        (meta.ChecksumStart, meta.ChecksumOffset, meta.HeaderLength, meta.SegmentSize) = (20, 6, 40, 1000);
        int outside = Append(batch, good);
        batch.Meta(outside).Checksum = ChecksumState.Partial;
        (batch.Meta(outside).ChecksumStart, batch.Meta(outside).ChecksumOffset) = (20, 16);
        Append(batch, good);
        Assert.Equal(6, batch.Select(0));
        Assert.Equal(PortResult.Ok, device.Send(batch));
        Assert.Equal(
            [DropReason.InnerTruncated, DropReason.NotIP, DropReason.TooBig, DropReason.SendFailed, DropReason.SendFailed, DropReason.None],
            Enumerable.Range(0, 6).Select(i => batch.Meta(i).Drop));
        Assert.Equal(PacketState.Sent, batch.Meta(5).State);
        Assert.Equal(new byte[] { 42 }, socket.Receive());
        Assert.Equal(0, batch.Select(0));
    }

    [Fact]
    public void A_tap_refuses_less_than_an_ethernet_header()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, Tap);
        PacketBatch batch = new();
        Append(batch, new byte[13]);
        Append(batch, new byte[14]);
        batch.Select(0);
        Assert.Equal(PortResult.Ok, device.Send(batch));
        Assert.Equal((DropReason.InnerTruncated, PacketState.Sent), (batch.Meta(0).Drop, batch.Meta(1).State));
    }

    [Fact]
    public void A_plain_device_takes_neither_superpackets_nor_partial_checksums()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, Tun with { VnetHeader = false });
        Assert.Equal(PortCapabilities.None, device.Capabilities);
        Assert.Equal(("no vnet header", "no vnet header"), (device.Tso.Reason, device.Uso.Reason));
        PacketBatch batch = new();
        byte[] packet = PacketBuilder.Udp(OtherAddress, OwnAddress, 9, 5005, new byte[100], partialChecksum: true);
        foreach (SegmentationKind kind in (SegmentationKind[])[SegmentationKind.None, SegmentationKind.Udp, SegmentationKind.TcpIPv4])
        {
            int index = Append(batch, packet);
            ref PacketMeta meta = ref batch.Meta(index);
            meta.Checksum = ChecksumState.Partial;
            meta.Segmentation = kind;
            (meta.ChecksumStart, meta.ChecksumOffset, meta.HeaderLength, meta.SegmentSize) = (20, 6, 28, 50);
        }

        batch.Select(0);
        Assert.Equal(PortResult.Ok, device.Send(batch));
        Assert.All(Enumerable.Range(0, 3), i => Assert.Equal(DropReason.SendFailed, batch.Meta(i).Drop));
    }

    [Theory]
    [InlineData(true, true, PortCapabilities.PartialChecksums | PortCapabilities.TcpSuperpackets | PortCapabilities.UdpSuperpackets)]
    [InlineData(true, false, PortCapabilities.PartialChecksums | PortCapabilities.TcpSuperpackets)]
    [InlineData(false, true, PortCapabilities.PartialChecksums | PortCapabilities.UdpSuperpackets)]
    [InlineData(false, false, PortCapabilities.PartialChecksums)]
    public void Options_limit_what_the_port_takes(bool tso, bool uso, PortCapabilities capabilities)
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = netns.Run(() => TunDevice.Open("tun0", Tun with { Tso = tso, Uso = uso }));
        Assert.Equal(capabilities, device.Capabilities);
        using TunDevice tap = netns.Run(() => TunDevice.Open("tap0", Tap with { Tso = tso, Uso = uso }));
        Assert.Equal(capabilities | PortCapabilities.Ethernet, tap.Capabilities);
    }

    [Fact]
    public void A_link_that_is_down_keeps_the_packets_and_comes_back()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, Tun);
        using TestSocket socket = new(netns, "0.0.0.0", 5006);
        byte[] packet = PacketBuilder.Udp(OtherAddress, OwnAddress, 9, 5006, [7]);
        PacketBatch batch = new();
        netns.Ip("link", "set", "dev0", "down");
        Assert.Equal(PortResult.Empty, device.Receive(batch));
        Append(batch, packet);
        batch.Select(0);
        Assert.Equal(PortResult.Down, device.Send(batch));
        Assert.Equal(PacketState.Pending, batch.Meta(0).State);
        netns.Ip("link", "set", "dev0", "up");
        Assert.Equal(1, batch.Select(0));
        Assert.Equal(PortResult.Ok, device.Send(batch));
        Assert.Equal(new byte[] { 7 }, socket.Receive());
    }

    [Fact]
    public void A_deleted_interface_is_gone_for_both_directions()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, Tun);
        netns.Ip("link", "delete", "dev0");
        PacketBatch batch = new();
        Assert.Equal(PortResult.Gone, device.Receive(batch));
        Append(batch, PacketBuilder.Udp(OtherAddress, OwnAddress, 9, 9, []));
        batch.Select(0);
        Assert.Equal(PortResult.Gone, device.Send(batch));
        Assert.Equal(PacketState.Pending, batch.Meta(0).State);
        device.RefreshMtu();
        Assert.Equal(1500, device.Mtu);
    }

    [Fact]
    public void One_call_takes_no_more_than_a_burst_and_keeps_the_order()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, Tun with { ReceiveBurst = 30, ReceiveBurstBytes = 10_000 });
        using TestSocket socket = new(netns, Own);
        for (int i = 0; i < 40; i++)
        {
            socket.SendTo([(byte)i], Other, 9);
        }

        PacketBatch batch = new();
        Assert.Equal(PortResult.Ok, device.Receive(batch));
        Assert.Equal(30, batch.Count);
        Assert.Equal(PortResult.Ok, device.Receive(batch));
        Assert.Equal(Enumerable.Range(0, 40).Select(i => (byte)i), Enumerable.Range(0, batch.Count).Select(i => batch.Data(i)[28]));
        Assert.Equal(PortResult.Empty, device.Receive(batch));

        for (int i = 0; i < 10; i++)
        {
            socket.SendTo(new byte[1400], Other, 9);
        }

        batch.Clear();
        device.Receive(batch);
        // The eighth packet of 1428 bytes is the first with which the bytes exceed the limit.
        Assert.Equal(8, batch.Count);
    }

    [Fact]
    public void A_full_batch_leaves_the_rest_in_the_kernel()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, Tun);
        using TestSocket socket = new(netns, Own);
        for (int i = 0; i < 5; i++)
        {
            socket.SendTo([(byte)i], Other, 9);
        }

        PacketBatch batch = new(capacity: 3);
        Assert.Equal(PortResult.Ok, device.Receive(batch));
        Assert.Equal(3, batch.Count);
        Assert.Equal(PortResult.Empty, device.Receive(batch));
        batch.Clear();
        Assert.Equal(PortResult.Ok, device.Receive(batch));
        Assert.Equal(2, batch.Count);
    }

    [Fact]
    public void The_mtu_follows_the_interface()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, Tun);
        Assert.Equal(1500, device.Mtu);
        netns.Ip("link", "set", "dev0", "mtu", "1400");
        device.RefreshMtu();
        Assert.Equal(1400, device.Mtu);
        netns.Ip("link", "set", "dev0", "mtu", "1300");
        Assert.True(SpinWait.SpinUntil(() => device.Mtu == 1300, 2_000));
    }

    [Fact]
    public void The_queue_has_the_asked_length_and_the_kernel_counts_what_it_drops()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, Tun with { TxQueueLength = 3 });
        using TestSocket socket = new(netns, Own);
        for (int i = 0; i < 10; i++)
        {
            socket.SendTo([1], Other, 9);
        }

        LinkInfo link = netns.Run(() =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            return netlink.GetLink("dev0");
        });
        Assert.Equal(3, link.TxQueueLength);
        Assert.Equal(7, link.TransmitDropped);
        Assert.Equal(link.Index, device.InterfaceIndex);
    }

    [Fact]
    public void A_pattern_lets_the_kernel_choose_the_number()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice first = netns.Run(() => TunDevice.Open("vx%d", Tun));
        using TunDevice second = netns.Run(() => TunDevice.Open("vx%d", Tap));
        Assert.Equal(("vx0", "vx1"), (first.Name, second.Name));
        Assert.Equal((DeviceLayer.IP, DeviceLayer.Ethernet), (first.Layer, second.Layer));
    }

    [Fact]
    public void Several_queues_of_one_device()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        TunDeviceOptions options = Tun with { MultiQueue = true };
        using TunDevice first = netns.Run(() => TunDevice.Open("dev0", options));
        using TunDevice second = netns.Run(() => TunDevice.Open("dev0", options));
        Assert.Equal(first.InterfaceIndex, second.InterfaceIndex);
        Assert.NotEqual(first.PollHandle, second.PollHandle);
    }

    [Fact]
    public void A_device_with_several_queues_is_nobody_elses()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        TunDevice[] queues = netns.Run(() => TunDevice.OpenQueues("dev%d", Tun, 3));
        Assert.All(queues, queue => Assert.Equal(("dev0", queues[0].InterfaceIndex), (queue.Name, queue.InterfaceIndex)));
        // With IFF_MULTI_QUEUE alone the kernel would give the second a queue of the first's device, and a share of its packets.
        LinuxException second = Assert.Throws<LinuxException>(() => netns.Run(() => TunDevice.OpenQueues("dev0", Tun, 2)));
        Assert.Equal(
            "dev0: device or resource busy, an interface dev0 exists, and one with several queues must be new; delete it or choose another name (TUNSETIFF: EBUSY)",
            second.Message);
        LinuxException single = Assert.Throws<LinuxException>(() => netns.Run(() => TunDevice.OpenQueues("dev0", Tun, 1)));
        Assert.Equal(Errno.EINVAL, single.Errno);
        queues[0].Dispose();
        queues[2].Dispose();
        Assert.Contains("dev0", netns.Ip("link", "show").Output, StringComparison.Ordinal);
        queues[1].Dispose();
        Assert.DoesNotContain("dev0", netns.Ip("link", "show").Output, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => TunDevice.OpenQueues("dev0", Tun, 257));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunDevice.OpenQueues("dev0", Tun, 0));
    }

    [Fact]
    public void What_cannot_be_opened_says_why_and_what_to_do()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = netns.Run(() => TunDevice.Open("dev0", Tun));
        Assert.Equal(
            "dev0: device or resource busy, another process holds the interface dev0; end it or choose another name (TUNSETIFF: EBUSY)",
            Refusal(netns, "dev0", Tun));
        Assert.Equal(
            "dev0: invalid argument, an interface dev0 exists that is not a TAP device without multiple queues; delete it or choose another name (TUNSETIFF: EINVAL)",
            Refusal(netns, "dev0", Tap));
        Assert.Contains("an interface lo exists that is not a TUN device", Refusal(netns, "lo", Tun), StringComparison.Ordinal);
        ArgumentException bad = Assert.Throws<ArgumentException>(() => TunDevice.Open("a/b"));
        Assert.StartsWith("'a/b' cannot be the name of an interface: 1 to 15 bytes", bad.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => TunDevice.Open("ok", new TunDeviceOptions { TxQueueLength = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => TunDevice.Open("ok", new TunDeviceOptions { ReceiveBurst = 0 }));
    }

    [Fact]
    public void An_ordinary_user_is_told_which_capability_is_missing()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        netns.Run(() => Privileges.RunWithoutAny(() =>
        {
            LinuxException exception = Assert.Throws<LinuxException>(() => TunDevice.Open("dev0"));
            Assert.Equal("dev0: operation not permitted, needs CAP_NET_ADMIN in this network namespace (TUNSETIFF: EPERM)", exception.Message);
            Assert.Equal(Errno.EPERM, exception.Errno);
        }));
    }

    [Fact]
    public void A_failed_open_leaves_no_descriptor_behind()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = netns.Run(() => TunDevice.Open("leak0", Tun));
        Refusal(netns, "leak0", Tun);
        Assert.Single(OpenDevices());
        device.Dispose();
        Assert.Empty(OpenDevices());
        Assert.Equal(-1, device.PollHandle);
        Assert.Throws<ObjectDisposedException>(() => device.Receive(new PacketBatch()));
        Assert.Throws<ObjectDisposedException>(() => device.Send(new PacketBatch()));

        // No other test of this process has a device of this name.
        static string[] OpenDevices() =>
            [.. Directory.EnumerateFiles("/proc/self/fdinfo").Select(ReadOrEmpty).Where(text => text.Contains("iff:\tleak0", StringComparison.Ordinal))];

        static string ReadOrEmpty(string path)
        {
            try
            {
                return File.ReadAllText(path);
            }
            catch (FileNotFoundException)
            {
                return "";
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Receive_and_send_do_not_allocate(bool vnetHeader)
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, Tun with { VnetHeader = vnetHeader });
        // What goes in comes back: the kernel answers each ping.
        byte[] echo = [8, 0, 0xF7, 0xFF, 0, 0, 0, 0];
        byte[] ping = PacketBuilder.IP(OtherAddress, OwnAddress, IPProtocol.Icmp, echo);
        PacketBatch batch = new();
        int sent = 0;
        int received = 0;
        Allocations.Zero(() =>
        {
            batch.Clear();
            batch.TryAppend(ping, out int index);
            batch.Meta(index).Output = 0;
            batch.Select(0);
            device.Send(batch);
            sent += batch.Meta(index).State == PacketState.Sent ? 1 : 0;
            batch.Clear();
            device.Receive(batch);
            received += batch.Count;
            device.RefreshMtu();
        });
        Assert.True(sent >= 300);
        Assert.True(SpinWait.SpinUntil(ReceivedAll, 5_000), $"{received} of {sent} came back");

        bool ReceivedAll()
        {
            batch.Clear();
            device.Receive(batch);
            received += batch.Count;
            return received == sent;
        }
    }

    private static TunDevice Open(Netns netns, TunDeviceOptions options, string address = Own + "/24")
    {
        TunDevice device = netns.Run(() => TunDevice.Open("dev0", options));
        netns.Configure("dev0", address);
        return device;
    }

    private static string Refusal(Netns netns, string name, TunDeviceOptions options) =>
        Assert.Throws<LinuxException>(() => netns.Run(() => TunDevice.Open(name, options))).Message;

    private static MacAddress GetMac()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        return netlink.GetLink("dev0").Mac;
    }

    private static void Receive(TunDevice device, PacketBatch batch)
    {
        using PollWaiter waiter = new();
        batch.Clear();
        Assert.True(waiter.Wait([device], null, 5_000));
        Assert.Equal(PortResult.Ok, device.Receive(batch));
        Assert.Equal(1, batch.Count);
    }

    private static int Append(PacketBatch batch, byte[] packet)
    {
        Assert.True(batch.TryAppend(packet, out int index));
        batch.Meta(index).Output = 0;
        return index;
    }

    private static void Send(TunDevice device, PacketBatch batch, byte[] packet)
    {
        batch.Clear();
        Append(batch, packet);
        batch.Select(0);
        Assert.Equal(PortResult.Ok, device.Send(batch));
    }

    /// <summary>Carries packets between two devices until stopped, and keeps what it saw.</summary>
    private sealed class Wire : IDisposable
    {
        private readonly List<(byte[], PacketMeta)> _seen = [];
        private readonly PollWaiter _waiter = new();
        private readonly Thread _thread;
        private volatile bool _stopped;

        public Wire(TunDevice one, TunDevice two)
        {
            _thread = new Thread(() => Run(one, two));
            _thread.Start();
        }

        public (byte[] Packet, PacketMeta Meta)[] Stop()
        {
            _stopped = true;
            _waiter.Wake();
            _thread.Join();
            return [.. _seen];
        }

        public void Dispose()
        {
            Stop();
            _waiter.Dispose();
        }

        private void Run(TunDevice one, TunDevice two)
        {
            PacketBatch batch = new();
            IPacketPort[] ports = [one, two];
            while (!_stopped)
            {
                _waiter.Wait(ports, null, -1);
                Pass(one, two);
                Pass(two, one);
            }

            void Pass(TunDevice from, TunDevice to)
            {
                batch.Clear();
                from.Receive(batch);
                for (int i = 0; i < batch.Count; i++)
                {
                    batch.Meta(i).Output = 0;
                }

                batch.Select(0);
                to.Send(batch);
                for (int i = 0; i < batch.Count; i++)
                {
                    _seen.Add((batch.Data(i).ToArray(), batch.Meta(i)));
                }
            }
        }
    }
}
