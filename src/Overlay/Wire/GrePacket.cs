using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>The bits of a GRE header that say which optional fields follow (RFC 2784 §2.1, RFC 2890 §2).</summary>
[Flags]
public enum GreFlags : ushort
{
    /// <summary>No optional field: the header has 4 bytes.</summary>
    None = 0,

    /// <summary>S: the sequence number is present (RFC 2890 §2.2).</summary>
    SequenceNumber = 0x1000,

    /// <summary>K: the key is present (RFC 2890 §2.1).</summary>
    Key = 0x2000,

    /// <summary>C: the checksum and Reserved1 are present (RFC 2784 §2.1).</summary>
    Checksum = 0x8000,
}

/// <summary>
/// A view of a GRE packet: the header of 4, 8, 12 or 16 bytes and the payload (RFC 2784 §2, with the key and sequence number of RFC 2890 §2).
/// </summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |C| |K|S| Reserved0       | Ver |         Protocol Type         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |      Checksum (optional)      |       Reserved1 (Optional)    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         Key (optional)                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                 Sequence Number (Optional)                    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// Parsing does not verify the checksum: <see cref="IsChecksumValid"/> does. GRE has no length field: the payload is all that follows.
/// </remarks>
public readonly ref struct GrePacket
{
    /// <summary>Bytes of a header without optional fields, 4.</summary>
    public const int MinimumHeaderLength = 4;

    /// <summary>Bytes of a header with all optional fields, 16.</summary>
    public const int MaximumHeaderLength = 16;

    internal const int ProtocolTypeOffset = 2;
    internal const int OptionalFieldLength = 4;

    /// <summary>The bits that this library reads: C, K and S.</summary>
    internal const GreFlags KnownFlags = GreFlags.Checksum | GreFlags.Key | GreFlags.SequenceNumber;

    // Where C is set its field is the first, so its place is constant.
    internal const int ChecksumOffset = 4;

    private const int Reserved1Offset = 6;
    private const int VersionMask = 0x0007;
    private const int IgnoredShift = 3;
    private const int IgnoredMask = 0x7F;

    // Bits 1 to 5 without K and S: routing, strict source route and recursion control of RFC 1701, whose headers have another layout.
    private const int ForbiddenMask = 0x4C00;

    private readonly ReadOnlySpan<byte> _header;
    private readonly ReadOnlySpan<byte> _payload;

    // Kept, not read again: somebody who changes the memory under a view must not move its fields.
    private readonly ushort _flags;

    private GrePacket(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload, ushort flags)
    {
        _header = header;
        _payload = payload;
        _flags = flags;
    }

    /// <summary>Bytes of the header: 4, and 4 more for each of checksum, key and sequence number.</summary>
    public int HeaderLength => _header.Length;

    /// <summary>The bits that say which optional fields there are.</summary>
    public GreFlags Flags => (GreFlags)_flags & KnownFlags;

    /// <summary>Bits 6 to 12: "MUST be sent as zero and MUST be ignored on receipt" (RFC 2784 §2.3).</summary>
    public byte Reserved0 => (byte)((_flags >> IgnoredShift) & IgnoredMask);

    /// <summary>What the payload is.</summary>
    public EtherType ProtocolType => (EtherType)BinaryPrimitives.ReadUInt16BigEndian(_header[ProtocolTypeOffset..]);

    /// <summary>C: whether there is a checksum. If there is, it "contains valid information" (RFC 2784 §2.2) and is to be verified.</summary>
    public bool HasChecksum => Has(GreFlags.Checksum);

    /// <summary>The checksum as it stands in the header; 0 without one.</summary>
    public ushort Checksum => HasChecksum ? BinaryPrimitives.ReadUInt16BigEndian(_header[ChecksumOffset..]) : (ushort)0;

    /// <summary>What lies behind the checksum: it "MUST be transmitted as zero" (RFC 2784 §2.6). 0 without a checksum.</summary>
    public ushort Reserved1 => HasChecksum ? BinaryPrimitives.ReadUInt16BigEndian(_header[Reserved1Offset..]) : (ushort)0;

    /// <summary>K: whether there is a key.</summary>
    public bool HasKey => Has(GreFlags.Key);

    /// <summary>The key that names a traffic flow within the tunnel (RFC 2890 §2.1); 0 without one.</summary>
    public uint Key => HasKey ? BinaryPrimitives.ReadUInt32BigEndian(_header[KeyOffset((GreFlags)_flags)..]) : 0;

    /// <summary>S: whether there is a sequence number.</summary>
    public bool HasSequenceNumber => Has(GreFlags.SequenceNumber);

    /// <summary>The sequence number, which counts packets from 0 and wraps (RFC 2890 §2.2); 0 without one.</summary>
    public uint SequenceNumber =>
        HasSequenceNumber ? BinaryPrimitives.ReadUInt32BigEndian(_header[SequenceNumberOffset((GreFlags)_flags)..]) : 0;

    /// <summary>All that follows the header.</summary>
    public ReadOnlySpan<byte> Payload => _payload;

    /// <summary>
    /// Whether the checksum over "all the 16 bit words in the GRE header and the payload packet" is right (RFC 2784 §2.5). Without one, see
    /// <see cref="HasChecksum"/>, it is not.
    /// </summary>
    public bool IsChecksumValid => HasChecksum && InternetChecksum.IsValid(_payload, InternetChecksum.Partial(_header));

    /// <summary>Reads a packet.</summary>
    /// <param name="source">The IP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if the header is cut off, of another version, or has a bit that must be zero.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out GrePacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a packet and says what is wrong with it.</summary>
    /// <param name="source">The IP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>: fewer than 4 bytes, or fewer than the optional fields take. <see cref="WireError.Version"/>: not 0, which
    /// the field "MUST contain" (RFC 2784 §2.3.1); PPTP has 1. <see cref="WireError.Flags"/>: one of bits 1, 4 and 5 is set: "a receiver MUST discard
    /// a packet where any of bits 1-5 are non-zero" (§2.3), of which RFC 2890 §2 takes K and S back.
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out GrePacket packet, out WireError error)
    {
        packet = default;
        if (source.Length < MinimumHeaderLength)
        {
            error = WireError.Truncated;
            return false;
        }

        ushort flags = BinaryPrimitives.ReadUInt16BigEndian(source);
        if ((flags & VersionMask) != 0)
        {
            error = WireError.Version;
            return false;
        }

        if ((flags & ForbiddenMask) != 0)
        {
            error = WireError.Flags;
            return false;
        }

        int headerLength = LengthOf((GreFlags)flags);
        if (source.Length < headerLength)
        {
            error = WireError.Truncated;
            return false;
        }

        packet = new GrePacket(source[..headerLength], source[headerLength..], flags);
        error = WireError.None;
        return true;
    }

    /// <summary>The checksum to be sent over a packet whose checksum field and Reserved1 are zero (RFC 2784 §2.5). Zero is a checksum like any other.</summary>
    /// <param name="packet">Header, with C set, and payload.</param>
    public static ushort ComputeChecksum(ReadOnlySpan<byte> packet) => InternetChecksum.Compute(packet);

    /// <summary>The header as a value; reserved bits are left out.</summary>
    public GreHeader ToHeader() => new(ProtocolType)
    {
        Checksum = HasChecksum ? Checksum : null,
        Key = HasKey ? Key : null,
        SequenceNumber = HasSequenceNumber ? SequenceNumber : null,
    };

    /// <summary>Bytes of the header that has these fields.</summary>
    internal static int LengthOf(GreFlags flags) => SequenceNumberOffset(flags) + ((flags & GreFlags.SequenceNumber) == 0 ? 0 : OptionalFieldLength);

    internal static int KeyOffset(GreFlags flags) => MinimumHeaderLength + ((flags & GreFlags.Checksum) == 0 ? 0 : OptionalFieldLength);

    internal static int SequenceNumberOffset(GreFlags flags) => KeyOffset(flags) + ((flags & GreFlags.Key) == 0 ? 0 : OptionalFieldLength);

    private bool Has(GreFlags flag) => ((GreFlags)_flags & flag) != 0;
}

