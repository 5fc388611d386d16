using Overlay.DataPath;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>ICMP errors about one remote must not cost another one anything, and forged ones nobody.</summary>
public sealed class UdpTunnelIcmpTests
{
    [Fact]
    public void A_dead_remote_costs_the_others_nothing()
    {
        using VtepLab lab = new();
        lab.Them.Ip("address", "add", "192.0.2.3/24", "dev", VtepLab.PeerDevice);
        lab.Them.Sysctl("net.ipv4.icmp_ratelimit", "0");
        using UdpTunnelSocket socket = lab.Bind();
        using UdpTunnelSocket peer = lab.Them.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = VtepLab.Peer }));
        ValueIPAddress dead = ValueIPAddress.Parse("192.0.2.3");
        PacketBatch received = new();
        int arrived = 0;
        const int rounds = 200;
        for (int i = 0; i < rounds; i++)
        {
            // One flow hash: both remotes are sent to by one socket.
            lab.Batch.Clear();
            lab.Add(VtepLab.Frame(100, seed: i), dead);
            lab.Add(VtepLab.Frame(101, seed: i));
            lab.Add(VtepLab.Frame(102, seed: i), dead);
            lab.Add(VtepLab.Frame(103, seed: i));
            Assert.Equal(PortResult.Ok, lab.Send(socket));
            Assert.Equal(PacketState.Sent, lab.Batch.Meta(1).State);
            Assert.Equal(PacketState.Sent, lab.Batch.Meta(3).State);
            received.Clear();
            peer.Receive(received);
            arrived += received.Count;
        }

        for (int i = 0; i < 50 && arrived < 2 * rounds; i++)
        {
            Thread.Sleep(1);
            received.Clear();
            peer.Receive(received);
            arrived += received.Count;
        }

        Assert.Equal(2 * rounds, arrived);
        Assert.InRange(socket.IcmpErrors(IcmpErrorKind.PortUnreachable), 10, 2 * rounds);
        Assert.Equal(new IcmpError(dead, dead, IcmpErrorKind.PortUnreachable), socket.LastIcmpError);
        Assert.InRange(socket.Repeats, 1, 4 * rounds);
        Assert.True(socket.Gso.IsActive);
    }

    [Fact]
    public void A_dead_remote_of_IPv6_is_told_too()
    {
        using VtepLab lab = new();
        lab.Them.Sysctl("net.ipv6.icmp.ratelimit", "0");
        using UdpTunnelSocket socket = lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours6 });
        for (int i = 0; i < 3; i++)
        {
            long errors = VtepLab.Snmp6(lab.Us, "Icmp6InDestUnreachs");
            lab.Add(VtepLab.Frame(100), VtepLab.Peer6);
            lab.SendAll(socket);
            VtepLab.WaitUntil(() => VtepLab.Snmp6(lab.Us, "Icmp6InDestUnreachs") > errors);
        }

        Assert.InRange(socket.IcmpErrors(IcmpErrorKind.PortUnreachable), 1, 2);
        Assert.Equal(new IcmpError(VtepLab.Peer6, VtepLab.Peer6, IcmpErrorKind.PortUnreachable), socket.LastIcmpError);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [RfcItem(77, "RFC 8899 §6.1", "Path MTUs are discovered at one layer: what the kernel discovers beneath has no say in the tunnel's packets.")]
    public void A_forged_path_MTU_changes_nothing(bool dontFragment)
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        byte[] frame = VtepLab.Frame(1400);
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 40; i++)
            {
                int index = lab.Add(frame);
                lab.Batch.Meta(index).DontFragment = dontFragment;
            }

            Assert.Equal(PortResult.Ok, lab.Send(socket));
            Assert.All(Enumerable.Range(0, 40), i => Assert.Equal(PacketState.Sent, lab.Batch.Meta(i).State));
            ushort sourcePort = lab.Batch.Meta(0).SourcePort;
            lab.Batch.Clear();
            for (int i = 0; i < 40; i++)
            {
                Assert.Equal(8 + frame.Length, peer.Receive().Length);
            }

            lab.SendIcmpError(3, 4, sourcePort, 600);
        }

        // Trains all the time: each round is 40 datagrams in one message.
        Assert.Equal(3, socket.SentMessages);
        Assert.Equal(0, socket.GsoFallbacks);
        Assert.Equal(2, socket.IcmpErrors(IcmpErrorKind.TooBig));
        Assert.Equal(new IcmpError(VtepLab.Peer, VtepLab.Peer, IcmpErrorKind.TooBig), socket.LastIcmpError);
        lab.AssertNoFragments();
    }

    [Fact]
    public void An_untouched_socket_is_stopped_by_the_forged_ICMP_that_does_nothing_to_ours()
    {
        // The reason for the rule: the same ICMP against a socket with the system's default.
        using VtepLab lab = new();
        using TestSocket plain = new(lab.Us, "192.0.2.1");
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        plain.SetSegmentSize(1440);
        byte[] train = new byte[4 * 1440];
        plain.SendTo(train, "192.0.2.2", 4789);
        lab.SendIcmpError(3, 4, (ushort)plain.Port, 600);
        Assert.Throws<System.Net.Sockets.SocketException>(() => plain.SendTo(train, "192.0.2.2", 4789));
    }

    [Theory]
    [InlineData(3, 1, IcmpErrorKind.HostUnreachable)]
    [InlineData(3, 0, IcmpErrorKind.NetworkUnreachable)]
    [InlineData(3, 13, IcmpErrorKind.Prohibited)]
    [InlineData(11, 0, IcmpErrorKind.TimeExceeded)]
    [InlineData(3, 2, IcmpErrorKind.Other)]
    public void Each_kind_of_ICMP_error_is_counted_and_the_packet_goes_all_the_same(byte type, byte code, IcmpErrorKind kind)
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        lab.Add(VtepLab.Frame(10));
        Assert.Equal(PortResult.Ok, lab.Send(socket));
        lab.SendIcmpError(type, code, lab.Batch.Meta(0).SourcePort, 0);
        lab.Batch.Clear();
        lab.Add(VtepLab.Frame(10));
        lab.SendAll(socket);
        peer.Receive();
        peer.Receive();
        Assert.Equal(1, socket.IcmpErrors(kind));
        Assert.Equal(1, socket.Repeats);
    }
}
