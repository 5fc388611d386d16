using System.Buffers.Binary;
using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Two VNIs on one port, whose tenants use the same MAC and IP addresses.</summary>
public sealed class TwoNetworksTests
{
    private const uint FirstVni = 42;
    private const uint SecondVni = 43;
    private const int Port = 2000;

    [Fact]
    public void Two_vnis_on_one_port_with_the_same_addresses_carry_tcp_at_once_and_do_not_mix()
    {
        using VtepLab lab = new();
        using Netns ourFirst = Netns.Create("ovnet");
        using Netns ourSecond = Netns.Create("ovnet");
        using Netns theirFirst = Netns.Create("ovnet");
        using Netns theirSecond = Netns.Create("ovnet");
        AddKernelNetwork(lab, FirstVni, theirFirst);
        AddKernelNetwork(lab, SecondVni, theirSecond);
        using OverlayDaemon daemon = StartOurs(lab, ourFirst, ourSecond);

        using TcpFlow up1 = new(ourFirst, theirFirst, "10.42.0.2", seed: 1, length: 8 << 20);
        using TcpFlow up2 = new(ourSecond, theirSecond, "10.42.0.2", seed: 2, length: 8 << 20);
        using TcpFlow down1 = new(theirFirst, ourFirst, "10.42.0.1", seed: 3, length: 8 << 20);
        using TcpFlow down2 = new(theirSecond, ourSecond, "10.42.0.1", seed: 4, length: 8 << 20);
        foreach (TcpFlow flow in (TcpFlow[])[up1, up2, down1, down2])
        {
            Assert.Equal(8 << 20, flow.Complete());
        }

        // The same datagram in one network is not seen in the other, in neither direction.
        using UdpApplication ours1 = new(ourFirst, "10.42.0.1", Port);
        using UdpApplication ours2 = new(ourSecond, "10.42.0.1", Port);
        using UdpApplication theirs1 = new(theirFirst, "10.42.0.2", Port);
        using UdpApplication theirs2 = new(theirSecond, "10.42.0.2", Port);
        for (int i = 1; i <= 50; i++)
        {
            ours1.Send([1], "10.42.0.2", Port);
            ours2.Send([2], "10.42.0.2", Port);
            theirs1.Send([3], "10.42.0.1", Port);
            theirs2.Send([4], "10.42.0.1", Port);
        }

        Assert.All([(theirs1, 1), (theirs2, 2), (ours1, 3), (ours2, 4)], pair =>
        {
            byte[][] received = pair.Item1.Take(50);
            Assert.Equal(50, received.Length);
            Assert.All(received, datagram => Assert.Equal([(byte)pair.Item2], datagram));
        });
    }

    [Theory]
    [InlineData(44, 1458)]
    [InlineData(100, 640)]
    public void Networks_mixed_in_one_train_are_told_apart_datagram_by_datagram(int count, int size)
    {
        using VtepLab lab = new();
        using Netns first = Netns.Create("ovnet");
        using Netns second = Netns.Create("ovnet");
        using OverlayDaemon daemon = StartOurs(lab, first, second);
        using UdpApplication inFirst = new(first, "10.42.0.1", Port);
        using UdpApplication inSecond = new(second, "10.42.0.1", Port);
        using UdpApplication peer = new(lab.Them, "192.0.2.2", 0);

        // A train has one size, so what is shorter carries bytes behind its inner packet, as short Ethernet frames do. The last may be shorter itself.
        const int UnknownAt = 7;
        List<byte> train = [];
        List<byte[]>[] expected = [[], []];
        for (int i = 0; i < count; i++)
        {
            byte[] payload = PacketBuilder.Payload(20 + (i * 131 % (size - 8 - 14 - 28 - 20)), seed: i + 1);
            BinaryPrimitives.WriteInt32BigEndian(payload, i);
            byte[] datagram = VtepLab.Vxlan(i == UnknownAt ? 99 : i % 2 == 0 ? FirstVni : SecondVni, PacketBuilder.Ethernet(
                VtepLab.OurMac, VtepLab.PeerMac, EtherType.IPv4, PacketBuilder.Udp(VtepLab.InnerPeer, VtepLab.InnerOurs, Port, Port, payload)));
            train.AddRange(datagram);
            if (i < count - 1)
            {
                train.AddRange(new byte[size - datagram.Length]);
            }

            if (i != UnknownAt)
            {
                expected[i % 2].Add(payload);
            }
        }

        using (WireCapture wire = new(lab.Us, VtepLab.OurDevice, 1, "udp dst port 4789"))
        {
            peer.SendSegments(train.ToArray(), size, "192.0.2.1", 4789);
            // One packet as far as the kernel is concerned: what the daemon's socket gets is a train.
            Assert.Equal($"{14 + 28 + train.Count}", wire.Fields("frame.len")[0][0]);
        }

        foreach ((UdpApplication application, uint vni, List<byte[]> wanted) in
            (ReadOnlySpan<(UdpApplication, uint, List<byte[]>)>)[(inFirst, FirstVni, expected[0]), (inSecond, SecondVni, expected[1])])
        {
            byte[][] received = application.Take(wanted.Count);
            // What is sent after the train comes after it: nothing can follow that belongs to it.
            peer.Send(
                VtepLab.Vxlan(vni, PacketBuilder.Ethernet(
                    VtepLab.OurMac, VtepLab.PeerMac, EtherType.IPv4, PacketBuilder.Udp(VtepLab.InnerPeer, VtepLab.InnerOurs, Port, Port, "end"u8))),
                "192.0.2.1",
                4789);
            Assert.Equal([.. wanted, "end"u8.ToArray()], (byte[][])[.. received, .. application.Take(1)]);
        }

        JsonElement status = daemon.Query();
        Assert.Equal(1, status.GetProperty("drops").GetProperty("unknown-vni").GetInt64());
        Assert.Equal(expected[0].Count + 1, OverlayDaemon.Counter(status, "vx42", "ingress", "txPackets"));
        Assert.Equal(expected[1].Count + 1, OverlayDaemon.Counter(status, "vx43", "ingress", "txPackets"));
    }

    // One daemon, one port, two networks; each device goes to a namespace of its own, since both have the same MAC and IP address.
    private static OverlayDaemon StartOurs(VtepLab lab, Netns first, Netns second)
    {
        OverlayDaemon daemon = OverlayDaemon.Start(
            lab.Us, $"{TunnelJson.Tap("vx42", FirstVni, address: null)}, {TunnelJson.Tap("vx43", SecondVni, address: null)}");
        foreach ((string device, Netns tenant) in ((string, Netns)[])[("vx42", first), ("vx43", second)])
        {
            lab.Us.Ip("link", "set", device, "netns", tenant.Name);
            tenant.Configure(device, "10.42.0.1/24");
        }

        return daemon;
    }

    private static void AddKernelNetwork(VtepLab lab, uint vni, Netns tenant)
    {
        string device = $"vx{vni}";
        lab.Them.Ip(
            "link", "add", device, "address", VtepLab.PeerMac.ToString(), "type", "vxlan", "id", $"{vni}", "local", "192.0.2.2", "remote", "192.0.2.1",
            "dstport", "4789");
        lab.Them.Ip("link", "set", device, "netns", tenant.Name);
        tenant.Configure(device, "10.42.0.2/24");
    }
}
