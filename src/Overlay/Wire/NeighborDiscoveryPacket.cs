using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>The three flags of a neighbour advertisement (RFC 4861 §4.4). A solicitation has none.</summary>
[Flags]
public enum NeighborDiscoveryFlags : byte
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>O: the advertisement overrides what the receiver has cached.</summary>
    Override = 0x20,

    /// <summary>S: the advertisement answers a solicitation.</summary>
    Solicited = 0x40,

    /// <summary>R: the sender is a router.</summary>
    Router = 0x80,
}

/// <summary>The option types of neighbour discovery that matter here (RFC 4861 §4.6).</summary>
public enum NeighborDiscoveryOptionType : byte
{
    /// <summary>The link-layer address of the sender, in solicitations (§4.6.1).</summary>
    SourceLinkLayerAddress = 1,

    /// <summary>The link-layer address of the target, in advertisements (§4.6.1).</summary>
    TargetLinkLayerAddress = 2,

    /// <summary>The nonce of enhanced duplicate address detection (RFC 7527 §4.1, RFC 3971 §5.3.2).</summary>
    Nonce = 14,
}

/// <summary>
/// A view of a neighbour solicitation or advertisement (RFC 4861 §4.3, §4.4) whose options have been walked to the end.
/// </summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Type      |     Code      |          Checksum             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |R|S|O|                     Reserved                            |  flags in advertisements only
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// +                       Target Address (16 bytes)               +
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   Options: type, length in units of 8 bytes, value ...
/// +-+-+-+-+-+-+-+-+-+-+-+-
/// </code>
/// Of the checks that RFC 4861 §7.1 asks of a receiver, the parser makes those that the message alone allows: length, code, target and option
/// lengths. The caller checks what lies outside: hop limit 255, the checksum (<see cref="IcmpV6Packet.IsChecksumValid"/>), and the addresses.
/// </remarks>
public readonly ref struct NeighborDiscoveryPacket
{
    /// <summary>Bytes of a message without options.</summary>
    public const int MinimumLength = 24;

    /// <summary>The hop limit of every neighbour discovery packet: one that crossed a router has less (RFC 4861 §7.1).</summary>
    public const byte RequiredHopLimit = 255;

    internal const int FlagsOffset = 4;
    internal const int TargetOffset = 8;
    internal const int OptionLengthUnit = 8;
    internal const byte FlagsMask = (byte)(NeighborDiscoveryFlags.Router | NeighborDiscoveryFlags.Solicited | NeighborDiscoveryFlags.Override);

    private readonly ReadOnlySpan<byte> _message;

    private NeighborDiscoveryPacket(ReadOnlySpan<byte> message) => _message = message;

    /// <summary><see cref="IcmpV6Type.NeighborSolicitation"/> or <see cref="IcmpV6Type.NeighborAdvertisement"/>.</summary>
    public IcmpV6Type Type => (IcmpV6Type)_message[0];

    /// <summary>The flags of an advertisement. A solicitation has reserved bits there, which "MUST be ignored by the receiver": none.</summary>
    public NeighborDiscoveryFlags Flags =>
        Type == IcmpV6Type.NeighborAdvertisement ? (NeighborDiscoveryFlags)(_message[FlagsOffset] & FlagsMask) : NeighborDiscoveryFlags.None;

    /// <summary>The checksum as it stands in the header.</summary>
    public ushort Checksum => BinaryPrimitives.ReadUInt16BigEndian(_message[IcmpV6Packet.ChecksumOffset..]);

    /// <summary>The address that is asked for or announced; never multicast.</summary>
    public ValueIPAddress Target => ValueIPAddress.ReadIPv6(_message[TargetOffset..]);

    /// <summary>The options: a multiple of 8 bytes, each option within it.</summary>
    public ReadOnlySpan<byte> Options => _message[MinimumLength..];

    /// <summary>Reads a message.</summary>
    /// <param name="source">The upper-layer payload of the IPv6 packet.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if it is not a valid neighbour solicitation or advertisement.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out NeighborDiscoveryPacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a message and says what is wrong with it.</summary>
    /// <param name="source">The upper-layer payload of the IPv6 packet.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>: fewer than 24 bytes, or an option that reaches beyond the end. <see cref="WireError.Unsupported"/>:
    /// another type, or a code other than 0. <see cref="WireError.HeaderLength"/>: an option of length zero, upon which nodes "MUST silently
    /// discard" the packet (§4.6). <see cref="WireError.Flags"/>: a multicast target (§7.1).
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out NeighborDiscoveryPacket packet, out WireError error)
    {
        packet = default;
        if (source.Length < MinimumLength)
        {
            error = WireError.Truncated;
            return false;
        }

        if ((IcmpV6Type)source[0] is not (IcmpV6Type.NeighborSolicitation or IcmpV6Type.NeighborAdvertisement) ||
            source[IcmpV6Packet.CodeOffset] != 0)
        {
            error = WireError.Unsupported;
            return false;
        }

        if (source[TargetOffset] == 0xFF)
        {
            error = WireError.Flags;
            return false;
        }

        // Each step takes at least 8 bytes, so the walk ends.
        ReadOnlySpan<byte> options = source[MinimumLength..];
        while (!options.IsEmpty)
        {
            if (!TryTakeOption(options, out int length, out error))
            {
                return false;
            }

            options = options[length..];
        }

        packet = new NeighborDiscoveryPacket(source);
        error = WireError.None;
        return true;
    }

    /// <summary>The sender's MAC address, if the message has that option with the length of an Ethernet address.</summary>
    public bool TryGetSourceLinkLayerAddress(out MacAddress address) =>
        TryGetLinkLayerAddress(NeighborDiscoveryOptionType.SourceLinkLayerAddress, out address);

    /// <summary>The target's MAC address, if the message has that option with the length of an Ethernet address.</summary>
    public bool TryGetTargetLinkLayerAddress(out MacAddress address) =>
        TryGetLinkLayerAddress(NeighborDiscoveryOptionType.TargetLinkLayerAddress, out address);

    /// <summary>Finds the first option of a type.</summary>
    /// <param name="type">The type.</param>
    /// <param name="option">The whole option, its type and length bytes included: a multiple of 8 bytes.</param>
    public bool TryGetOption(NeighborDiscoveryOptionType type, out ReadOnlySpan<byte> option)
    {
        ReadOnlySpan<byte> options = Options;
        while (TryTakeOption(options, out int length, out _))
        {
            if (options[0] == (byte)type)
            {
                option = options[..length];
                return true;
            }

            options = options[length..];
        }

        option = default;
        return false;
    }

    /// <summary>The message as a value; of the options only the link-layer address that belongs to its type.</summary>
    public NeighborDiscoveryHeader ToHeader()
    {
        bool hasAddress = Type == IcmpV6Type.NeighborSolicitation
            ? TryGetSourceLinkLayerAddress(out MacAddress address)
            : TryGetTargetLinkLayerAddress(out address);
        return new NeighborDiscoveryHeader(Type, Target) { Flags = Flags, LinkLayerAddress = hasAddress ? address : null, Checksum = Checksum };
    }

    private bool TryGetLinkLayerAddress(NeighborDiscoveryOptionType type, out MacAddress address)
    {
        // RFC 2464 §6: for Ethernet the length is 1, that is, 8 bytes.
        if (TryGetOption(type, out ReadOnlySpan<byte> option) && option.Length == OptionLengthUnit)
        {
            address = MacAddress.Read(option[2..]);
            return true;
        }

        address = default;
        return false;
    }

    private static bool TryTakeOption(ReadOnlySpan<byte> options, out int length, out WireError error)
    {
        length = options.Length < 2 ? 0 : options[1] * OptionLengthUnit;
        error = options.Length < 2 || length > options.Length ? WireError.Truncated : length == 0 ? WireError.HeaderLength : WireError.None;
        return error == WireError.None;
    }
}

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
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    /// <exception cref="InvalidOperationException">
    /// <see cref="Type"/> is another, <see cref="Target"/> is IPv4 or multicast, or <see cref="Flags"/> has bits that the message has not: they
    /// "MUST be initialized to zero by the sender".
    /// </exception>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        byte permitted = Type == IcmpV6Type.NeighborAdvertisement ? NeighborDiscoveryPacket.FlagsMask : (byte)0;
        if (Type is not (IcmpV6Type.NeighborSolicitation or IcmpV6Type.NeighborAdvertisement) || Target.IsIPv4 || Target.IsMulticast ||
            ((byte)Flags & ~permitted) != 0)
        {
            throw new InvalidOperationException($"No neighbour discovery message has type {Type}, target {Target} and flags {Flags}.");
        }

        int length = Length;
        bytesWritten = 0;
        if (destination.Length < length)
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
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    /// <exception cref="InvalidOperationException">As <see cref="TryWrite"/>.</exception>
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
