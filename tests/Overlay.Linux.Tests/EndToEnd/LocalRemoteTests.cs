using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// A remote that is an address of this host, even of another tunnel of the same daemon: packets go over the kernel's loopback device and through both
/// tunnels like any others.
/// </summary>
public sealed class LocalRemoteTests
{
    private const int Frames = 20;

    [Theory]
    [InlineData("udp")]
    [InlineData("tunnelGso")]
    public void Two_vxlan_tunnels_of_one_daemon_are_each_others_remote(string transport)
    {
        using Netns netns = Host();
        string Tunnel(string name, string local, string remote, string mac) => $$"""
            { "name": "{{name}}", "kind": "vxlan", "vni": 42, "local": "{{local}}", "transport": "{{transport}}",
              "device": { "type": "tap", "mac": "{{mac}}" }, "flood": [ "{{remote}}" ] }
            """;
        using OverlayDaemon daemon = OverlayDaemon.Start(
            netns, Tunnel("vxa", "192.0.2.1", "192.0.2.2", "02:00:00:00:00:0a") + "," + Tunnel("vxb", "192.0.2.2", "192.0.2.1", "02:00:00:00:00:0b"));
        using FrameSocket a = new(netns, "vxa");
        using FrameSocket b = new(netns, "vxb");
        // From a station behind the one device to a station behind the other, and back.
        foreach ((FrameSocket from, FrameSocket to, string source, string destination) in new[]
        {
            (a, b, "02:00:00:00:01:0a", "02:00:00:00:01:0b"), (b, a, "02:00:00:00:01:0b", "02:00:00:00:01:0a"),
        })
        {
            for (int i = 0; i < Frames; i++)
            {
                byte[] frame = PacketBuilder.Ethernet(MacAddress.Parse(destination), MacAddress.Parse(source), (EtherType)0x88B5, PacketBuilder.Payload(100, i));
                Assert.Equal(Errno.None, from.Send(frame));
                Assert.Equal(frame, Next(to));
            }
        }

        AssertBooks(daemon, "vxa", "vxb");

        // What else comes out of the devices is the kernel's own.
        static byte[] Next(FrameSocket socket)
        {
            byte[] frame;
            do
            {
                frame = socket.Receive() ?? throw new TimeoutException("The frame did not come out of the other tunnel.");
            }
            while (frame[12] != 0x88 || frame[13] != 0xB5);
            return frame;
        }
    }

    [Fact]
    public void So_are_two_tunnels_of_ip_in_ip()
    {
        using Netns netns = Host();
        using OverlayDaemon daemon = OverlayDaemon.Start(
            netns,
            TunnelJson.IPInIP("ipa", "192.0.2.1", ["10.46.1.1/32"], ("10.46.2.0/24", "192.0.2.2")) + "," +
            TunnelJson.IPInIP("ipb", "192.0.2.2", ["10.46.3.1/32"], ("10.46.1.0/24", "192.0.2.1")));
        using FrameSocket b = new(netns, "ipb");
        using TestSocket sender = new(netns, "10.46.1.1");
        for (int i = 0; i < Frames; i++)
        {
            byte[] payload = PacketBuilder.Payload(100, i);
            sender.SendTo(payload, "10.46.2.7", 2000);
            // The stack behind the other device does not have this address; that the packet came to it is what counts.
            byte[] packet = b.Receive() ?? throw new TimeoutException("The packet did not come out of the other tunnel.");
            Assert.Equal(payload, packet[28..]);
        }

        AssertBooks(daemon, "ipa", "ipb");
    }

    private static Netns Host()
    {
        TunAccess.Require();
        Netns netns = Netns.Create("ovlocal");
        netns.Ip("address", "add", "192.0.2.1/32", "dev", "lo");
        netns.Ip("address", "add", "192.0.2.2/32", "dev", "lo");
        return netns;
    }

    private static void AssertBooks(OverlayDaemon daemon, string from, string to)
    {
        JsonElement status = Books.Settled(daemon);
        Books.AssertBalanced(status);
        Assert.Equal(
            OverlayDaemon.Counter(status, from, "egress", "txPackets"), OverlayDaemon.Counter(status, to, "ingress", "rxPackets"));
        Assert.InRange(OverlayDaemon.Counter(status, to, "ingress", "txPackets"), Frames, long.MaxValue);
    }
}
