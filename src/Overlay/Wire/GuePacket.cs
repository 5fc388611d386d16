using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>
/// A view of a packet of Generic UDP Encapsulation, that is, of a UDP payload: variant 0, which has a header, or variant 1, which is an IP packet
/// (draft-ietf-intarea-gue-09 §3, §4).
/// </summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | 0 |C|   Hlen  |  Proto/ctype  |             Flags             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// ~    Extension fields and private data (optional, Hlen words)   ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// Variant 1 has no header: its two bits, 01, are the upper two of the version of the IPv4 (0100) or IPv6 (0110) packet that begins with them.
/// Flags are not judged here. The draft defines none, its extensions do, and some of them change what the payload is (fragmentation, payload
/// transform, remote checksum offload); a decapsulator drops a packet with a flag that it does not know (§5.4, and Linux does).
/// </remarks>
public readonly ref struct GuePacket
{
    /// <summary>Bytes of a header of variant 0 without extension fields, 4.</summary>
    public const int MinimumHeaderLength = 4;

    /// <summary>Bytes of the longest header of variant 0, 128.</summary>
    public const int MaximumHeaderLength = MinimumHeaderLength + (HeaderLengthMask * HeaderLengthUnit);

    /// <summary>The UDP port that IANA assigned.</summary>
    public const ushort DefaultPort = 6080;

    internal const int ProtocolOffset = 1;
    internal const int FlagsOffset = 2;
    internal const int ControlBit = 0x20;
    internal const int HeaderLengthUnit = 4;

    private const int HeaderLengthMask = 0x1F;
    private const int VariantShift = 6;

    // What is read once is kept: somebody who changes the memory under a view must not move its bounds or its meaning.
    private readonly ReadOnlySpan<byte> _header;
    private readonly ReadOnlySpan<byte> _payload;
    private readonly IPProtocol _protocol;
    private readonly byte? _controlType;

    private GuePacket(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload, IPProtocol protocol, byte? controlType)
    {
        _header = header;
        _payload = payload;
        _protocol = protocol;
        _controlType = controlType;
    }

    /// <summary>0, or 1 for an IP packet without a header in front.</summary>
    public int Variant => _header.IsEmpty ? 1 : 0;

    /// <summary>Bytes of the header, extension fields and private data included: 4 to 128; 0 in variant 1.</summary>
    public int HeaderLength => _header.Length;

    /// <summary>C: whether this is a control message, which a decapsulator must not forward (§3.1).</summary>
    public bool IsControl => _controlType is not null;

    /// <summary>The type of a control message (§3.2.2); 0 in a data message.</summary>
    public byte ControlType => _controlType ?? 0;

    /// <summary>
    /// What the payload of a data message is (§3.2.1); <see cref="IPProtocol.NoNextHeader"/> if it begins with no header of an IP protocol, and in a
    /// control message.
    /// </summary>
    public IPProtocol Protocol => _protocol;

    /// <summary>The flags as received; 0 in variant 1.</summary>
    public ushort Flags => _header.IsEmpty ? (ushort)0 : BinaryPrimitives.ReadUInt16BigEndian(_header[FlagsOffset..]);

    /// <summary>Extension fields and private data: 0 to 124 bytes.</summary>
    public ReadOnlySpan<byte> Extensions => _header.IsEmpty ? default : _header[MinimumHeaderLength..];

    /// <summary>All that follows the header; in variant 1, everything.</summary>
    public ReadOnlySpan<byte> Payload => _payload;

    /// <summary>Reads a packet.</summary>
    /// <param name="source">The UDP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if the header is cut off or of another variant.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out GuePacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a packet and says what is wrong with it.</summary>
    /// <param name="source">The UDP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>: no byte; in variant 0, fewer than 4 bytes or than Hlen says. <see cref="WireError.Version"/>: variant 2 or 3,
    /// or variant 1 with an IP version that is neither 4 nor 6.
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out GuePacket packet, out WireError error)
    {
        packet = default;
        if (source.IsEmpty)
        {
            error = WireError.Truncated;
            return false;
        }

        int first = source[0];
        if (first >> VariantShift != 0)
        {
            error = (first >> 4) is 4 or 6 ? WireError.None : WireError.Version;
            if (error == WireError.None)
            {
                packet = new GuePacket(default, source, first >> 4 == 4 ? IPProtocol.IPv4 : IPProtocol.IPv6, null);
            }

            return error == WireError.None;
        }

        int headerLength = MinimumHeaderLength + ((first & HeaderLengthMask) * HeaderLengthUnit);
        if (source.Length < headerLength)
        {
            error = WireError.Truncated;
            return false;
        }

        byte protocol = source[ProtocolOffset];
        bool isControl = (first & ControlBit) != 0;
        packet = new GuePacket(
            source[..headerLength], source[headerLength..], isControl ? IPProtocol.NoNextHeader : (IPProtocol)protocol, isControl ? protocol : null);
        error = WireError.None;
        return true;
    }

    /// <summary>
    /// The header as a value, without <see cref="Extensions"/>, which <see cref="GueHeader.TryWrite(Span{byte}, ReadOnlySpan{byte}, out int)"/> takes;
    /// of variant 1, the header that says the same in variant 0.
    /// </summary>
    public GueHeader ToHeader() => new(Protocol) { ControlType = _controlType, Flags = Flags };
}

