using System.Text.Json;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// The same questions asked of overlayd's tap and of a Linux bridge whose vxlan port has <c>neigh_suppress</c>: both answer the same ones, with the same
/// bytes, and send the same ones on.
/// </summary>
public sealed class BridgeSuppressionTests
{
    private const int Silence = 200;
    private const string Host = "eth0";
    private const string Port = "vx";
    private const string Bridge = "br0";

    private static readonly MacAddress OurMac = MacAddress.Parse(PeerLab.OurMac);

    // Whose forwarding entry is known; who is known without; and who is not known.
    private static readonly int[] Numbers = [2, 3, 4];

    [Fact]
    public void Both_answer_the_same_questions_with_the_same_bytes_and_send_the_same_on()
    {
        using PeerLab lab = new();
        using Netns host = Netns.Create("ovhost");
        using Netns bridge = Netns.Create("ovbridge");
        // The hosts themselves say nothing, not even which groups they listen to: their frames would be counted.
        foreach (Netns quiet in (Netns[])[lab.Us, host])
        {
            quiet.Sysctl("net.ipv6.conf.default.disable_ipv6", "1");
        }

        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap(address: null, mac: OurMac, more: """
            "fdb": [ { "mac": "02:00:00:00:00:02", "remote": "192.0.2.2" } ], "learning": { "enabled": false },
            "neighbors": [ { "ip": "10.42.0.2", "mac": "02:00:00:00:00:02" }, { "ip": "10.42.0.3", "mac": "02:00:00:00:00:03" },
                           { "ip": "fd42::2", "mac": "02:00:00:00:00:02", "router": true }, { "ip": "fd42::3", "mac": "02:00:00:00:00:03" } ]
            """));
        Netns.Connect(host, Host, null, bridge, "p1", null);
        host.Ip("link", "set", Host, "address", PeerLab.OurMac);
        AddBridge(bridge);
        using FrameSocket tap = new(lab.Us, PeerLab.Device);
        using FrameSocket veth = new(host, Host);
        // What the interfaces say when they come up is not of this test.
        Drain(tap);
        Drain(veth);

        List<string> answered = [];
        foreach ((string name, byte[] question) in Questions())
        {
            long before = SentOn(daemon);
            Assert.Equal(Errno.None, tap.Send(question));
            string[] ours = Drain(tap);
            long oursOn = SentOn(daemon) - before;

            before = PeerLab.Statistic(bridge, Port, "tx", "packets");
            Assert.Equal(Errno.None, veth.Send(question));
            string[] theirs = Drain(veth);
            long theirsOn = PeerLab.Statistic(bridge, Port, "tx", "packets") - before;

            Assert.True(ours.SequenceEqual(theirs), $"{name}: overlayd answers {string.Join(", ", ours)}; the bridge {string.Join(", ", theirs)}");
            Assert.True(oursOn == theirsOn, $"{name}: overlayd sends {oursOn} on, the bridge {theirsOn}");
            // Either or.
            Assert.Equal(1, ours.Length + oursOn);
            answered.AddRange(ours.Select(_ => name));
        }

