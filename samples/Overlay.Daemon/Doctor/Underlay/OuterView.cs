using Overlay.Wire;

namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>The outer headers of a packet, of either version of IP.</summary>
internal readonly ref struct OuterView
{
    /// <summary>Where from.</summary>
    public ValueIPAddress Source { get; private init; }

    /// <summary>Where to.</summary>
    public ValueIPAddress Destination { get; private init; }

    /// <summary>The protocol above IP.</summary>
    public IPProtocol Protocol { get; private init; }

    /// <summary>What follows the headers of IP.</summary>
    public ReadOnlySpan<byte> Transport { get; private init; }

    /// <summary>Whether it is a piece of a packet.</summary>
    public bool IsFragment { get; private init; }

    /// <summary>Whether the checksum of an IPv4 header is wrong.</summary>
    public bool HasWrongHeaderChecksum { get; private init; }

    /// <summary>Whether it is an ICMP or ICMPv6 echo reply.</summary>
    public bool IsEchoReply => Transport.Length > 0 && Protocol switch
    {
        IPProtocol.Icmp => Transport[0] == (byte)IcmpType.EchoReply,
        IPProtocol.IcmpV6 => Transport[0] == (byte)IcmpV6Type.EchoReply,
        _ => false,
    };

    /// <summary>Reads a packet.</summary>
    public static bool TryParse(ReadOnlySpan<byte> packet, out OuterView view)
    {
        if (IPv4Packet.TryParse(packet, out IPv4Packet ipv4))
        {
            view = new OuterView
            {
                Source = ipv4.Source,
                Destination = ipv4.Destination,
                Protocol = ipv4.Protocol,
                Transport = ipv4.Payload,
                IsFragment = ipv4.IsFragment,
                HasWrongHeaderChecksum = !ipv4.IsChecksumValid,
            };
            return true;
        }

        if (IPv6Packet.TryParse(packet, out IPv6Packet ipv6) && ipv6.TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> transport, out IPv6Fragment fragment))
        {
            view = new OuterView
            {
                Source = ipv6.Source,
                Destination = ipv6.Destination,
                Protocol = protocol,
                Transport = transport,
                IsFragment = fragment.IsPresent && !fragment.IsAtomic,
            };
            return true;
        }

        view = default;
        return false;
    }
}
