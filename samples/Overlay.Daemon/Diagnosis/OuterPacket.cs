using Overlay.Capture;
using Overlay.Daemon.Configuration;
using Overlay.DataPath;
using Overlay.Wire;

namespace Overlay.Daemon.Diagnosis;

/// <summary>
/// A whole outer packet, taken apart as the kernel does before the endpoint's socket has it: what the socket would not get is refused with the reason of the
/// library that comes nearest, though no counter here has it.
/// </summary>
internal sealed class OuterPacket
{
    private OuterPacket(byte[] payload, PacketMeta meta)
    {
        Payload = payload;
        Meta = meta;
    }

    /// <summary>What the socket's port leaves of it.</summary>
    public byte[] Payload { get; }

    /// <summary>What its outer headers say.</summary>
    public PacketMeta Meta { get; }

    /// <summary>Finds the IP packet in bytes of a link type.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="linkType">What they begin with; null to find out.</param>
    /// <param name="packet">From the IP header on; bytes behind the packet may follow.</param>
    /// <param name="took">What the bytes were taken for, or why there is none.</param>
    public static bool TryFindIP(ReadOnlySpan<byte> bytes, LinkType? linkType, out ReadOnlySpan<byte> packet, out string took)
    {
        packet = default;
        LinkType type = linkType ?? (LooksLikeIP(bytes) ? LinkType.Raw : LinkType.Ethernet);
        switch (type)
        {
            case LinkType.Raw or LinkType.IPv4 or LinkType.IPv6:
                packet = bytes;
                took = bytes.IsEmpty ? "an empty packet" : $"an IPv{bytes[0] >> 4} packet";
                return true;
            case LinkType.Ethernet:
                if (!EthernetFrame.TryParse(bytes, out EthernetFrame frame))
                {
                    took = $"neither an IP packet nor an Ethernet frame: {bytes.Length} bytes";
                    return false;
                }

                packet = frame.Payload;
                took = $"an Ethernet frame with {NameOf(frame.EtherType)}";
                return IsIP((ushort)frame.EtherType, ref took);
            case LinkType.LinuxCooked or LinkType.LinuxCooked2:
                // The EtherType: at the end of the 16 bytes of version 1, at the beginning of the 20 of version 2.
                (int length, int at) = type == LinkType.LinuxCooked ? (16, 14) : (20, 0);
                took = "a cooked capture";
                if (bytes.Length < length)
                {
                    took = $"a cooked capture of {bytes.Length} bytes; its header has {length}";
                    return false;
                }

                packet = bytes[length..];
                return IsIP((ushort)((bytes[at] << 8) | bytes[at + 1]), ref took);
            default:
                took = $"bytes of link type {(int)type}, which is not taken apart here; Ethernet, raw IP and Linux cooked captures are";
                return false;
        }
    }

    /// <summary>Takes an IP packet apart.</summary>
    /// <param name="packet">From the outer IP header on.</param>
    /// <param name="endpoint">The endpoint that it is for.</param>
    /// <param name="refusal">Why the endpoint does not get it.</param>
    /// <returns>null if it does not.</returns>
    public static OuterPacket? Read(ReadOnlySpan<byte> packet, EndpointConfig endpoint, out Explanation? refusal)
    {
        refusal = null;
        PacketMeta meta = default;
        IPProtocol protocol;
        ReadOnlySpan<byte> payload;
        bool isFragment;
        if (IPv4Packet.TryParse(packet, out IPv4Packet version4, out WireError error4))
        {
            (meta.Remote, meta.Local, meta.TrafficClass, meta.Ttl, meta.DontFragment) =
                (version4.Source, version4.Destination, version4.TrafficClass, version4.TimeToLive, version4.DontFragment);
            (protocol, isFragment) = (version4.Protocol, version4.IsFragment);
            payload = version4.Payload;
            if (!version4.IsChecksumValid)
            {
                refusal = Refuse(DropReason.BadChecksum, $"The checksum of the outer IPv4 header is wrong.");
                return null;
            }
        }
        else if (IPv6Packet.TryParse(packet, out IPv6Packet version6, out WireError error6))
        {
            (meta.Remote, meta.Local, meta.TrafficClass, meta.Ttl) = (version6.Source, version6.Destination, version6.TrafficClass, version6.HopLimit);
            if (!version6.TryGetTransport(out protocol, out payload, out IPv6Fragment fragment))
            {
                refusal = Refuse(DropReason.NotTunnel, "The outer IPv6 extension headers lead to no payload.");
                return null;
            }

            isFragment = fragment.IsPresent && !fragment.IsAtomic;
        }
        else
        {
            WireError error = !packet.IsEmpty && packet[0] >> 4 == 6 ? error6 : error4;
            refusal = Refuse(
                error == WireError.Version ? DropReason.BadVersion : error == WireError.Truncated ? DropReason.Truncated : DropReason.BadLength,
                $"The {packet.Length} bytes are no whole outer IP packet ({error}).");
            return null;
        }

        meta.Protocol = protocol;
        return isFragment
            ? Refused(DropReason.NotTunnel, "It is a fragment; the kernel puts fragments together first, so the whole packet is what can be explained.", out refusal)
            : meta.Local != endpoint.Local && !meta.Local.IsMulticast
                ? Refused(DropReason.NotTunnel, $"It is for {meta.Local}, and the endpoint is bound to {endpoint.Local}.", out refusal)
                : endpoint.Facts.IsOverUdp ? ReadUdp(payload, meta, endpoint, out refusal) : ReadOther(payload, meta, endpoint, out refusal);
    }

