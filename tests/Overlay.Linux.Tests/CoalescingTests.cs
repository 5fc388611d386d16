using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>Packets that were cut, put together again, and what the kernel makes of it.</summary>
public sealed class CoalescingTests
{
    private static readonly ValueIPAddress Own = ValueIPAddress.Parse("10.9.0.1");
    private static readonly ValueIPAddress Other = ValueIPAddress.Parse("10.9.0.2");

    public static TheoryData<bool, string[], bool, bool> Streams => new()
    {
        // Superpackets of the peer; cut by it, with partial checksums; with finished ones; in IPv6. And what it is without us.
        { false, [], true, false },
        { false, ["tso", "gso"], true, true },
        { false, ["tso", "gso", "tx"], true, true },
        { true, ["tso", "gso", "tx"], true, true },
        { false, ["tso", "gso", "tx"], false, true },
    };

    [Theory]
    [MemberData(nameof(Streams))]
    public void A_tcp_stream_of_the_kernels_vxlan_device_arrives_whole_in_few_writes(bool ipv6, string[] off, bool coalesce, bool cut)
    {
        TunAccess.Require();
        using VtepLab lab = new();
        lab.AddKernelVxlan();
        using RunningTunnel tunnel = new(lab, coalesce);
        if (off.Length != 0)
        {
            lab.Them.EthtoolOff("vx42", off);
        }

        string address = VtepLab.InnerOurs.ToString();
        if (ipv6)
        {
            address = "fd00:42::1";
            lab.Us.Configure(RunningTunnel.DeviceName, "fd00:42::1/64");
            lab.Them.Configure("vx42", "fd00:42::2/64");
            lab.Us.Ip("neigh", "replace", "fd00:42::2", "lladdr", VtepLab.PeerMac.ToString(), "dev", RunningTunnel.DeviceName, "nud", "permanent");
            lab.Them.Ip("neigh", "replace", address, "lladdr", VtepLab.OurMac.ToString(), "dev", "vx42", "nud", "permanent");
        }

        byte[] sent = PacketBuilder.Payload(20_000_000);
        byte[] hash = Transfer(lab.Them, lab.Us, IPAddress.Parse(address), sent);
        Assert.Equal(SHA256.HashData(sent), hash);
        tunnel.Stop();
        long packets = tunnel.Tunnel.Ingress.TxPackets;
        Assert.True(packets > sent.Length / 1500, $"{packets} packets");
        Assert.Equal(0, tunnel.Tunnel.Ingress.TotalDrops);
        if (coalesce)
        {
            Assert.True(tunnel.Device.Writes * (cut ? 3 : 10) < packets, $"{tunnel.Device.Writes} writes for {packets} packets");
        }
        else
        {
            // The peer cuts indeed.
            Assert.Equal(packets, tunnel.Device.Writes);
        }
    }

    [Theory]
    [InlineData(64, 120, true)]
    [InlineData(1200, 40, true)]
    [InlineData(1400, 20, true)]
    [InlineData(1400, 20, false)]
    public void Trains_of_datagrams_arrive_as_they_were_sent_with_and_without_gro_of_the_receiver(int size, int count, bool coalesce)
    {
        TunAccess.Require();
        using VtepLab lab = new();
        lab.AddKernelVxlan();
        // Cut by the peer, so that they are put together here.
        lab.Them.EthtoolOff("vx42", "gso", "tx-udp-segmentation", "tx");
        using RunningTunnel tunnel = new(lab, coalesce);
        using TestSocket sender = new(lab.Them, VtepLab.InnerPeer.ToString());
        using TestSocket plain = new(lab.Us, VtepLab.InnerOurs.ToString(), 5301);
        using TestSocket gro = new(lab.Us, VtepLab.InnerOurs.ToString(), 5302);
        gro.TakeTrains();
        byte[] sent = PacketBuilder.Payload((size * (count - 1)) + (size / 2));
        sender.SetSegmentSize(size);
        long most = 0;
        for (int turn = 0; turn < 5; turn++)
        {
            sender.SendTo(sent, VtepLab.InnerOurs.ToString(), 5301);
            for (int at = 0; at < sent.Length; at += size)
            {
                Assert.Equal(sent[at..Math.Min(at + size, sent.Length)], plain.Receive());
            }

            sender.SendTo(sent, VtepLab.InnerOurs.ToString(), 5302);
            for (int at = 0; at < sent.Length;)
            {
                byte[] train = gro.Receive(out int segmentSize);
                Assert.True(train.Length <= size || segmentSize == size, $"{train.Length} bytes in pieces of {segmentSize}");
                Assert.Equal(sent[at..(at + train.Length)], train);
                at += train.Length;
                most = Math.Max(most, train.Length / size);
            }
        }

        tunnel.Stop();
        Assert.Equal(10 * count, tunnel.Tunnel.Ingress.TxPackets);
        if (coalesce)
        {
            Assert.True(tunnel.Device.Writes < 10 * count / 2, $"{tunnel.Device.Writes} writes");
            Assert.True(most > 1, "The receiver saw no train.");
        }
        else
        {
            Assert.Equal((10 * count, 1), (tunnel.Device.Writes, most));
        }
    }

