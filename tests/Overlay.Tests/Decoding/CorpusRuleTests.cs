using Overlay.Capture;
using Overlay.Encapsulation;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Decoding;

/// <summary>What an endpoint must do with the captures, by INDEX.md: which packets it takes, and which not. (Plain VXLAN: CorpusDecapsulationTests.)</summary>
public sealed class CorpusRuleTests
{
    [Fact]
    public void Nineteen_packets_with_an_unknown_critical_option_are_dropped_and_the_other_twenty_are_not()
    {
        int taken = 0, dropped = 0;
        foreach (byte[] packet in OuterPackets("tcpdump/geneve.pcap"))
        {
            bool success = Decapsulator.TryDecapsulate(packet, TunnelKind.Geneve, GenevePacket.DefaultPort, out Decapsulated inner, out DropReason reason);
            Assert.Equal(success ? DropReason.None : DropReason.UnknownOption, reason);
            if (success)
            {
                Assert.Equal(11u, inner.Vni.Value);
                Assert.True(EthernetFrame.TryParse(inner.Payload, out EthernetFrame frame) && frame.EtherType == EtherType.IPv4);
                taken++;
                continue;
            }

            // Who knows the option takes the same packet.
            Assert.True(Decapsulator.TryDecapsulate(
                packet, TunnelKind.Geneve, GenevePacket.DefaultPort, DecapsulationOptions.AcceptCriticalOptions, out inner, out reason), $"{reason}");
            Assert.Equal(10u, inner.Vni.Value);
            dropped++;
        }

        Assert.Equal((20, 19), (taken, dropped));
    }

    [Theory]
    [InlineData("tcpdump/vxlan_port_8472.pcap", TunnelKind.Vxlan)]
    [InlineData("tcpdump/nsh-over-vxlan-gpe.pcap", TunnelKind.Vxlan)]
    [InlineData("tcpdump/geneve.pcap", TunnelKind.Vxlan)]
    [InlineData("tcpdump/vxlan.pcap", TunnelKind.Geneve)]
    [InlineData("tcpdump/vxlan.pcap", TunnelKind.VxlanGpe)]
    public void What_is_sent_to_another_port_is_no_packet_of_the_tunnel(string file, TunnelKind kind)
    {
        ushort port = kind switch { TunnelKind.Vxlan => VxlanPacket.DefaultPort, TunnelKind.Geneve => GenevePacket.DefaultPort, _ => VxlanGpePacket.DefaultPort };
        List<byte[]> packets = OuterPackets(file);
        Assert.NotEmpty(packets);
        Assert.All(packets, packet =>
        {
            Assert.False(Decapsulator.TryDecapsulate(packet, kind, port, out _, out DropReason reason));
            Assert.Equal(DropReason.NotTunnel, reason);
        });
    }

    private static List<byte[]> OuterPackets(string file)
    {
        List<byte[]> packets = [];
        foreach (CapturedPacket captured in Corpus.Packets(file))
        {
            Assert.True(EthernetFrame.TryParse(captured.Data.Span, out EthernetFrame frame));
            packets.Add(frame.Payload.ToArray());
        }

        return packets;
    }
}