        Assert.Equal(["10.42.0.2 broadcast", "fd42::2 multicast"], answered);
        JsonElement counters = daemon.Query().GetProperty("tunnels")[0].GetProperty("neighbors");
        Assert.Equal((2, 2, 2), (
            counters.GetProperty("answered").GetInt64(), counters.GetProperty("unforwarded").GetInt64(), counters.GetProperty("unknown").GetInt64()));
    }

    private static void AddBridge(Netns bridge)
    {
        // What the tunnel sends goes nowhere: only that it is sent counts.
        bridge.Ip("link", "add", "d0", "type", "veth", "peer", "name", "d1");
        bridge.Configure("d0", "192.0.2.1/24");
        bridge.Configure("d1", null);
        bridge.Ip("neigh", "add", "192.0.2.2", "lladdr", "02:00:00:00:00:99", "dev", "d0", "nud", "permanent");
        bridge.Ip("link", "add", Bridge, "type", "bridge", "mcast_snooping", "0");
        bridge.Ip("link", "add", Port, "type", "vxlan", "id", "42", "local", "192.0.2.1", "remote", "192.0.2.2", "dstport", "4789", "dev", "d0");
        bridge.Ip("link", "set", Port, "master", Bridge);
        bridge.Ip("link", "set", "p1", "master", Bridge);
        bridge.Ip("link", "set", Port, "type", "bridge_slave", "neigh_suppress", "on", "learning", "off");
        bridge.Ip("link", "set", Port, "up");
        bridge.Ip("link", "set", Bridge, "up");
        bridge.Exec("bridge", "fdb", "add", "02:00:00:00:00:02", "dev", Port, "master", "static");
        bridge.Ip("neigh", "add", "10.42.0.2", "lladdr", "02:00:00:00:00:02", "dev", Bridge, "nud", "permanent");
        bridge.Ip("neigh", "add", "10.42.0.3", "lladdr", "02:00:00:00:00:03", "dev", Bridge, "nud", "permanent");
        bridge.Ip("neigh", "add", "fd42::2", "lladdr", "02:00:00:00:00:02", "router", "dev", Bridge, "nud", "permanent");
        bridge.Ip("neigh", "add", "fd42::3", "lladdr", "02:00:00:00:00:03", "dev", Bridge, "nud", "permanent");
    }

    private static IEnumerable<(string Name, byte[] Question)> Questions()
    {
        foreach (int number in Numbers)
        {
            MacAddress mac = MacAddress.Parse($"02:00:00:00:00:0{number}");
            byte[] arp = PacketBuilder.ArpRequest(OurMac, ValueIPAddress.Parse("10.42.0.1"), ValueIPAddress.Parse($"10.42.0.{number}"));
            yield return ($"10.42.0.{number} broadcast", arp);
            byte[] unicast = [.. arp];
            mac.TryWriteBytes(unicast);
            yield return ($"10.42.0.{number} unicast", unicast);
            ValueIPAddress target = ValueIPAddress.Parse($"fd42::{number}");
            yield return ($"fd42::{number} multicast", Solicitation(MacAddress.Parse($"33:33:ff:00:00:0{number}"), ValueIPAddress.Parse($"ff02::1:ff00:{number}"), target));
            yield return ($"fd42::{number} unicast", Solicitation(mac, target, target));
        }
    }

    private static byte[] Solicitation(MacAddress destination, ValueIPAddress to, ValueIPAddress target)
    {
        byte[] message = [135, 0, 0, 0, 0, 0, 0, 0, .. new byte[16], 1, 1, 2, 0, 0, 0, 0, 1];
        target.TryWriteBytes(message.AsSpan(8), out _);
        byte[] packet = PacketBuilder.IP(ValueIPAddress.Parse("fd42::1"), to, IPProtocol.IcmpV6, message, ttl: 255);
        ushort checksum = PacketBuilder.Checksum(packet.AsSpan(40), PacketBuilder.PseudoHeader(packet, IPProtocol.IcmpV6, message.Length));
        (packet[42], packet[43]) = ((byte)(checksum >> 8), (byte)checksum);
        return PacketBuilder.Ethernet(destination, OurMac, EtherType.IPv6, packet);
    }

    private static string[] Drain(FrameSocket socket)
    {
        List<string> frames = [];
        while (socket.Receive(Silence) is { } frame)
        {
            frames.Add(Convert.ToHexString(frame));
        }

        return [.. frames];
    }

    // Frames towards the remote: all that was sent but the answers.
    private static long SentOn(OverlayDaemon daemon)
    {
        JsonElement status = Books.Settled(daemon);
        return OverlayDaemon.Counter(status, PeerLab.Device, "egress", "txPackets") - OverlayDaemon.Counter(status, PeerLab.Device, "egress", "originated");
    }
}
