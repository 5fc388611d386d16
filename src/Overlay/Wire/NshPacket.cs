using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>How the metadata of a Network Service Header look (RFC 8300 §2.2).</summary>
public enum NshMetadataType : byte
{
    /// <summary>"Reserved": implementations "SHOULD silently discard packets" with it.</summary>
    Reserved = 0,

    /// <summary>One context header of 16 bytes (§2.4).</summary>
    FixedLength = 1,

    /// <summary>Zero or more context headers of their own lengths (§2.5).</summary>
    VariableLength = 2,

    /// <summary>For experiments.</summary>
    Experiment = 15,
}

/// <summary>What follows a Network Service Header (RFC 8300 §9.1.5).</summary>
public enum NshNextProtocol : byte
{
    /// <summary>Unassigned.</summary>
    None = 0,

    /// <summary>An IPv4 packet.</summary>
    IPv4 = 1,

    /// <summary>An IPv6 packet.</summary>
    IPv6 = 2,

    /// <summary>An Ethernet frame.</summary>
    Ethernet = 3,

    /// <summary>Another Network Service Header.</summary>
    Nsh = 4,

    /// <summary>An MPLS packet.</summary>
    Mpls = 5,

    /// <summary>For experiments.</summary>
    Experiment1 = 254,

    /// <summary>For experiments.</summary>
    Experiment2 = 255,
}

/// <summary>A view of a Network Service Header and what follows it (RFC 8300 §2.2, §2.3): enough to recognise and to step over it.</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Ver|O|U|    TTL    |   Length  |U|U|U|U|MD Type| Next Protocol |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          Service Path Identifier (SPI)        | Service Index |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// ~                       Context Header(s)                       ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// Length counts words of four bytes, the first two included. Unassigned bits are ignored. The context headers are not read.
/// </remarks>
public readonly ref struct NshPacket
{
    /// <summary>Bytes of base header and service path header.</summary>
    public const int MinimumHeaderLength = 8;

    private const int LengthUnit = 4;
    private const int LengthMask = 0x3F;
    private const int FixedLengthWords = 6;
    private const int ServicePathOffset = 4;

    private readonly ReadOnlySpan<byte> _packet;

    // Kept from the check: the bytes may change under the view.
    private readonly int _headerLength;

    private NshPacket(ReadOnlySpan<byte> packet, int headerLength)
    {
        _packet = packet;
        _headerLength = headerLength;
    }

    /// <summary>The version, 0.</summary>
    public int Version => (int)(BaseHeader >> 30);

    /// <summary>O: an OAM packet.</summary>
    public bool IsOam => (BaseHeader & 0x2000_0000) != 0;

    /// <summary>Time to live, 0 to 63: how many more forwarders may handle the packet.</summary>
    public int TimeToLive => (int)((BaseHeader >> 22) & 0x3F);

    /// <summary>Bytes of the whole header: 8 to 252.</summary>
    public int HeaderLength => _headerLength;

    /// <summary>How the context headers look.</summary>
    public NshMetadataType MetadataType => MetadataTypeOf(BaseHeader);

    /// <summary>What the payload is.</summary>
    public NshNextProtocol NextProtocol => (NshNextProtocol)(byte)BaseHeader;

    /// <summary>The service path, 24 bits.</summary>
    public uint ServicePathIdentifier => BinaryPrimitives.ReadUInt32BigEndian(_packet[ServicePathOffset..]) >> 8;

    /// <summary>Where on the service path the packet is.</summary>
    public byte ServiceIndex => _packet[MinimumHeaderLength - 1];

    /// <summary>The context headers, unread.</summary>
    public ReadOnlySpan<byte> Context => _packet[MinimumHeaderLength.._headerLength];

    /// <summary>The inner packet: all that follows the header.</summary>
    public ReadOnlySpan<byte> Payload => _packet[_headerLength..];

    private uint BaseHeader => BinaryPrimitives.ReadUInt32BigEndian(_packet);

    /// <summary>Reads a packet.</summary>
    /// <param name="source">From the base header on.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if the header is cut off, of another version, or of a wrong length.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out NshPacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a packet and says what is wrong with it.</summary>
    /// <param name="source">From the base header on.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>: fewer than 8 bytes, or fewer than the length announces. <see cref="WireError.Version"/>: another version
    /// than 0. <see cref="WireError.Unsupported"/>: the reserved metadata type. <see cref="WireError.HeaderLength"/>: a length of less than two words,
    /// or other than the six of fixed-length metadata (§2.2).
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out NshPacket packet, out WireError error)
    {
        packet = default;
        if (source.Length < MinimumHeaderLength)
        {
            error = WireError.Truncated;
            return false;
        }

        uint baseHeader = BinaryPrimitives.ReadUInt32BigEndian(source);
        int words = (int)((baseHeader >> 16) & LengthMask);
        NshMetadataType type = MetadataTypeOf(baseHeader);
        error = baseHeader >> 30 != 0 ? WireError.Version
            : type == NshMetadataType.Reserved ? WireError.Unsupported
            : words < MinimumHeaderLength / LengthUnit || (type == NshMetadataType.FixedLength && words != FixedLengthWords) ? WireError.HeaderLength
            : source.Length < words * LengthUnit ? WireError.Truncated
            : WireError.None;
        if (error != WireError.None)
        {
            return false;
        }

        packet = new NshPacket(source, words * LengthUnit);
        return true;
    }

    private static NshMetadataType MetadataTypeOf(uint baseHeader) => (NshMetadataType)((baseHeader >> 8) & 0xF);
}
