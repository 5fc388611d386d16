using Overlay.Capture;
using Overlay.Testing;
using Overlay.Wire;
using Xunit;

namespace Overlay.Tests.Wire;

/// <summary>What lies behind the IP headers of captures that nobody here made.</summary>
internal static class WireCorpus
{
    /// <summary>The payloads of a protocol behind Ethernet and IPv4, or IPv6 with extension headers, in order; other packets are left out.</summary>
    public static IEnumerable<byte[]> Payloads(string file, IPProtocol protocol)
    {
        foreach (CapturedPacket captured in Corpus.Packets(file))
        {
            Assert.Equal(LinkType.Ethernet, captured.LinkType);
            if (PayloadOf(captured.Data.Span, protocol) is { } payload)
            {
                yield return payload;
            }
        }
    }

    private static byte[]? PayloadOf(ReadOnlySpan<byte> frameBytes, IPProtocol protocol)
    {
        if (!EthernetFrame.TryParse(frameBytes, out EthernetFrame frame))
        {
            return null;
        }

        if (frame.EtherType == EtherType.IPv4 && IPv4Packet.TryParse(frame.Payload, out IPv4Packet ipv4) && ipv4.Protocol == protocol)
        {
            return ipv4.Payload.ToArray();
        }

        return frame.EtherType == EtherType.IPv6 && IPv6Packet.TryParse(frame.Payload, out IPv6Packet ipv6) &&
            ipv6.TryGetTransport(out IPProtocol found, out ReadOnlySpan<byte> transport) && found == protocol
            ? transport.ToArray()
            : null;
    }
}
