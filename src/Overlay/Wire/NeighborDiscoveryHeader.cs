using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>A neighbour solicitation or advertisement as a value, with its link-layer address option (RFC 4861 §4.3, §4.4, §4.6.1).</summary>
/// <param name="Type"><see cref="IcmpV6Type.NeighborSolicitation"/> or <see cref="IcmpV6Type.NeighborAdvertisement"/>.</param>
/// <param name="Target">The address that is asked for or announced: IPv6, not multicast.</param>
public readonly record struct NeighborDiscoveryHeader(IcmpV6Type Type, ValueIPAddress Target)
{
    /// <summary>The flags of an advertisement; a solicitation has none.</summary>
    public NeighborDiscoveryFlags Flags { get; init; }

    /// <summary>
    /// The MAC address to be written as option: of the sender in a solicitation, of the target in an advertisement. Null writes no option, as a
    /// solicitation from :: must (RFC 4861 §4.3).
    /// </summary>
    public MacAddress? LinkLayerAddress { get; init; }

    /// <summary>The checksum for <see cref="TryWrite"/>; <see cref="TryWriteMessage"/> computes it instead.</summary>
    public ushort Checksum { get; init; }

    /// <summary>Bytes of the message: 24, or 32 with the option.</summary>
    public int Length => NeighborDiscoveryPacket.MinimumLength + (LinkLayerAddress is null ? 0 : NeighborDiscoveryPacket.OptionLengthUnit);

    /// <summary>Writes the message, with <see cref="Checksum"/> as it is.</summary>
    /// <returns>
    /// false, with nothing written, if <paramref name="destination"/> is too short, <see cref="Type"/> is another, <see cref="Target"/> is IPv4
    /// or multicast, or <see cref="Flags"/> has bits that the message has not: they "MUST be initialized to zero by the sender".
    /// </returns>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        int length = Length;
        bytesWritten = 0;
        byte permitted = Type == IcmpV6Type.NeighborAdvertisement ? NeighborDiscoveryPacket.FlagsMask : (byte)0;
        if (destination.Length < length || Target.IsIPv4 || Target.IsMulticast || ((byte)Flags & ~permitted) != 0 ||
            Type is not (IcmpV6Type.NeighborSolicitation or IcmpV6Type.NeighborAdvertisement))
        {
            return false;
        }

        new IcmpV6Header(Type, 0, (uint)Flags << 24) { Checksum = Checksum }.TryWrite(destination, out _);
        Target.TryWriteBytes(destination[NeighborDiscoveryPacket.TargetOffset..], out _);
        if (LinkLayerAddress is { } address)
        {
            Span<byte> option = destination[NeighborDiscoveryPacket.MinimumLength..];
            option[0] = (byte)(Type == IcmpV6Type.NeighborSolicitation
                ? NeighborDiscoveryOptionType.SourceLinkLayerAddress
                : NeighborDiscoveryOptionType.TargetLinkLayerAddress);
            option[1] = 1;
            address.TryWriteBytes(option[2..]);
        }

        bytesWritten = length;
        return true;
    }

    /// <summary>Writes the message and computes its checksum (RFC 4443 §2.3).</summary>
    /// <param name="destination">Where to.</param>
    /// <param name="sourceAddress">The IPv6 source address.</param>
    /// <param name="destinationAddress">The IPv6 destination address.</param>
    /// <param name="bytesWritten"><see cref="Length"/>.</param>
    /// <returns>As <see cref="TryWrite"/>.</returns>
    public bool TryWriteMessage(Span<byte> destination, ValueIPAddress sourceAddress, ValueIPAddress destinationAddress, out int bytesWritten)
    {
        if (!(this with { Checksum = 0 }).TryWrite(destination, out bytesWritten))
        {
            return false;
        }

        Span<byte> message = destination[..bytesWritten];
        ulong pseudoHeader = InternetChecksum.PseudoHeader(sourceAddress, destinationAddress, IPProtocol.IcmpV6, bytesWritten);
        BinaryPrimitives.WriteUInt16BigEndian(message[IcmpV6Packet.ChecksumOffset..], InternetChecksum.Compute(message, pseudoHeader));
        return true;
    }
}