/// <summary>The GRE header as a value, to be built, compared and written (RFC 2784 §2, RFC 2890 §2).</summary>
/// <param name="ProtocolType">What the payload is.</param>
public readonly record struct GreHeader(EtherType ProtocolType)
{
    /// <summary>
    /// The checksum; null writes none. It covers the payload too: write 0, then <see cref="GrePacket.ComputeChecksum"/> over header and payload, then
    /// the header again.
    /// </summary>
    public ushort? Checksum { get; init; }

    /// <summary>The key; null writes none.</summary>
    public uint? Key { get; init; }

    /// <summary>The sequence number; null writes none.</summary>
    public uint? SequenceNumber { get; init; }

    /// <summary>The bits that say which fields there are.</summary>
    public GreFlags Flags =>
        (Checksum is null ? 0 : GreFlags.Checksum) | (Key is null ? 0 : GreFlags.Key) | (SequenceNumber is null ? 0 : GreFlags.SequenceNumber);

    /// <summary>Bytes of the header: 4, and 4 more for each of checksum, key and sequence number.</summary>
    public int Length => GrePacket.LengthOf(Flags);

    /// <summary>Writes the header; all reserved bits and the version are zero.</summary>
    /// <param name="destination">Takes <see cref="Length"/> bytes.</param>
    /// <param name="bytesWritten"><see cref="Length"/>, or 0.</param>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        GreFlags flags = Flags;
        int length = GrePacket.LengthOf(flags);
        bytesWritten = 0;
        if (destination.Length < length)
        {
            return false;
        }

        destination = destination[..length];
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)flags);
        BinaryPrimitives.WriteUInt16BigEndian(destination[GrePacket.ProtocolTypeOffset..], (ushort)ProtocolType);
        if (Checksum is { } checksum)
        {
            // Reserved1, the lower half, is zero.
            BinaryPrimitives.WriteUInt32BigEndian(destination[GrePacket.ChecksumOffset..], (uint)checksum << 16);
        }

        if (Key is { } key)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination[GrePacket.KeyOffset(flags)..], key);
        }

        if (SequenceNumber is { } sequenceNumber)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination[GrePacket.SequenceNumberOffset(flags)..], sequenceNumber);
        }

        bytesWritten = length;
        return true;
    }
}
