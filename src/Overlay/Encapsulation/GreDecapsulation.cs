using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>What stands in a packet whose outer protocol is GRE (RFC 2784, RFC 2890).</summary>
internal static class GreDecapsulation
{
    /// <summary>Examines the GRE header and the beginning of what it carries.</summary>
    /// <param name="packet">The outer packet, cut to its own length.</param>
    /// <param name="offset">Where the payload of IP begins.</param>
    /// <param name="protocol">What the payload of IP is.</param>
    /// <param name="ethernet">Whether the inner packet is to be an Ethernet frame; otherwise an IP packet.</param>
    /// <param name="inner">The parts, if the method returns <see cref="DropReason.None"/>.</param>
    public static DropReason Examine(ReadOnlySpan<byte> packet, int offset, IPProtocol protocol, bool ethernet, out Decapsulated inner)
    {
        inner = default;
        if (protocol != IPProtocol.Gre)
        {
            return DropReason.NotTunnel;
        }

        if (!GrePacket.TryParse(packet[offset..], out GrePacket gre, out WireError error))
        {
            return ToDropReason(error);
        }

        if (gre.HasChecksum && !gre.IsChecksumValid)
        {
            return DropReason.BadChecksum;
        }

        EtherType type = gre.ProtocolType;
        DropReason reason = Judge(type, ethernet);
        if (reason != DropReason.None)
        {
            return reason;
        }

        if (!ethernet && !gre.Payload.IsEmpty && gre.Payload[0] >> 4 != (type == EtherType.IPv4 ? 4 : 6))
        {
            return DropReason.BadVersion;
        }

        int minimum = ethernet ? EthernetFrame.MinimumHeaderLength : type == EtherType.IPv4 ? IPv4Packet.MinimumHeaderLength : IPv6Packet.HeaderLength;
        if (gre.Payload.Length < minimum)
        {
            return DropReason.InnerTruncated;
        }

        inner = new Decapsulated(
            packet, packet[0] >> 4 == 4, offset + gre.HeaderLength, IPProtocol.Gre, ethernet ? TunnelKind.Gretap : TunnelKind.Gre, type, gre.HeaderLength,
            (((ulong)gre.Flags << 16) | (ulong)type) << 32);
        return DropReason.None;
    }

    /// <summary>
    /// Why a tunnel does not carry such a payload: one that nobody knows here is to be discarded (RFC 2784 §2.4), and what is the other kind's is no packet
    /// of this tunnel.
    /// </summary>
    public static DropReason Judge(EtherType type, bool ethernet) => type switch
    {
        EtherType.TransparentEthernetBridging => ethernet ? DropReason.None : DropReason.NotTunnel,
        EtherType.IPv4 or EtherType.IPv6 => ethernet ? DropReason.NotTunnel : DropReason.None,
        _ => DropReason.UnknownProtocol,
    };

    /// <summary>The drop reason for a header that could not be read.</summary>
    public static DropReason ToDropReason(WireError error) => error switch
    {
        WireError.Version => DropReason.HeaderVersion,
        WireError.Flags => DropReason.BadFlags,
        _ => DropReason.Truncated,
    };
}
