using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>A view of a Geneve packet, that is, of a UDP payload: the header, its options, and the inner packet (RFC 8926 §3.4).</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Ver|  Opt Len  |O|C|    Rsvd.  |          Protocol Type        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |        Virtual Network Identifier (VNI)       |    Reserved   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// ~                    Variable-Length Options                    ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// The parser walks the options to the end: a packet whose options do not add up to Opt Len is not parsed. What it leaves to the caller: a control
/// packet's payload "MUST NOT be forwarded" (§3.4), a packet with a critical option that the receiver does not know "MUST be dropped" (§3.5), and
/// reserved bits, which "MUST be ignored on receipt"; <see cref="RawHeader"/> has them.
/// </remarks>
public readonly ref struct GenevePacket
{
    /// <summary>Bytes of a header without options.</summary>
    public const int MinimumHeaderLength = 8;

    /// <summary>Bytes of the options at most: 63 words.</summary>
    public const int MaximumOptionsLength = 63 * OptionsLengthUnit;

    /// <summary>Bytes of a header with the most options.</summary>
    public const int MaximumHeaderLength = MinimumHeaderLength + MaximumOptionsLength;

    /// <summary>The UDP port that IANA assigned (§3.3).</summary>
    public const ushort DefaultPort = 6081;

    internal const int OptionsLengthUnit = 4;
    internal const int OptionsLengthMask = 0x3F;
    internal const int VersionShift = 6;
    internal const int FlagsOffset = 1;
    internal const int ProtocolTypeOffset = 2;
    internal const int VniOffset = 4;
    internal const byte ControlBit = 0x80;
    internal const byte CriticalBit = 0x40;

    private readonly ReadOnlySpan<byte> _packet;

    // Kept from the check: the bytes may change under the view.
    private readonly int _headerLength;
    private readonly bool _hasCriticalOption;

    private GenevePacket(ReadOnlySpan<byte> packet, int headerLength, bool hasCriticalOption)
    {
        _packet = packet;
        _headerLength = headerLength;
        _hasCriticalOption = hasCriticalOption;
    }

    /// <summary>The version, 0.</summary>
    public int Version => _packet[0] >> VersionShift;

    /// <summary>Bytes of header and options: 8 to 260.</summary>
    public int HeaderLength => _headerLength;

    /// <summary>O: a control packet; its payload is for this endpoint and "MUST NOT be forwarded" (§3.4).</summary>
    public bool IsControl => (_packet[FlagsOffset] & ControlBit) != 0;

    /// <summary>C: what the sender says about its options. <see cref="HasCriticalOption"/> is what they are.</summary>
    public bool AnnouncesCriticalOption => (_packet[FlagsOffset] & CriticalBit) != 0;

    /// <summary>Whether an option has the critical bit, found by walking them; a receiver that does not know that option drops the packet (§3.5).</summary>
    public bool HasCriticalOption => _hasCriticalOption;

    /// <summary>What the payload is; <see cref="EtherType.TransparentEthernetBridging"/> for an Ethernet frame.</summary>
    public EtherType ProtocolType => (EtherType)BinaryPrimitives.ReadUInt16BigEndian(_packet[ProtocolTypeOffset..]);

    /// <summary>The network identifier.</summary>
    public Vni Vni => Vni.FromUpper24(BinaryPrimitives.ReadUInt32BigEndian(_packet[VniOffset..]));

    /// <summary>The 8 bytes without the options as a number, first byte highest, with every reserved bit as received.</summary>
    public ulong RawHeader => BinaryPrimitives.ReadUInt64BigEndian(_packet);

    /// <summary>The options as bytes: 0 to 252, a multiple of four.</summary>
    public ReadOnlySpan<byte> OptionBytes => _packet[MinimumHeaderLength.._headerLength];

    /// <summary>The options, for <c>foreach</c>.</summary>
    public GeneveOptionEnumerator Options => new(OptionBytes);

    /// <summary>The inner packet: all that follows the header.</summary>
    public ReadOnlySpan<byte> Payload => _packet[_headerLength..];

    /// <summary>Reads a packet.</summary>
    /// <param name="source">The UDP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if the header is cut off, of another version, or has options of a wrong length.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out GenevePacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a packet and says what is wrong with it.</summary>
    /// <param name="source">The UDP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>: fewer than 8 bytes, or fewer than Opt Len announces. <see cref="WireError.Version"/>: "an unknown version
    /// MUST be dropped" (§3.4). <see cref="WireError.HeaderLength"/>: the lengths of the options do not add up to Opt Len; such a packet "MUST be
    /// silently dropped" (§3.5).
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out GenevePacket packet, out WireError error)
    {
        packet = default;
        if (source.Length < MinimumHeaderLength)
        {
            error = WireError.Truncated;
            return false;
        }

        int first = source[0];
        if (first >> VersionShift != 0)
        {
            error = WireError.Version;
            return false;
        }

        int headerLength = MinimumHeaderLength + ((first & OptionsLengthMask) * OptionsLengthUnit);
        if (source.Length < headerLength)
        {
            error = WireError.Truncated;
            return false;
        }

        if (!GeneveOptionEnumerator.TryWalk(source[MinimumHeaderLength..headerLength], out bool hasCriticalOption))
        {
            error = WireError.HeaderLength;
            return false;
        }

        packet = new GenevePacket(source, headerLength, hasCriticalOption);
        error = WireError.None;
        return true;
    }

    /// <summary>Finds the first option of a class and type.</summary>
    /// <param name="optionClass">The class.</param>
    /// <param name="type">The type, its critical bit included.</param>
    /// <param name="option">The option, if the method returns true.</param>
    public bool TryGetOption(ushort optionClass, byte type, out GeneveOption option)
    {
        foreach (GeneveOption candidate in Options)
        {
            if (candidate.Class == optionClass && candidate.Type == type)
            {
                option = candidate;
                return true;
            }
        }

        option = default;
        return false;
    }

    /// <summary>
    /// The header as a value, without options, C bit and reserved bits; <see cref="GeneveHeader.TryWrite(Span{byte}, ReadOnlySpan{byte}, out int)"/>
    /// takes <see cref="OptionBytes"/>.
    /// </summary>
    public GeneveHeader ToHeader() => new(Vni, ProtocolType) { IsControl = IsControl };
}

