using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>UDP superpackets (USO) up to the largest that VXLAN can carry in one piece, 65 485 bytes: with headers of 50 bytes 65 535.</summary>
public sealed class UdpSuperpacketTests
{
    private const int Port = 2000;

    [Theory]
    [InlineData("kernel", "udp")]
    [InlineData("overlayd", "udp")]
    [InlineData("kernel", "tunnelGso")]
    [InlineData("overlayd", "tunnelGso")]
    public void A_superpacket_arrives_as_the_datagrams_that_it_is_both_ways(string peer, string transport)
    {
        using VtepLab lab = new();
        string more = $"\"transport\": \"{transport}\"";
        OverlayDaemon? second = null;
        if (peer == "kernel")
        {
            lab.AddKernelVxlan();
        }
        else
        {
            second = OverlayDaemon.Start(lab.Them, TunnelJson.Tap(local: "192.0.2.2", address: "10.42.0.2/24", mac: VtepLab.PeerMac, flood: ["192.0.2.1"], more: more));
        }

        using (second)
        using (OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, TunnelJson.Tap(more: more)))
        using (UdpApplication ours = new(lab.Us, "10.42.0.1", Port))
        using (UdpApplication theirs = new(lab.Them, "10.42.0.2", Port))
        {
            // 65 485: the whole. 65 443: with the headers of the underlay still one packet of 64 KB. 1422 fills the device's MTU; 512 makes 128 datagrams, the most.
            (int Total, int Size)[] cases = [(65_485, 1400), (65_485, 1000), (65_443, 1400), (65_485, 1422), (65_485, 512), (2_845, 1422), (1_423, 1422)];
            foreach ((int total, int size) in cases)
            {
                Assert.Equal(Datagrams(total, size), Exchange(ours, theirs, "10.42.0.2", total, size));
                Assert.Equal(Datagrams(total, size), Exchange(theirs, ours, "10.42.0.1", total, size));
            }

            foreach (string direction in (string[])["egress", "ingress"])
            {
                Assert.Equal(0, OverlayDaemon.Drops(daemon.Query(), "vx42", direction));
            }

            // All but the two largest: with the outer headers those are no IP packets any more, and go in pieces.
            long whole = daemon.Query().GetProperty("tunnels")[0].GetProperty("endpoint").GetProperty("tunnelGsoSuperpackets").GetInt64();
            Assert.InRange(whole, transport == "udp" ? 0 : 2, transport == "udp" ? 0 : cases.Length);
        }
    }

    private static byte[][] Exchange(UdpApplication sender, UdpApplication receiver, string address, int total, int size)
    {
        sender.SendSegments(PacketBuilder.Payload(total), size, address, Port);
        byte[][] received = receiver.Take((total + size - 1) / size);
        // What comes after it is next: no datagram was left behind or doubled.
        sender.Send("end"u8, address, Port);
        byte[][] last = receiver.Take(1);
        Assert.Equal(["end"u8.ToArray()], last);
        return received;
    }

    private static byte[][] Datagrams(int total, int size) => [.. PacketBuilder.Payload(total).Chunk(size)];
}
