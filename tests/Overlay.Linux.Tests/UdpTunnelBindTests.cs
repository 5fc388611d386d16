using Overlay.DataPath;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>Who may have an endpoint, and what comes in by which door.</summary>
public sealed class UdpTunnelBindTests
{
    private static readonly UdpTunnelOptions Options = new() { Local = VtepLab.Ours };

    [Fact]
    public void A_second_endpoint_on_the_same_address_and_port_is_refused_until_the_first_is_closed()
    {
        using Netns netns = Netns.Create("ovsock");
        using (netns.Run(() => UdpTunnelSocket.Bind(Options)))
        {
            LinuxException exception = Assert.Throws<LinuxException>(() => netns.Run(() => UdpTunnelSocket.Bind(Options)));
            Assert.Equal(Errno.EADDRINUSE, exception.Errno);
            Assert.StartsWith("UDP 192.0.2.1:4789", exception.Message, StringComparison.Ordinal);
            Assert.Contains("a kernel vxlan device or another process holds it", exception.Message, StringComparison.Ordinal);
            // Another port, another address and another namespace are other endpoints.
            netns.Run(() => UdpTunnelSocket.Bind(Options with { Port = 8472 })).Dispose();
            netns.Run(() => UdpTunnelSocket.Bind(Options with { Local = ValueIPAddress.Parse("192.0.2.9") })).Dispose();
            using Netns other = Netns.Create("ovsock");
            other.Run(() => UdpTunnelSocket.Bind(Options)).Dispose();
        }

        netns.Run(() => UdpTunnelSocket.Bind(Options)).Dispose();
    }