    private static OuterPacket? ReadUdp(ReadOnlySpan<byte> payload, PacketMeta meta, EndpointConfig endpoint, out Explanation? refusal)
    {
        refusal = null;
        if (meta.Protocol != IPProtocol.Udp)
        {
            return Refused(DropReason.NotTunnel, $"Its protocol is {(int)meta.Protocol}; {endpoint.Facts} is carried by UDP, 17.", out refusal);
        }

        if (!UdpPacket.TryParse(payload, out UdpPacket udp, out WireError error))
        {
            return Refused(error == WireError.Truncated ? DropReason.Truncated : DropReason.BadLength, "It has no whole UDP header, or a UDP length that does not fit.", out refusal);
        }

        if (udp.DestinationPort != endpoint.Port)
        {
            return Refused(DropReason.NotTunnel, $"It is for UDP port {udp.DestinationPort}, and the endpoint has port {endpoint.Port}.", out refusal);
        }

        if (!udp.HasChecksum && !meta.Remote.IsIPv4 && !endpoint.ZeroChecksumIPv6)
        {
            return Refused(DropReason.BadChecksum, "It has no UDP checksum, which over IPv6 is refused unless \"zeroChecksumIpv6\" is \"accept\" (RFC 6935).", out refusal);
        }

        if (udp.HasChecksum && !udp.IsChecksumValid(meta.Remote, meta.Local))
        {
            return Refused(DropReason.BadChecksum, $"The outer UDP checksum 0x{udp.Checksum:x4} is wrong; in a capture of the sending host that only says that its network card was to write it.", out refusal);
        }

        (meta.SourcePort, meta.DestinationPort) = (udp.SourcePort, udp.DestinationPort);
        return new OuterPacket(udp.Payload.ToArray(), meta);
    }

    private static OuterPacket? ReadOther(ReadOnlySpan<byte> payload, PacketMeta meta, EndpointConfig endpoint, out Explanation? refusal)
    {
        refusal = null;
        bool isRight = endpoint.Facts.IsGre ? meta.Protocol == IPProtocol.Gre : meta.Protocol is IPProtocol.IPv4 or IPProtocol.IPv6;
        return isRight
            ? new OuterPacket(payload.ToArray(), meta)
            : Refused(DropReason.NotTunnel, $"Its protocol is {(int)meta.Protocol}; {endpoint.Facts} has {(endpoint.Facts.IsGre ? "47" : "4 or 41")}.", out refusal);
    }

    private static OuterPacket? Refused(DropReason reason, string text, out Explanation? refusal)
    {
        refusal = Refuse(reason, text);
        return null;
    }

    private static Explanation Refuse(DropReason reason, string text) => new()
    {
        Verdict = ExplanationVerdict.Dropped,
        Reason = reason,
        Steps = [new ExplanationStep(ExplanationSource.Port, ExplanationOutcome.Decided, $"{text} The kernel drops it before overlayd sees it, so no counter here has it.")],
        Outputs = [],
        Remedy = DropRemedies.Of(reason),
    };

    private static bool LooksLikeIP(ReadOnlySpan<byte> bytes) => IPv4Packet.TryParse(bytes, out _) || IPv6Packet.TryParse(bytes, out _);

    private static bool IsIP(ushort type, ref string took)
    {
        if ((EtherType)type is EtherType.IPv4 or EtherType.IPv6)
        {
            return true;
        }

        took += ", which is no outer packet of a tunnel";
        return false;
    }

    private static string NameOf(EtherType type) => type switch
    {
        EtherType.IPv4 => "IPv4",
        EtherType.IPv6 => "IPv6",
        EtherType.Arp => "ARP",
        _ => $"type 0x{(ushort)type:x4}",
    };
}
