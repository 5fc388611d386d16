using Overlay.DataPath;
using Overlay.Wire;

namespace Overlay.Capture;

/// <summary>
/// The outer IP and UDP headers of a received packet, written again from what the kernel told of them, so that whoever reads a capture sees the tunnel.
/// </summary>
internal static class TraceOuterHeader
{
    /// <summary>The most bytes that <see cref="Write"/> writes.</summary>
    public const int MaxLength = IPv6Packet.HeaderLength + UdpPacket.HeaderLength;

    /// <summary>Writes the headers.</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="facts">The encapsulation.</param>
    /// <param name="meta">The packet's meta as it was received.</param>
    /// <param name="payload">What the port left of the packet, as far as it was kept.</param>
    /// <param name="length">How long that was.</param>
    /// <returns>Bytes written.</returns>
    public static int Write(Span<byte> destination, TunnelFacts facts, in PacketMeta meta, ReadOnlySpan<byte> payload, int length)
    {
        int udp = facts.IsOverUdp ? UdpPacket.HeaderLength : 0;
        int network;
        IPProtocol protocol = facts.IsOverUdp ? IPProtocol.Udp : meta.Protocol;
        ushort total = (ushort)Math.Min(udp + length, ushort.MaxValue - IPv6Packet.HeaderLength);
        ValueIPAddress local = meta.Local.IsIPv4 == meta.Remote.IsIPv4 ? meta.Local : meta.Remote.IsIPv4 ? ValueIPAddress.FromIPv4(0) : default;
        if (meta.Remote.IsIPv4)
        {
            IPv4Header header = new(meta.Remote, local, protocol)
            {
                PayloadLength = total,
                TrafficClass = meta.TrafficClass,
                TimeToLive = meta.Ttl,
                Flags = meta.DontFragment ? IPv4Flags.DontFragment : 0,
            };
            _ = header.TryWrite(destination, out network);
        }
        else
        {
            IPv6Header header = new(meta.Remote, local, protocol)
            {
                PayloadLength = total,
                TrafficClass = meta.TrafficClass,
                HopLimit = meta.Ttl,
                FlowLabel = meta.FlowLabel,
            };
            _ = header.TryWrite(destination, out network);
        }

        if (udp == 0)
        {
            return network;
        }

        _ = new UdpHeader(meta.SourcePort, meta.DestinationPort, total).TryWrite(destination[network..], out _);
        if (!meta.Remote.IsIPv4 && payload.Length == length)
        {
            // Over IPv6 a checksum must be there; over IPv4 none says that nobody knows what it was.
            ushort checksum = Checksum(destination.Slice(network, udp), payload, meta.Remote, local, total);
            _ = new UdpHeader(meta.SourcePort, meta.DestinationPort, total, checksum).TryWrite(destination[network..], out _);
        }

        return network + udp;
    }

    private static ushort Checksum(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload, ValueIPAddress source, ValueIPAddress destination, int length)
    {
        ulong sum = InternetChecksum.Partial(header, InternetChecksum.PseudoHeader(source, destination, IPProtocol.Udp, length));
        ushort checksum = InternetChecksum.Compute(payload, sum);
        return checksum == 0 ? ushort.MaxValue : checksum;
    }
}