    [Fact]
    public void A_kernel_vxlan_device_and_an_endpoint_exclude_each_other()
    {
        using VtepLab lab = new();
        string[] add = ["link", "add", "vx1", "type", "vxlan", "id", "1", "local", "192.0.2.1", "remote", "192.0.2.2", "dstport", "4789"];
        lab.Us.Ip(add);
        lab.Us.Ip("link", "set", "vx1", "up");
        LinuxException exception = Assert.Throws<LinuxException>(() => lab.Bind());
        Assert.Equal(Errno.EADDRINUSE, exception.Errno);
        Assert.Contains("a kernel vxlan device or another process holds it", exception.Message, StringComparison.Ordinal);

        lab.Us.Ip("link", "del", "vx1");
        using UdpTunnelSocket socket = lab.Bind();
        lab.Us.Ip(add);
        CommandResult up = lab.Us.TryExec(TimeSpan.FromSeconds(5), "ip", "link", "set", "vx1", "up");
        Assert.NotEqual(0, up.ExitCode);
        Assert.Contains("Address already in use", up.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_foreign_socket_with_SO_REUSEPORT_cannot_join()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        CommandResult result = lab.Us.TryExec(
            TimeSpan.FromSeconds(5), "python3", "-c",
            "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.setsockopt(1,15,1)\ns.bind(('192.0.2.1',4789))");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("Address already in use", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_group_shares_the_port_among_its_own_sockets()
    {
        using VtepLab lab = new();
        UdpTunnelSocket[] group = lab.Us.Run(() => UdpTunnelSocket.BindGroup(Options, 2));
        Assert.Throws<LinuxException>(() => lab.Bind());
        // Whichever sends a flow, it leaves from the same port.
        Assert.Equal(16, group[0].SourcePorts.Length);
        Assert.Equal(group[0].SourcePorts, group[1].SourcePorts);
        const int senders = 32;
        for (int i = 0; i < senders; i++)
        {
            using TestSocket sender = new(lab.Them, "192.0.2.2");
            sender.SendTo(VtepLab.Vxlan(1, VtepLab.Frame(10)), "192.0.2.1", 4789);
        }

        int[] received = new int[2];
        for (int attempt = 0; attempt < 200 && received.Sum() < senders; attempt++)
        {
            for (int i = 0; i < 2; i++)
            {
                lab.Batch.Clear();
                group[i].Receive(lab.Batch);
                received[i] += lab.Batch.Count;
            }

            Thread.Sleep(1);
        }

        Assert.Equal(senders, received.Sum());
        Assert.All(received, count => Assert.NotEqual(0, count));
        // The endpoint stays taken until its last socket is closed.
        group[0].Dispose();
        Assert.Throws<LinuxException>(() => lab.Bind());
        group[1].Dispose();
        lab.Bind().Dispose();
    }

    [Fact]
    public void An_ordinary_user_gets_an_endpoint_with_the_buffer_that_the_system_allows()
    {
        using VtepLab lab = new();
        lab.Us.Run(() => Privileges.RunWithoutAny(() =>
        {
            using UdpTunnelSocket socket = UdpTunnelSocket.Bind(Options);
            Assert.Equal(16, socket.SourcePorts.Length);
            Assert.InRange(socket.ReceiveBufferBytes, 1, 8 * 1024 * 1024);
            lab.Add(VtepLab.Frame(100));
            lab.SendAll(socket);
        }));
        using UdpTunnelSocket privileged = lab.Bind();
        if (Requires.IsInitialUserNamespace)
        {
            // SO_RCVBUFFORCE asks for CAP_NET_ADMIN of the whole machine, which root of a user namespace has not.
            Assert.Equal(16 * 1024 * 1024, privileged.ReceiveBufferBytes);
        }
        else
        {
            Assert.InRange(privileged.ReceiveBufferBytes, 1, 8 * 1024 * 1024);
        }
    }

    [Fact]
    public void Whichever_socket_of_a_group_sends_a_flow_it_leaves_from_the_same_port()
    {
        using VtepLab lab = new();
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        UdpTunnelSocket[] group = lab.Us.Run(() => UdpTunnelSocket.BindGroup(Options, 2));
        try
        {
            foreach (bool dontFragment in new[] { false, true })
            {
                foreach (uint hash in new[] { 0u, 0x1234_5678u, 0xFFFF_FFFFu })
                {
                    int[] ports = [.. group.Select((socket, i) =>
                    {
                        lab.Batch.Clear();
                        int index = lab.Add(VtepLab.Frame(100));
                        lab.Batch.Meta(index).FlowHash = hash;
                        // DF belongs to the socket: the other one's must not change with it.
                        lab.Batch.Meta(index).DontFragment = dontFragment == (i == 0);
                        lab.SendAll(socket);
                        return peer.ReceiveSourcePort();
                    })];
                    Assert.Equal(ports[0], ports[1]);
                    Assert.Contains((ushort)ports[0], group[0].SourcePorts.ToArray());
                }
            }
        }
        finally
        {
            Array.ForEach(group, socket => socket.Dispose());
        }
    }

    [Fact]
    public void Source_ports_lie_in_the_range_and_the_endpoints_own_port_is_not_among_them()
    {
        using Netns netns = Netns.Create("ovsock");
        using UdpTunnelSocket socket = netns.Run(() => UdpTunnelSocket.Bind(
            Options with { Port = 50_001, SourcePortMinimum = 50_000, SourcePortMaximum = 50_004, SourcePortCount = 16 }));
        Assert.Equal<ushort>([50_000, 50_002, 50_003, 50_004], [.. socket.SourcePorts.ToArray().Order()]);
        // The next endpoint takes what is free, and says so if nothing is.
        UdpTunnelOptions next = Options with { Port = 4789, SourcePortMinimum = 50_000, SourcePortMaximum = 50_005 };
        using (UdpTunnelSocket other = netns.Run(() => UdpTunnelSocket.Bind(next)))
        {
            Assert.Equal<ushort>([50_005], other.SourcePorts.ToArray());
        }

        LinuxException exception = Assert.Throws<LinuxException>(() => netns.Run(() => UdpTunnelSocket.Bind(next with { SourcePortMaximum = 50_004 })));
        Assert.Contains("no source port of 50000-50004 is free", exception.Message, StringComparison.Ordinal);
        // A bind that failed leaves nothing behind.
        netns.Run(() => UdpTunnelSocket.Bind(next)).Dispose();
    }

    [Fact]
    public void What_is_sent_to_a_source_port_goes_nowhere()
    {
        using VtepLab lab = new();
        using UdpTunnelSocket socket = lab.Bind();
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        foreach (ushort port in socket.SourcePorts)
        {
            peer.SendTo(VtepLab.Vxlan(1, VtepLab.Frame(10)), "192.0.2.1", port);
        }

        peer.SendTo(VtepLab.Vxlan(2, VtepLab.Frame(10)), "192.0.2.1", 4789);
        lab.Receive(socket, 1);
        Assert.Equal(PortResult.Empty, socket.Receive(lab.Batch));
        Assert.Equal(1, lab.Batch.Count);
        Assert.Equal(2, lab.Batch.Data(0)[6]);
        // The kernel counts what the filter dropped as an input error of UDP, and tells nobody that the port is closed.
        Assert.Equal(16, VtepLab.Snmp(lab.Us, "Udp", "InErrors"));
        Assert.Equal(0, VtepLab.Snmp(lab.Us, "Icmp", "OutDestUnreachs"));
    }

    [Fact]
    public void Options_out_of_range_are_the_callers_mistake()
    {
        Assert.Throws<ArgumentException>(() => UdpTunnelSocket.Bind(Options with { Port = 0 }));
        Assert.Throws<ArgumentException>(() => UdpTunnelSocket.Bind(Options with { Local = ValueIPAddress.Parse("239.1.1.1") }));
        Assert.Throws<ArgumentException>(() => UdpTunnelSocket.Bind(Options with { SourcePortMinimum = 2, SourcePortMaximum = 1 }));
        Assert.Throws<ArgumentException>(() => UdpTunnelSocket.Bind(Options with { Local = ValueIPAddress.Parse("fe80::1") }));
        Assert.Throws<ArgumentOutOfRangeException>(() => UdpTunnelSocket.Bind(Options with { SourcePortCount = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => UdpTunnelSocket.Bind(Options with { SourcePortCount = 257 }));
        Assert.Throws<ArgumentNullException>(() => UdpTunnelSocket.Bind(null!));
    }

    [Fact]
    public void A_link_local_endpoint_works_on_its_link()
    {
        using VtepLab lab = new();
        lab.Us.Configure(VtepLab.OurDevice, "fe80::1/64");
        lab.Them.Configure(VtepLab.PeerDevice, "fe80::2/64");
        ValueIPAddress ours = ValueIPAddress.Parse("fe80::1");
        ValueIPAddress theirs = ValueIPAddress.Parse("fe80::2");
        using UdpTunnelSocket socket = lab.Bind(new UdpTunnelOptions { Local = ours, Link = VtepLab.OurDevice });
        using UdpTunnelSocket peer = lab.Them.Run(() => UdpTunnelSocket.Bind(new UdpTunnelOptions { Local = theirs, Link = VtepLab.PeerDevice }));
        Assert.Equal("UDP [fe80::1%va]:4789", socket.Name);
        lab.Add(VtepLab.Frame(10), theirs);
        lab.SendAll(socket);
        lab.Receive(peer, 1);
        Assert.Equal((ours, theirs), (lab.Batch.Meta(0).Remote, lab.Batch.Meta(0).Local));
    }

    [Fact]
    public void An_endpoint_can_be_bound_before_its_address_is_there()
    {
        using VtepLab lab = new();
        ValueIPAddress later = ValueIPAddress.Parse("192.0.2.77");
        using UdpTunnelSocket socket = lab.Bind(new UdpTunnelOptions { Local = later });
        Assert.Equal(1500, socket.Mtu);
        lab.Us.Ip("address", "add", "192.0.2.77/24", "dev", VtepLab.OurDevice);
        using TestSocket peer = new(lab.Them, "192.0.2.2", 4789);
        lab.Add(VtepLab.Frame(10));
        lab.SendAll(socket);
        peer.Receive();
        peer.SendTo(VtepLab.Vxlan(42, VtepLab.Frame(1)), "192.0.2.77", 4789);
        lab.Receive(socket, 1);
        Assert.Equal(later, lab.Batch.Meta(0).Local);
    }

    [Fact]
    public void A_link_that_does_not_exist_is_named()
    {
        using Netns netns = Netns.Create("ovsock");
        LinuxException exception = Assert.Throws<LinuxException>(() => netns.Run(() => UdpTunnelSocket.Bind(Options with { Link = "nosuch0" })));
        Assert.Contains("nosuch0", exception.Message, StringComparison.Ordinal);
    }
}
