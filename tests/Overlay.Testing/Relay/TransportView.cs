using Overlay.Wire;

namespace Overlay.Testing.Relay;

/// <summary>What a relay has to know of an IP packet, of either version.</summary>
internal readonly ref struct TransportView
{
    /// <summary>4 or 6.</summary>
    public int Version { get; private init; }

    /// <summary>Bytes of the IP packet by its own account: padding of a short frame is not part of it.</summary>
    public int Length { get; private init; }

    public IPProtocol Protocol { get; private init; }

    public ValueIPAddress Source { get; private init; }

    public ValueIPAddress Destination { get; private init; }

    public bool IsFragment { get; private init; }

    public bool IsNonFirstFragment { get; private init; }

    /// <summary>IPv4 with "don't fragment", and IPv6 always.</summary>
    public bool MayNotBeFragmented { get; private init; }

    /// <summary>Where <see cref="Transport"/> begins in the packet.</summary>
    public int TransportOffset { get; private init; }

    /// <summary>What follows the headers of IP.</summary>
    public ReadOnlySpan<byte> Transport { get; private init; }

    public static bool TryParse(ReadOnlySpan<byte> packet, out TransportView view)
    {
        if (IPv4Packet.TryParse(packet, out IPv4Packet ipv4))
        {
            view = new TransportView
            {
                Version = 4,
                Length = ipv4.TotalLength,
                Protocol = ipv4.Protocol,
                Source = ipv4.Source,
                Destination = ipv4.Destination,
                IsFragment = ipv4.IsFragment,
                IsNonFirstFragment = ipv4.FragmentOffset != 0,
                MayNotBeFragmented = ipv4.DontFragment,
                TransportOffset = ipv4.HeaderLength,
                Transport = ipv4.Payload,
            };
            return true;
        }

        if (IPv6Packet.TryParse(packet, out IPv6Packet ipv6) && ipv6.TryGetTransport(out IPProtocol protocol, out ReadOnlySpan<byte> transport, out IPv6Fragment fragment))
        {
            int length = IPv6Packet.HeaderLength + ipv6.PayloadLength;
            view = new TransportView
            {
                Version = 6,
                Length = length,
                Protocol = protocol,
                Source = ipv6.Source,
                Destination = ipv6.Destination,
                IsFragment = fragment.IsPresent,
                IsNonFirstFragment = fragment.IsNonFirst,
                MayNotBeFragmented = true,
                TransportOffset = length - transport.Length,
                Transport = transport,
            };
            return true;
        }

        view = default;
        return false;
    }
}
