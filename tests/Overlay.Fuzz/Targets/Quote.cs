using Overlay.Wire;

namespace Overlay.Fuzz.Targets;

/// <summary>What an ICMP error quotes behind an IP header.</summary>
internal static class Quote
{
    /// <summary>Reads it as far as it is there.</summary>
    public static void Read(IPProtocol protocol, ReadOnlySpan<byte> transport)
    {
        switch (protocol)
        {
            case IPProtocol.Udp:
                UdpTarget.Fuzz(transport);
                if (transport.Length >= UdpPacket.HeaderLength)
                {
                    VxlanTarget.Fuzz(transport[UdpPacket.HeaderLength..]);
                }

                break;
            case IPProtocol.Tcp:
                TcpTarget.Fuzz(transport);
                break;
            case IPProtocol.IPv4:
                if (IPv4Packet.TryParseTruncated(transport, out IPv4Packet ipv4))
                {
                    IPv4Target.Read(transport, ipv4);
                }

                break;
            case IPProtocol.IPv6:
                if (IPv6Packet.TryParseTruncated(transport, out IPv6Packet ipv6))
                {
                    IPv6Target.Read(transport, ipv6);
                }

                break;
        }
    }
}