    [Theory]
    [InlineData(DeviceLayer.IP, true)]
    [InlineData(DeviceLayer.Ethernet, true)]
    [InlineData(DeviceLayer.IP, false)]
    public void A_train_takes_one_write_or_as_many_as_it_has_packets(DeviceLayer layer, bool coalesce)
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, new TunDeviceOptions { Layer = layer, Coalesce = coalesce });
        using TestSocket socket = new(netns, Own.ToString(), 5303);
        PacketBatch batch = new();
        byte[][] payloads = [.. Enumerable.Range(0, 40).Select(i => PacketBuilder.Payload(i == 39 ? 17 : 1000, i))];
        AppendTrain(netns, batch, layer, payloads);
        batch.Select(0);
        Assert.Equal(PortResult.Ok, device.Send(batch));
        Assert.All(Enumerable.Range(0, 40), i => Assert.Equal(PacketState.Sent, batch.Meta(i).State));
        Assert.Equal(coalesce ? 1 : 40, device.Writes);
        foreach (byte[] payload in payloads)
        {
            Assert.Equal(payload, socket.Receive());
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_kernel_takes_a_train_of_tagged_frames_in_one_write(int tags)
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, new TunDeviceOptions());
        PacketBatch batch = new();
        (ushort, ushort)[] vlans = [.. new (ushort, ushort)[] { (0x88A8, 7), (0x8100, 5) }[^tags..]];
        byte[][] payloads = [.. Enumerable.Range(0, 10).Select(i => PacketBuilder.Payload(1000, i))];
        AppendTrain(netns, batch, DeviceLayer.Ethernet, payloads, vlans);
        batch.Select(0);
        Assert.Equal(PortResult.Ok, device.Send(batch));
        Assert.All(Enumerable.Range(0, 10), i => Assert.Equal(PacketState.Sent, batch.Meta(i).State));
        Assert.Equal(1, device.Writes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void The_kernel_takes_the_smallest_segments(int size)
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, new TunDeviceOptions { Layer = DeviceLayer.IP });
        using TestSocket socket = new(netns, Own.ToString(), 5303);
        PacketBatch batch = new();
        byte[][] payloads = [.. Enumerable.Range(0, 20).Select(i => PacketBuilder.Payload(size, i))];
        AppendTrain(netns, batch, DeviceLayer.IP, payloads);
        for (int i = 0; i < payloads.Length; i++)
        {
            byte[] segment = PacketBuilder.Tcp(Other, Own, 9, 5303, (uint)(i * size), 0x10, payloads[i], identification: (ushort)i);
            Assert.True(batch.TryAppend(segment, out int index));
            batch.Meta(index).Output = 0;
        }

        batch.Select(0);
        Assert.Equal(PortResult.Ok, device.Send(batch));
        Assert.All(Enumerable.Range(0, batch.Count), i => Assert.Equal(PacketState.Sent, batch.Meta(i).State));
        Assert.Equal(2, device.Writes);
        Assert.All(payloads, payload => Assert.Equal(payload, socket.Receive()));
    }

    [Fact]
    public void A_link_that_is_down_keeps_the_whole_train()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, new TunDeviceOptions { Layer = DeviceLayer.IP });
        using TestSocket socket = new(netns, "0.0.0.0", 5303);
        PacketBatch batch = new();
        byte[][] payloads = [.. Enumerable.Range(0, 5).Select(i => PacketBuilder.Payload(1000, i))];
        AppendTrain(netns, batch, DeviceLayer.IP, payloads);
        netns.Ip("link", "set", "dev0", "down");
        batch.Select(0);
        Assert.Equal(PortResult.Down, device.Send(batch));
        Assert.Equal((5, 0), (batch.Select(0), device.Writes));
        netns.Ip("link", "set", "dev0", "up");
        Assert.Equal(PortResult.Ok, device.Send(batch));
        Assert.Equal((0, 1), (batch.Select(0), device.Writes));
        foreach (byte[] payload in payloads)
        {
            Assert.Equal(payload, socket.Receive());
        }

        batch.Clear();
        AppendTrain(netns, batch, DeviceLayer.IP, payloads);
        netns.Ip("link", "delete", "dev0");
        batch.Select(0);
        Assert.Equal(PortResult.Gone, device.Send(batch));
        Assert.Equal(5, batch.Select(0));
    }

    [Fact]
    public void A_datagram_with_a_wrong_checksum_is_refused_by_the_kernel_and_its_train_is_not()
    {
        TunAccess.Require();
        using Netns netns = Netns.Create();
        using TunDevice device = Open(netns, new TunDeviceOptions { Layer = DeviceLayer.IP });
        using TestSocket socket = new(netns, Own.ToString(), 5303);
        PacketBatch batch = new();
        byte[][] payloads = [.. Enumerable.Range(0, 6).Select(i => PacketBuilder.Payload(500, i))];
        AppendTrain(netns, batch, DeviceLayer.IP, payloads);
        batch.Data(3)[100] ^= 1;
        batch.Select(0);
        Assert.Equal(PortResult.Ok, device.Send(batch));
        Assert.Equal(3, device.Writes);
        foreach (int i in (int[])[0, 1, 2, 4, 5])
        {
            Assert.Equal(payloads[i], socket.Receive());
        }

        Assert.Equal(1, VtepLab.Snmp(netns, "Udp", "InCsumErrors"));
    }

    // The hash of what the receiver got.
    private static byte[] Transfer(Netns from, Netns to, IPAddress address, byte[] data)
    {
        using Socket listener = to.Run(() =>
        {
            Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, 5300));
            socket.Listen();
            return socket;
        });
        using Socket client = from.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { SendTimeout = 20_000 });
        Thread sender = new(() =>
        {
            client.Connect(address, 5300);
            client.Send(data);
            client.Shutdown(SocketShutdown.Send);
        });
        sender.Start();
        Assert.True(listener.Poll(TimeSpan.FromSeconds(10), SelectMode.SelectRead), "Nobody connected within 10 s.");
        using Socket server = listener.Accept();
        server.ReceiveTimeout = 10_000;
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[256 * 1024];
        int length;
        while ((length = server.Receive(buffer)) != 0)
        {
            hash.AppendData(buffer, 0, length);
        }

        sender.Join();
        return hash.GetHashAndReset();
    }

    private static TunDevice Open(Netns netns, TunDeviceOptions options)
    {
        TunDevice device = netns.Run(() => TunDevice.Open("dev0", options));
        netns.Configure("dev0", $"{Own}/24");
        if ((device.Capabilities & PortCapabilities.UdpSuperpackets) == 0)
        {
            device.Dispose();
            Requires.Missing("needs Linux 6.2 or later, whose TUN takes UDP superpackets");
        }

        return device;
    }

    private static void AppendTrain(Netns netns, PacketBatch batch, DeviceLayer layer, byte[][] payloads, params (ushort Tpid, ushort Tci)[] tags)
    {
        foreach (byte[] payload in payloads)
        {
            byte[] packet = PacketBuilder.Udp(Other, Own, 9, 5303, payload, dontFragment: true);
            if (layer == DeviceLayer.Ethernet)
            {
                packet = PacketBuilder.Ethernet(netns.Run(GetMac), VtepLab.PeerMac, EtherType.IPv4, packet, tags);
            }

            Assert.True(batch.TryAppend(packet, out int index));
            batch.Meta(index).Output = 0;
        }
    }

    private static MacAddress GetMac()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        return netlink.GetLink("dev0").Mac;
    }
}
