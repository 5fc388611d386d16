using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>What the data path needs to know of an inner IP header, of either family.</summary>
internal readonly struct InnerIP
{
    private const int CompatiblePrefixLength = 96;

    private InnerIP(in IPv4Packet packet)
    {
        Source = packet.Source;
        Destination = packet.Destination;
        TrafficClass = packet.TrafficClass;
        Ttl = packet.TimeToLive;
        DontFragment = packet.DontFragment;
        Length = packet.TotalLength;
        IsIPv4 = true;
    }

    private InnerIP(in IPv6Packet packet)
    {
        Source = packet.Source;
        Destination = packet.Destination;
        TrafficClass = packet.TrafficClass;
        Ttl = packet.HopLimit;
        // IPv6 routers never fragment: a packet behaves as if DF were set (RFC 8200 §4.5).
        DontFragment = true;
        Length = IPv6Packet.HeaderLength + packet.PayloadLength;
        HasMappedAddress = Source.IsIPv4 || Destination.IsIPv4;
        // ::/96 holds the loopback address and those compatible with IPv4; the unspecified address is what duplicate address detection sends from.
        HasInvalidSource = !Source.IsIPv4 && (Source.IsMulticast || (Source.Mask(CompatiblePrefixLength).IsUnspecified && !Source.IsUnspecified));
    }

    /// <summary>Whether the header is IPv4.</summary>
    public bool IsIPv4 { get; }

    public ValueIPAddress Source { get; }

    public ValueIPAddress Destination { get; }

    public byte TrafficClass { get; }

    public byte Ttl { get; }

    public bool DontFragment { get; }

    /// <summary>Header and payload, as the header says.</summary>
    public int Length { get; }

    /// <summary>Whether an IPv6 header carries an IPv4-mapped address, which the tables could not tell from IPv4.</summary>
    public bool HasMappedAddress { get; }

    /// <summary>Whether an IPv6 header comes from a multicast, loopback or IPv4-compatible address, which no packet on a link may (RFC 4213 §3.6).</summary>
    public bool HasInvalidSource { get; }

    /// <summary>Reads the header at the front of <paramref name="packet"/>; the version nibble says which.</summary>
    public static bool TryRead(ReadOnlySpan<byte> packet, out InnerIP ip, out WireError error)
    {
        ip = default;
        switch (packet.IsEmpty ? 0 : packet[0] >> 4)
        {
            case 4:
                if (!IPv4Packet.TryParse(packet, out IPv4Packet packet4, out error))
                {
                    return false;
                }

                ip = new InnerIP(packet4);
                return true;
            case 6:
                if (!IPv6Packet.TryParse(packet, out IPv6Packet packet6, out error))
                {
                    return false;
                }

                ip = new InnerIP(packet6);
                return true;
            default:
                error = packet.IsEmpty ? WireError.Truncated : WireError.Version;
                return false;
        }
    }

    /// <summary>The drop reason for an inner packet that could not be read.</summary>
    public static DropReason ToDropReason(WireError error) => error switch
    {
        WireError.Truncated or WireError.TotalLength => DropReason.InnerTruncated,
        WireError.Version => DropReason.BadVersion,
        _ => DropReason.BadLength,
    };
}