/// <summary>The GUE header of variant 0 as a value, to be built, compared and written (draft-ietf-intarea-gue-09 §3.1).</summary>
/// <param name="Protocol">What the payload is; <see cref="IPProtocol.NoNextHeader"/> in a control message.</param>
public readonly record struct GueHeader(IPProtocol Protocol)
{
    /// <summary>The largest length of extension fields and private data, in bytes.</summary>
    public const int MaximumExtensionsLength = GuePacket.MaximumHeaderLength - GuePacket.MinimumHeaderLength;

    /// <summary>The type of a control message; null in a data message.</summary>
    public byte? ControlType { get; init; }

    /// <summary>The flags: which extension fields there are.</summary>
    public ushort Flags { get; init; }

    /// <summary>Writes the 4 bytes of a header without extension fields.</summary>
    /// <inheritdoc cref="TryWrite(Span{byte}, ReadOnlySpan{byte}, out int)"/>
    public bool TryWrite(Span<byte> destination, out int bytesWritten) => TryWrite(destination, default, out bytesWritten);

    /// <summary>Writes the header with extension fields and private data.</summary>
    /// <param name="destination">Takes 4 bytes and the extensions.</param>
    /// <param name="extensions">0 to 124 bytes, a multiple of four.</param>
    /// <param name="bytesWritten">4 and the length of the extensions, or 0.</param>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    /// <exception cref="ArgumentException">The extensions have another length.</exception>
    /// <exception cref="InvalidOperationException">
    /// <see cref="ControlType"/> is set and <see cref="Protocol"/> is not <see cref="IPProtocol.NoNextHeader"/>: one byte cannot hold both.
    /// </exception>
    public bool TryWrite(Span<byte> destination, ReadOnlySpan<byte> extensions, out int bytesWritten)
    {
        if (extensions.Length > MaximumExtensionsLength || extensions.Length % GuePacket.HeaderLengthUnit != 0)
        {
            throw new ArgumentException($"Extensions have 0 to {MaximumExtensionsLength} bytes, a multiple of four, not {extensions.Length}.", nameof(extensions));
        }

        if (ControlType is not null && Protocol != IPProtocol.NoNextHeader)
        {
            throw new InvalidOperationException($"A control message has a type, here {ControlType}, and no protocol; this one has {Protocol}.");
        }

        int length = GuePacket.MinimumHeaderLength + extensions.Length;
        bytesWritten = 0;
        if (destination.Length < length)
        {
            return false;
        }

        destination = destination[..length];
        extensions.CopyTo(destination[GuePacket.MinimumHeaderLength..]);
        destination[0] = (byte)((ControlType is null ? 0 : GuePacket.ControlBit) | (extensions.Length / GuePacket.HeaderLengthUnit));
        destination[GuePacket.ProtocolOffset] = ControlType ?? (byte)Protocol;
        BinaryPrimitives.WriteUInt16BigEndian(destination[GuePacket.FlagsOffset..], Flags);
        bytesWritten = length;
        return true;
    }
}
