using Overlay.Capture;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

/// <summary>UDP tunnels in captures that nobody here made.</summary>
internal static class CapturedTunnels
{
    /// <summary>The payloads of all UDP datagrams of a capture to this port.</summary>
    public static List<byte[]> Payloads(string file, ushort port)
    {
        List<byte[]> payloads = [];
        foreach (CapturedPacket captured in Corpus.Packets(file))
        {
            if (captured.LinkType != LinkType.Ethernet || !EthernetFrame.TryParse(captured.Data.Span, out EthernetFrame frame) ||
                !TryGetTransport(frame.EtherType, frame.Payload, out IPProtocol protocol, out ReadOnlySpan<byte> transport) ||
                protocol != IPProtocol.Udp || !UdpPacket.TryParse(transport, out UdpPacket udp) || udp.DestinationPort != port)
            {
                continue;
            }

            payloads.Add(udp.Payload.ToArray());
        }

        return payloads;
    }

    /// <summary>A tunnel's payload is an IP packet, in an Ethernet frame or bare, that carries TCP, UDP or ICMP.</summary>
    public static void AssertInner(ReadOnlySpan<byte> payload, EtherType type)
    {
        if (type == EtherType.TransparentEthernetBridging)
        {
            Assert.True(EthernetFrame.TryParse(payload, out EthernetFrame frame));
            type = frame.EtherType;
            payload = frame.Payload;
        }

        Assert.True(TryGetTransport(type, payload, out IPProtocol protocol, out _), type.ToString());
        Assert.True(protocol is IPProtocol.Tcp or IPProtocol.Udp or IPProtocol.Icmp, protocol.ToString());
    }

    private static bool TryGetTransport(EtherType type, ReadOnlySpan<byte> bytes, out IPProtocol protocol, out ReadOnlySpan<byte> transport)
    {
        protocol = default;
        transport = default;
        if (type == EtherType.IPv4 && IPv4Packet.TryParse(bytes, out IPv4Packet ipv4))
        {
            protocol = ipv4.Protocol;
            transport = ipv4.Payload;
            return true;
        }

        return type == EtherType.IPv6 && IPv6Packet.TryParse(bytes, out IPv6Packet ipv6) && ipv6.TryGetTransport(out protocol, out transport);
    }
}
