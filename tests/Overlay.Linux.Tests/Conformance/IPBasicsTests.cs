using System.Globalization;
using Overlay.DataPath;
using Overlay.Linux.Tests.EndToEnd;
using Overlay.Testing;
using Overlay.Testing.Conformance;
using Xunit;

namespace Overlay.Linux.Tests.Conformance;

/// <summary>What every sender of IP packets owes, seen on the wire.</summary>
public sealed class IPBasicsTests
{
    private const int Count = 200;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [RfcItem(81, "RFC 6864 §4.3", "The identifications of packets that may be fragmented do not repeat; with DF nothing is fragmented.",
        Deviation = "Of trains of UDP datagrams (offload.gso) without DF: the kernel takes one identification for each train and counts on from it within, so that two trains overlap. `df: set` makes packets atomic, whose identification means nothing; `gso: false` sends one by one.")]
    public void Packets_without_DF_have_identifications_of_their_own(bool ipip)
    {
        using VtepLab lab = new();
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tx", "gso");
        using IPacketPort port = ipip ? lab.Us.Run(() => RawTunnelSocket.Bind(new RawTunnelOptions { Local = VtepLab.Ours })) : lab.Bind(new UdpTunnelOptions { Local = VtepLab.Ours, Gso = false });
        using WireCapture capture = new(lab.Them, VtepLab.PeerDevice, Count, ipip ? "ip proto 4" : "udp dst port 4789");
        for (int i = 0; i < Count; i++)
        {
            lab.Add(Packet(100));
        }

        lab.SendAll(port);
        string[][] rows = capture.Fields("ip.id", "ip.flags.df");
        Assert.All(rows, row => Assert.Equal("0", First(row[1])));
        Assert.Equal(Count, rows.Select(row => First(row[0])).Distinct().Count());

        // One byte more than the link takes.
        int tooLong = lab.Add(Packet(1500 - (ipip ? 20 + 28 : 20 + 8 + 8 + 14 + 28) + 1));
        lab.Batch.Meta(tooLong).DontFragment = true;
        Assert.Equal(PortResult.Ok, lab.Send(port));
        Assert.Equal((PacketState.Dropped, DropReason.TooBig), (lab.Batch.Meta(tooLong).State, lab.Batch.Meta(tooLong).Drop));
        lab.AssertNoFragments();

        byte[] Packet(int payload) => ipip ? VtepLab.Frame(payload)[14..] : VtepLab.Frame(payload);
    }

    [Theory]
    [InlineData("vxlan", "on")]
    [InlineData("vxlan", "off")]
    [InlineData("ipip", "on")]
    [InlineData("ipip", "off")]
    [RfcItem(86, "RFC 6438 §3", "The flow label of the outer IPv6 header is one per inner flow, and the same for all its packets.")]
    public void The_flow_labels_on_the_wire_are_those_of_the_flows(string kind, string flowLabel)
    {
        const int Flows = 8, Packets = 5;
        using VtepLab lab = new();
        lab.Us.EthtoolOff(VtepLab.OurDevice, "tx", "gso");
        string policy = $$"""
            , "policy": { "flowLabel": "{{flowLabel}}" }
            """;
        using OverlayDaemon daemon = OverlayDaemon.Start(lab.Us, kind == "ipip"
            ? TunnelJson.IPInIP("t0", "2001:db8::1", ["10.46.1.1/32"], policy, [("10.46.2.0/24", "2001:db8::2")])
            : TunnelJson.RoutedVxlan("t0", "2001:db8::1", VtepLab.OurMac, ["10.46.1.1/32"], ("10.46.2.0/24", "2001:db8::2", VtepLab.PeerMac)).TrimEnd().TrimEnd('}') + policy + "}");
        using WireCapture capture = new(lab.Them, VtepLab.PeerDevice, Flows * Packets, kind == "ipip" ? "ip6 proto 4" : "ip6 and udp dst port 8472");
        TestSocket[] sockets = [.. Enumerable.Range(0, Flows).Select(_ => new TestSocket(lab.Us, "10.46.1.1"))];
        for (int i = 0; i < Packets; i++)
        {
            foreach (TestSocket socket in sockets)
            {
                socket.SendTo(PacketBuilder.Payload(100 + i), "10.46.2.1", 9);
            }
        }

        // VXLAN on 8472 tshark does not take apart, so flows are told by the outer source port there, and by the inner one in IP in IP.
        string[][] rows = capture.Fields("ipv6.flow", "udp.srcport");
        foreach (TestSocket socket in sockets)
        {
            socket.Dispose();
        }

        if (flowLabel == "off")
        {
            Assert.All(rows, row => Assert.Equal("0x00000000", Padded(First(row[0]))));
            return;
        }

        string[] labels = [.. rows.Select(row => First(row[0])).Distinct()];
        Assert.Equal(Flows, labels.Length);
        Assert.DoesNotContain("0x000000", labels);
        Assert.All(rows.GroupBy(row => First(row[0])), group => Assert.Equal((Packets, 1), (group.Count(), group.Select(row => row[1]).Distinct().Count())));
    }

    private static string First(string field) => field.Split(',')[0];

    private static string Padded(string hex) => $"0x{uint.Parse(hex.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture):x8}";
}
