using Overlay.Wire;

namespace Overlay.Testing.Relay;

/// <summary>Which IP packets a <see cref="RelayRule"/> is for: those that agree with everything that is set. Frames that are not IP (ARP) never match.</summary>
public sealed record PacketMatch
{
    /// <summary>Every IP packet.</summary>
    public static PacketMatch Any { get; } = new();

    /// <summary>4 or 6; null for both.</summary>
    public int? IPVersion { get; init; }

    /// <summary>The protocol above IP, behind IPv6's extension headers.</summary>
    public IPProtocol? Protocol { get; init; }

    /// <summary>The destination port of UDP or TCP. Fragments but the first have none.</summary>
    public int? DestinationPort { get; init; }

    /// <summary>The source port of UDP or TCP.</summary>
    public int? SourcePort { get; init; }

    /// <summary>IP packets with more bytes than this.</summary>
    public int? LongerThan { get; init; }

    /// <summary>UDP datagrams with such a checksum. Fragments match none: their checksum is that of the whole.</summary>
    public UdpChecksumState? UdpChecksum { get; init; }

    /// <summary>The type of ICMP or, with <see cref="Protocol"/> ICMPv6, of ICMPv6.</summary>
    public int? IcmpType { get; init; }

    /// <summary>The code of ICMP.</summary>
    public int? IcmpCode { get; init; }

    /// <summary>Whether it is a fragment; null for either.</summary>
    public bool? IsFragment { get; init; }

    /// <summary>Whatever else is to hold, asked when the rest does.</summary>
    public PacketPredicate? Where { get; init; }

    /// <summary>UDP to a port, over IPv4 or IPv6.</summary>
    public static PacketMatch Udp(int destinationPort) => new() { Protocol = IPProtocol.Udp, DestinationPort = destinationPort };

    /// <summary>Packets that are too big, as their routers say it: ICMP "fragmentation needed", or ICMPv6 "packet too big".</summary>
    public static PacketMatch PacketTooBig { get; } = new() { Where = RelayIcmp.IsPacketTooBig };

    /// <summary>Whether this is such a packet.</summary>
    /// <param name="packet">What follows the Ethernet header.</param>
    public bool Matches(ReadOnlySpan<byte> packet)
    {
        if (!TransportView.TryParse(packet, out TransportView view))
        {
            return false;
        }

        bool hasPorts = !view.IsNonFirstFragment && view.Protocol is IPProtocol.Udp or IPProtocol.Tcp && view.Transport.Length >= 4;
        bool hasType = !view.IsNonFirstFragment && view.Protocol is IPProtocol.Icmp or IPProtocol.IcmpV6 && view.Transport.Length >= 2;
        return (IPVersion is null || IPVersion == view.Version)
            && (Protocol is null || Protocol == view.Protocol)
            && (SourcePort is null || (hasPorts && SourcePort == Word(view.Transport)))
            && (DestinationPort is null || (hasPorts && DestinationPort == Word(view.Transport[2..])))
            && (LongerThan is null || view.Length > LongerThan)
            && (IsFragment is null || IsFragment == view.IsFragment)
            && (IcmpType is null || (hasType && IcmpType == view.Transport[0]))
            && (IcmpCode is null || (hasType && IcmpCode == view.Transport[1]))
            && (UdpChecksum is null || UdpChecksum == ChecksumOf(view))
            && (Where is null || Where(packet));
    }

    private static int Word(ReadOnlySpan<byte> bytes) => (bytes[0] << 8) | bytes[1];

    private static UdpChecksumState? ChecksumOf(TransportView view)
    {
        if (view.IsFragment || view.Protocol != IPProtocol.Udp || !UdpPacket.TryParse(view.Transport, out UdpPacket udp))
        {
            return null;
        }

        return !udp.HasChecksum ? UdpChecksumState.Absent
            : udp.IsChecksumValid(view.Source, view.Destination) ? UdpChecksumState.Good
            : UdpChecksumState.Bad;
    }
}
