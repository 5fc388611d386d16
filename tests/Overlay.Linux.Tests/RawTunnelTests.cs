using Overlay.DataPath;
using Overlay.Linux.Interop;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>IP in IP on raw sockets: between two of ours, against packets made by hand, and with tshark as judge. No kernel device takes part.</summary>
public sealed class RawTunnelTests
{
    private static readonly ValueIPAddress Inner4 = ValueIPAddress.Parse("10.1.0.1");
    private static readonly ValueIPAddress Inner4Peer = ValueIPAddress.Parse("10.1.0.2");
    private static readonly ValueIPAddress Inner6 = ValueIPAddress.Parse("fd00::1");
    private static readonly ValueIPAddress Inner6Peer = ValueIPAddress.Parse("fd00::2");

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Each_version_in_each_version_goes_through_with_its_outer_fields(bool outer6, bool inner6)
    {
        using VtepLab lab = new();
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tx");
        ValueIPAddress ours = outer6 ? VtepLab.Ours6 : VtepLab.Ours;
        ValueIPAddress theirs = outer6 ? VtepLab.Peer6 : VtepLab.Peer;
        using RawTunnelSocket socket = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = ours }));
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = theirs }));
        string protocol = inner6 ? "41" : "4";
        using WireCapture capture = new(lab.Them, VtepLab.PeerDevice, 2, $"{(outer6 ? "ip6" : "ip")} proto {protocol}");
        byte[] packet = inner6
            ? PacketBuilder.Udp(Inner6, Inner6Peer, 1, 2, PacketBuilder.Payload(100))
            : PacketBuilder.Udp(Inner4, Inner4Peer, 1, 2, PacketBuilder.Payload(100));
        for (int i = 0; i < 2; i++)
        {
            ref PacketMeta meta = ref lab.Batch.Meta(lab.Add(packet, theirs));
            (meta.TrafficClass, meta.Ttl, meta.DontFragment, meta.FlowLabel) = (0xB9, 33, i == 1, 0xABCDE);
        }

        lab.SendAll(socket);
        lab.Receive(peer, 2);
        for (int i = 0; i < 2; i++)
        {
            PacketMeta meta = lab.Batch.Meta(i);
            Assert.Equal(packet, lab.Batch.Data(i).ToArray());
            Assert.Equal((ours, theirs, 0xB9, 33), (meta.Remote, meta.Local, meta.TrafficClass, meta.Ttl));
            Assert.Equal(inner6 ? IPProtocol.IPv6 : IPProtocol.IPv4, meta.Protocol);
            Assert.Equal((0, 0, ChecksumState.Unverified), (meta.SourcePort, meta.DestinationPort, meta.Checksum));
            Assert.Equal(!outer6 && i == 1, meta.DontFragment);
        }

        string[][] rows = outer6
            ? capture.Fields("ipv6.tclass", "ipv6.hlim", "ipv6.nxt", "ipv6.flow", "ipv6.src", "ipv6.dst")
            : capture.Fields("ip.dsfield", "ip.ttl", "ip.proto", "ip.flags.df", "ip.src", "ip.dst", "ip.checksum.status");
        Assert.Equal(2, rows.Length);
        for (int i = 0; i < 2; i++)
        {
            string[] outer = [.. rows[i].Select(field => field.Split(',')[0])];
            string[] expected = outer6
                ? ["0x000000b9", "33", protocol, "0x0abcde", "2001:db8::1", "2001:db8::2"]
                : ["0xb9", "33", protocol, i.ToString(System.Globalization.CultureInfo.InvariantCulture), "192.0.2.1", "192.0.2.2", "1"];
            Assert.Equal(expected, outer);
        }
    }

    [Fact]
    public void A_packet_that_scapy_made_is_taken_and_ours_is_what_scapy_would_send()
    {
        using VtepLab lab = new();
        using RawTunnelSocket socket = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Ours }));
        lab.Them.Exec(
            "/usr/bin/python3", "-c",
            "from scapy.all import *\nconf.verb=0\nsend(IP(src='192.0.2.2',dst='192.0.2.1',tos=0x2e,ttl=9,options=[IPOption(b'\\x01\\x01\\x01\\x00')])" +
            "/IP(src='10.1.0.2',dst='10.1.0.1')/UDP(sport=7,dport=8)/b'hello')\n" +
            "send(IP(src='192.0.2.2',dst='192.0.2.1')/IPv6(src='fd00::2',dst='fd00::1')/UDP(sport=7,dport=8)/b'hello')");
        lab.Receive(socket, 2);
        int four = lab.Batch.Meta(0).Protocol == IPProtocol.IPv4 ? 0 : 1;
        PacketMeta meta = lab.Batch.Meta(four);
        Assert.Equal((VtepLab.Peer, VtepLab.Ours, 0x2e, 9), (meta.Remote, meta.Local, meta.TrafficClass, meta.Ttl));
        // Outer options are gone with the outer header.
        Assert.Equal(PacketBuilder.Udp(Inner4Peer, Inner4, 7, 8, "hello"u8)[12..], lab.Batch.Data(four)[12..].ToArray());
        Assert.Equal(PacketBuilder.Udp(Inner6Peer, Inner6, 7, 8, "hello"u8), lab.Batch.Data(1 - four).ToArray());
    }

    [Fact]
    public void Only_packets_to_the_local_address_come_in()
    {
        using VtepLab lab = new();
        lab.Us.Ip("address", "add", "192.0.2.9/24", "dev", VtepLab.OurDevice);
        using RawTunnelSocket socket = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Ours }));
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        byte[] packet = PacketBuilder.Udp(Inner4, Inner4Peer, 1, 2, []);
        lab.Add(packet, ValueIPAddress.Parse("192.0.2.9"));
        lab.Add(packet, VtepLab.Ours);
        lab.SendAll(peer);
        lab.Receive(socket, 1);
        Assert.Equal(PortResult.Empty, socket.Receive(lab.Batch));
        Assert.Equal(VtepLab.Ours, lab.Batch.Meta(0).Local);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_exceeds_the_link_is_too_big_and_a_superpacket_is_cut(bool outer6)
    {
        using VtepLab lab = new();
        ValueIPAddress theirs = outer6 ? VtepLab.Peer6 : VtepLab.Peer;
        int room = 1500 - (outer6 ? 40 : 20);
        using RawTunnelSocket socket = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = outer6 ? VtepLab.Ours6 : VtepLab.Ours }));
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = theirs }));
        byte[] fits = PacketBuilder.Udp(Inner4, Inner4Peer, 1, 2, PacketBuilder.Payload(room - 28));
        byte[] big = PacketBuilder.Udp(Inner4, Inner4Peer, 1, 2, PacketBuilder.Payload(room - 27));
        lab.Add(fits, theirs);
        lab.Add(big, theirs);
        lab.Add(fits, theirs);
        byte[] payload = PacketBuilder.Payload(30_000);
        int super = lab.Add(PacketBuilder.Tcp(Inner4, Inner4Peer, 1, 2, 9, 0x18, payload, partialChecksum: true), theirs);
        ref PacketMeta meta = ref lab.Batch.Meta(super);
        (meta.Segmentation, meta.Checksum, meta.SegmentSize, meta.HeaderLength) = (SegmentationKind.TcpIPv4, ChecksumState.Partial, 1400, 40);
        (meta.NetworkStart, meta.ChecksumStart, meta.ChecksumOffset) = (0, 20, 16);
        // Not IP: the outer header could not say what it is.
        lab.Add([0x50, 0, 0, 0], theirs);
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal(
            [DropReason.None, DropReason.TooBig, DropReason.None, DropReason.None, DropReason.NotIP],
            Enumerable.Range(0, 5).Select(i => lab.Batch.Meta(i).Drop));
        lab.Receive(peer, 2 + 22);
        Assert.Equal(fits, lab.Batch.Data(1).ToArray());
        List<byte> joined = [];
        for (int i = 2; i < lab.Batch.Count; i++)
        {
            Assert.True(PacketBuilder.IsTransportChecksumValid(lab.Batch.Data(i)));
            joined.AddRange(lab.Batch.Data(i)[40..]);
        }

        Assert.Equal(payload, joined);
        lab.AssertNoFragments();
    }

    [Fact]
    public void A_merged_packet_with_an_unfinished_checksum_is_a_superpacket()
    {
        // Over the loopback, whose MTU lets a packet of 20 KB pass as GRO would hand it over.
        using Netns netns = Netns.Create("ovsock");
        netns.Ip("address", "add", "192.0.2.1/32", "dev", "lo");
        netns.Ip("address", "add", "192.0.2.2/32", "dev", "lo");
        using RawTunnelSocket socket = netns.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Ours, InnerMtu = 1480 }));
        byte[] partial = PacketBuilder.Tcp(Inner4Peer, Inner4, 1, 2, 9, 0x18, PacketBuilder.Payload(20_000), partialChecksum: true);
        byte[] complete = PacketBuilder.Tcp(Inner4Peer, Inner4, 1, 2, 9, 0x18, PacketBuilder.Payload(20_000));
        using RawTunnelSocket peer = netns.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        PacketBatch sent = new();
        foreach (byte[] packet in new[] { partial, complete })
        {
            // Nothing is said of the checksum, so it goes out as it is.
            Assert.True(sent.TryAppend(packet, out int index));
            (sent.Meta(index).Remote, sent.Meta(index).Output) = (VtepLab.Ours, 0);
        }

        sent.Select(0);
        Assert.Equal(PortResult.Ok, peer.Send(sent));
        PacketBatch batch = new();
        for (int i = 0; i < 1000 && batch.Count < 2; i++)
        {
            socket.Receive(batch);
            Thread.Sleep(1);
        }

        PacketMeta meta = batch.Meta(0);
        Assert.Equal((SegmentationKind.TcpIPv4, ChecksumState.Partial, 1440, 40), (meta.Segmentation, meta.Checksum, meta.SegmentSize, meta.HeaderLength));
        Assert.Equal(14, batch.SegmentCount(0));
        Assert.Equal((SegmentationKind.None, ChecksumState.Verified), (batch.Meta(1).Segmentation, batch.Meta(1).Checksum));
        Assert.Equal(complete, batch.Data(1).ToArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Plain_packets_come_several_with_one_call_each_with_its_own_outer_fields(bool outer6)
    {
        using VtepLab lab = new();
        ValueIPAddress ours = outer6 ? VtepLab.Ours6 : VtepLab.Ours;
        ValueIPAddress theirs = outer6 ? VtepLab.Peer6 : VtepLab.Peer;
        using RawTunnelSocket socket = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = ours }));
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = theirs }));
        const int Count = 120;
        for (int i = 0; i < Count; i++)
        {
            // Half of them of the other protocol, and of all lengths that the link takes.
            byte[] payload = PacketBuilder.Payload(i * (outer6 ? 1412 : 1432) / Count, i);
            byte[] packet = i % 2 == 0
                ? PacketBuilder.Udp(Inner4Peer, Inner4, 1, (ushort)i, payload)
                : PacketBuilder.Udp(Inner6Peer, Inner6, 1, (ushort)i, payload);
            ref PacketMeta meta = ref lab.Batch.Meta(lab.Add(packet, ours));
            (meta.TrafficClass, meta.Ttl, meta.DontFragment) = ((byte)i, (byte)(i + 1), i % 3 == 0);
        }

        byte[][] sent = [.. Enumerable.Range(0, Count).Select(i => lab.Batch.Data(i).ToArray())];
        lab.SendAll(peer);
        lab.Receive(socket, Count);
        for (int i = 0; i < Count; i++)
        {
            PacketMeta meta = lab.Batch.Meta(i);
            int number = meta.Ttl - 1;
            Assert.Equal(sent[number], lab.Batch.Data(i).ToArray());
            Assert.Equal((theirs, ours, (byte)number), (meta.Remote, meta.Local, meta.TrafficClass));
            Assert.Equal(number % 2 == 0 ? IPProtocol.IPv4 : IPProtocol.IPv6, meta.Protocol);
            Assert.Equal((0, PacketOrigin.Received, !outer6 && number % 3 == 0), (meta.SourcePort, meta.Origin, meta.DontFragment));
            Assert.True(lab.Batch.AvailableHeadroom(i) >= lab.Batch.Headroom);
            // Nobody writes into the neighbour's bytes by writing into the headroom.
            lab.Batch.Prepend(i, lab.Batch.Headroom).Fill(0xEE);
            lab.Batch.TrimStart(i, lab.Batch.Headroom);
        }

        Assert.Equal(
            sent.Select(packet => Convert.ToHexString(packet)).Order(),
            Enumerable.Range(0, Count).Select(i => Convert.ToHexString(lab.Batch.Data(i))).Order());
        Assert.InRange(socket.ReceiveCalls, 2, Count / 3);
        Assert.Equal((0, 0), (socket.ReceiveErrors, socket.KernelDrops));
    }

    [Fact]
    public void Merged_packets_between_plain_ones_arrive_whole_and_in_their_order()
    {
        using VtepLab lab = new(mtu: 65_535);
        using RawTunnelSocket socket = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Ours }));
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        int[] lengths = [10, 1400, 20_000, 20, 30, 65_000, 64_000, 1452, 1453, 1480, 1490, 1536, 3000, 40, .. Enumerable.Repeat(100, 30), 50_000, 1, 2, 3];
        List<byte[]> sent = [];
        List<byte[]> received = [];
        foreach (int[] part in lengths.Chunk(5))
        {
            lab.Batch.Clear();
            foreach (int length in part)
            {
                byte[] packet = PacketBuilder.Udp(Inner4Peer, Inner4, 1, 2, PacketBuilder.Payload(length, sent.Count));
                sent.Add(packet);
                lab.Add(packet, VtepLab.Ours);
            }

            lab.SendAll(peer);
        }

        // The socket asks for the MTU when it first receives: what is longer, as after GRO, goes into the tails.
        lab.Us.Ip("link", "set", VtepLab.OurDevice, "mtu", "1500");
        while (received.Count < sent.Count)
        {
            lab.Receive(socket, 1);
            received.AddRange(Enumerable.Range(0, lab.Batch.Count).Select(i => lab.Batch.Data(i).ToArray()));
        }

        Assert.Equal(sent, received);
        Assert.Equal((0, 0), (socket.ReceiveErrors, socket.KernelDrops));
    }

    [Fact]
    public void A_flood_of_one_protocol_leaves_room_for_the_other()
    {
        using VtepLab lab = new();
        using RawTunnelSocket socket = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Ours }));
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        for (int i = 0; i < 3; i++)
        {
            for (int j = 0; j < 200; j++)
            {
                lab.Add(PacketBuilder.Udp(Inner6Peer, Inner6, 1, 2, PacketBuilder.Payload(10)), VtepLab.Ours);
            }

            lab.SendAll(peer);
        }

        lab.Add(PacketBuilder.Udp(Inner4Peer, Inner4, 1, 2, PacketBuilder.Payload(10)), VtepLab.Ours);
        lab.SendAll(peer);
        Assert.Equal(PortResult.Ok, socket.Receive(lab.Batch));
        Assert.Equal(101, lab.Batch.Count);
        Assert.Equal(1, Enumerable.Range(0, 101).Count(i => lab.Batch.Meta(i).Protocol == IPProtocol.IPv4));
    }

    [Fact]
    public void What_the_kernel_dropped_because_the_buffer_was_full_is_counted()
    {
        using VtepLab lab = new();
        using RawTunnelSocket socket = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Ours, ReceiveBufferBytes = 8192 }));
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        byte[] packet = PacketBuilder.Udp(Inner4Peer, Inner4, 1, 2, PacketBuilder.Payload(1000));
        for (int i = 0; i < 100; i++)
        {
            lab.Add(packet, VtepLab.Ours);
        }

        lab.SendAll(peer);
        int received = 0;
        while (socket.Receive(lab.Batch) == PortResult.Ok)
        {
            received += lab.Batch.Count;
            lab.Batch.Clear();
        }

        Assert.InRange(received, 1, 99);
        // The kernel tells with the next packet.
        lab.Add(packet, VtepLab.Ours);
        lab.SendAll(peer);
        lab.Receive(socket, 1);
        Assert.Equal(100 - received, socket.KernelDrops);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_train_of_plain_packets_leaves_the_device_as_one_superpacket(bool inner6)
    {
        TunAccess.Require();
        using VtepLab lab = new();
        using RawTunnelSocket socket = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Ours }));
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        using TunDevice device = lab.Us.Run(() => TunDevice.Open("tun0", new TunDeviceOptions { Layer = DeviceLayer.IP }));
        lab.Us.Configure("tun0", "10.1.0.1/24");
        lab.Us.Configure("tun0", "fd00::1/64");
        (ValueIPAddress from, ValueIPAddress to) = inner6 ? (Inner6Peer, Inner6) : (Inner4Peer, Inner4);
        int headers = inner6 ? 60 : 40;
        // Cut by the sender, so that it comes in as 22 packets.
        int super = lab.Add(PacketBuilder.Tcp(from, to, 1, 2, 9, 0x18, PacketBuilder.Payload(30_000), partialChecksum: true), VtepLab.Ours);
        ref PacketMeta meta = ref lab.Batch.Meta(super);
        (meta.Segmentation, meta.Checksum) = (inner6 ? SegmentationKind.TcpIPv6 : SegmentationKind.TcpIPv4, ChecksumState.Partial);
        (meta.SegmentSize, meta.HeaderLength, meta.ChecksumStart, meta.ChecksumOffset) = (1400, (ushort)headers, (ushort)(headers - 20), 16);
        lab.SendAll(peer);
        lab.Receive(socket, 22);
        for (int i = 0; i < 22; i++)
        {
            lab.Batch.Meta(i).Output = 0;
        }

        Assert.Equal(PortResult.Ok, lab.Send(device));
        Assert.All(Enumerable.Range(0, 22), i => Assert.Equal(PacketState.Sent, lab.Batch.Meta(i).State));
        Assert.Equal(1, device.Writes);
        Assert.InRange(socket.ReceiveCalls, 1, 8);
    }

    [Fact]
    public void The_poll_handle_becomes_readable_for_either_protocol()
    {
        using VtepLab lab = new();
        using RawTunnelSocket socket = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Ours }));
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        Assert.False(IsReadable(socket.PollHandle, 0));
        foreach (byte[] packet in new[] { PacketBuilder.Udp(Inner4, Inner4Peer, 1, 2, []), PacketBuilder.Udp(Inner6, Inner6Peer, 1, 2, []) })
        {
            lab.Batch.Clear();
            lab.Add(packet, VtepLab.Ours);
            lab.SendAll(peer);
            Assert.True(IsReadable(socket.PollHandle, 5000));
            lab.Receive(socket, 1);
            Assert.False(IsReadable(socket.PollHandle, 0));
        }
    }

    [Fact]
    public void A_second_endpoint_and_one_without_the_capability_are_refused_by_name()
    {
        using VtepLab lab = new();
        RawTunnelOptions options = new() { Local = VtepLab.Ours };
        using (lab.Us.Run(() => RawTunnelSocket.Bind(options)))
        {
            LinuxException taken = Assert.Throws<LinuxException>(() => lab.Us.Run(() => RawTunnelSocket.Bind(options)));
            Assert.Equal(Errno.EADDRINUSE, taken.Errno);
            Assert.StartsWith("IP-in-IP 192.0.2.1", taken.Message, StringComparison.Ordinal);
        }

        LinuxException refused = Assert.Throws<LinuxException>(() => lab.Us.Run(() => Privileges.RunWithoutAny(() => RawTunnelSocket.Bind(options))));
        Assert.Equal(Errno.EPERM, refused.Errno);
        Assert.Contains("needs CAP_NET_RAW", refused.Message, StringComparison.Ordinal);
        // Nothing of the failed ones is left.
        lab.Us.Run(() => RawTunnelSocket.Bind(options)).Dispose();
        Assert.Throws<ArgumentException>(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = default }));
        Assert.Throws<ArgumentException>(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = ValueIPAddress.Parse("fe80::1") }));
    }

    [Fact]
    public void A_remote_that_cannot_be_fails_alone()
    {
        using VtepLab lab = new();
        using RawTunnelSocket socket = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Ours }));
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        byte[] packet = PacketBuilder.Udp(Inner4, Inner4Peer, 1, 2, []);
        lab.Add(packet, VtepLab.Ours);
        lab.Add(packet, VtepLab.Peer6);
        lab.Add(packet, ValueIPAddress.Parse("203.0.113.1"));
        lab.Add(packet, VtepLab.Peer);
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        Assert.Equal(
            [DropReason.SendFailed, DropReason.SendFailed, DropReason.SendFailed, DropReason.None],
            Enumerable.Range(0, 4).Select(i => lab.Batch.Meta(i).Drop));
        lab.Receive(peer, 1);
    }

    [Fact]
    public void Nothing_is_allocated_in_steady_state()
    {
        using VtepLab lab = new();
        using RawTunnelSocket socket = lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Ours }));
        using RawTunnelSocket peer = lab.Them.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Peer }));
        byte[] packet = PacketBuilder.Udp(Inner4, Inner4Peer, 1, 2, new byte[100]);
        int received = 0;
        Allocations.Zero(() =>
        {
            lab.Batch.Clear();
            for (int i = 0; i < 8; i++)
            {
                lab.Batch.TryAppend(packet, out int index);
                ref PacketMeta meta = ref lab.Batch.Meta(index);
                meta.Remote = VtepLab.Peer;
                meta.Ttl = 64;
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

    private static unsafe bool IsReadable(int handle, int timeoutMilliseconds)
    {
        PollDescriptor descriptor = new() { Handle = handle, Events = Libc.POLLIN };
        return Libc.poll(&descriptor, 1, timeoutMilliseconds) == 1;
    }
}
