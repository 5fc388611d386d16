using System.Diagnostics;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>A peer whose device is larger than the path: its outer packets come in fragments, which the kernel puts together before we see them.</summary>
public sealed class FragmentingPeerTests
{
    private const int Port = 2000;
    private const int Datagrams = 200;

    // A raw socket of protocol 4, which the base class library does not open: each line is an inner packet.
    private const string RawSender = """
        import socket, sys
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 4)
        for line in sys.stdin:
            s.sendto(bytes.fromhex(line), ("192.0.2.1", 0))
        """;

    [Fact]
    public void Fragmented_vxlan_packets_are_delivered_whole()
    {
        using VtepLab lab = new();
        lab.AddKernelVxlan();
        lab.Them.Ip("link", "set", "vx42", "mtu", "4000");
        // Without this the kernel learns from its own first fragment to send smaller inner packets.
        lab.Them.Ip("route", "replace", "10.42.0.0/24", "dev", "vx42", "mtu", "lock", "4000");
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap());
        using UdpApplication ours = new(lab.Us, "10.42.0.1", Port);
        using UdpApplication theirs = new(lab.Them, "10.42.0.2", Port);
        byte[][] sent = Send(ours, payload => theirs.Send(payload, "10.42.0.1", Port));
        AssertDelivered(lab, sent, ours, daemon, "vx42");

        // The other way: our device is as large as the path allows, so the inner packets are in fragments and the outer ones are not.
        long reassembled = VtepLab.Snmp(lab.Them, "Ip", "ReasmOKs");
        byte[] answer = PacketBuilder.Payload(3000);
        ours.Send(answer, "10.42.0.2", Port);
        Assert.Equal([answer], theirs.Take(1));
        Assert.Equal(reassembled + 1, VtepLab.Snmp(lab.Them, "Ip", "ReasmOKs"));
    }

    [Fact]
    public void Fragmented_ip_in_ip_packets_are_delivered_whole()
    {
        using VtepLab lab = new();
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.IPInIP("ipip0", "192.0.2.1", ["10.46.1.1/32"], ("10.46.2.0/24", "192.0.2.2")));
        using UdpApplication ours = new(lab.Us, "10.46.1.1", Port);
        // The kernel here has no ipip device: its raw socket writes, and cuts, the outer packet.
        using Process raw = lab.Them.Start("python3", "-c", RawSender);
        byte[][] sent = Send(ours, payload =>
        {
            raw.StandardInput.WriteLine(Convert.ToHexString(
                PacketBuilder.Udp(ValueIPAddress.Parse("10.46.2.2"), ValueIPAddress.Parse("10.46.1.1"), Port, Port, payload)));
            raw.StandardInput.Flush();
        });
        AssertDelivered(lab, sent, ours, daemon, "ipip0");
        raw.StandardInput.Close();
        Assert.True(raw.WaitForExit(Command.DefaultTimeout));
        Assert.Equal("", raw.StandardError.ReadToEnd());
    }

    private static byte[][] Send(UdpApplication receiver, Action<byte[]> send)
    {
        byte[][] sent = [.. Enumerable.Range(0, Datagrams).Select(i => PacketBuilder.Payload(2000 + (i * 9), seed: i))];
        for (int i = 0; i < sent.Length; i++)
        {
            send(sent[i]);
            // Not more at a time than any queue on the way takes.
            int target = i - 20;
            Wait.Until(() => receiver.Count >= target, () => $"{receiver.Count} datagrams of {target}");
        }

        return sent;
    }

    private static void AssertDelivered(VtepLab lab, byte[][] sent, UdpApplication ours, OverlayDaemon daemon, string tunnel)
    {
        Assert.Equal(sent, ours.Take(sent.Length));
        Assert.InRange(VtepLab.Snmp(lab.Them, "Ip", "FragOKs"), Datagrams, long.MaxValue);
        Assert.InRange(VtepLab.Snmp(lab.Us, "Ip", "ReasmOKs"), Datagrams, long.MaxValue);
        Assert.Equal(0, VtepLab.Snmp(lab.Us, "Ip", "FragCreates"));
        Assert.Equal(0, OverlayDaemon.Drops(daemon.Query(), tunnel, "ingress"));
    }
}