/// <summary>The Geneve header as a value, to be built, compared and written; options are written beside it (RFC 8926 §3.4).</summary>
/// <param name="Vni">The network identifier.</param>
/// <param name="ProtocolType">What the payload is; unless given, an Ethernet frame.</param>
/// <remarks>There is no C bit to set: it follows from the options that are written. The default value has no protocol type and is not written.</remarks>
public readonly record struct GeneveHeader(Vni Vni, EtherType ProtocolType = EtherType.TransparentEthernetBridging)
{
    /// <summary>O: a control packet.</summary>
    public bool IsControl { get; init; }

    /// <summary>Writes the 8 bytes of a header without options.</summary>
    /// <inheritdoc cref="TryWrite(Span{byte}, ReadOnlySpan{byte}, out int)"/>
    public bool TryWrite(Span<byte> destination, out int bytesWritten) => TryWrite(destination, default, out bytesWritten);

    /// <summary>
    /// Writes the header and its options. The C bit is set if one of them has its critical bit, as §3.5 demands; reserved bits of the header are zero.
    /// </summary>
    /// <param name="destination">Takes 8 bytes and the options; these may lie in it already, anywhere.</param>
    /// <param name="options">Whole options, at most 252 bytes: what <see cref="GeneveOptionsBuilder.Written"/> or <see cref="GenevePacket.OptionBytes"/> holds.</param>
    /// <param name="bytesWritten">8 and the length of the options, or 0.</param>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    /// <exception cref="ArgumentException">More than 252 bytes of options, or their lengths do not add up.</exception>
    /// <exception cref="InvalidOperationException"><see cref="ProtocolType"/> is no EtherType (below 0x0600), as in the default value.</exception>
    public bool TryWrite(Span<byte> destination, ReadOnlySpan<byte> options, out int bytesWritten)
    {
        if (options.Length > GenevePacket.MaximumOptionsLength)
        {
            throw new ArgumentException(
                $"Geneve options have at most {GenevePacket.MaximumOptionsLength} bytes; these have {options.Length}.", nameof(options));
        }

        if (!GeneveOptionEnumerator.TryWalk(options, out bool hasCriticalOption))
        {
            throw new ArgumentException($"The lengths of the Geneve options do not add up to the {options.Length} bytes given.", nameof(options));
        }

        if (!ProtocolTypeIsValid(ProtocolType))
        {
            throw new InvalidOperationException($"The protocol type of a Geneve header is an EtherType, from 0x0600 on; this one is 0x{(ushort)ProtocolType:X4}.");
        }

        int length = GenevePacket.MinimumHeaderLength + options.Length;
        bytesWritten = 0;
        if (destination.Length < length)
        {
            return false;
        }

        // First the options: they may lie where the header is about to be written.
        options.CopyTo(destination[GenevePacket.MinimumHeaderLength..]);
        destination[0] = (byte)(options.Length / GenevePacket.OptionsLengthUnit);
        destination[GenevePacket.FlagsOffset] =
            (byte)((IsControl ? GenevePacket.ControlBit : 0) | (hasCriticalOption ? GenevePacket.CriticalBit : 0));
        BinaryPrimitives.WriteUInt16BigEndian(destination[GenevePacket.ProtocolTypeOffset..], (ushort)ProtocolType);
        BinaryPrimitives.WriteUInt32BigEndian(destination[GenevePacket.VniOffset..], Vni.Value << 8);
        bytesWritten = length;
        return true;
    }

    // IEEE 802.3 §3.2.6: smaller numbers are lengths.
    private static bool ProtocolTypeIsValid(EtherType type) => (ushort)type >= 0x0600;
}
