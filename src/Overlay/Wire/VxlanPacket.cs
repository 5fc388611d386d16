using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>The first byte of a VXLAN header (RFC 7348 §5).</summary>
[Flags]
public enum VxlanFlags : byte
{
    /// <summary>No bit.</summary>
    None = 0,

    /// <summary>The I flag: the VNI is valid. It "MUST be set to 1"; all other bits are reserved.</summary>
    ValidVni = 0x08,
}

/// <summary>A view of a VXLAN packet, that is, of a UDP payload: the 8-byte header and the inner Ethernet frame (RFC 7348 §5).</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |R|R|R|R|I|R|R|R|            Reserved                           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                VXLAN Network Identifier (VNI) |   Reserved    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// Reserved bits are not judged here: the RFC ignores them, the data path drops packets that have one, and others tolerate some.
/// <see cref="RawHeader"/> gives a policy all it needs.
/// </remarks>
public readonly ref struct VxlanPacket
{
    /// <summary>Bytes of the header.</summary>
    public const int HeaderLength = 8;

    /// <summary>The UDP port that IANA assigned.</summary>
    public const ushort DefaultPort = 4789;

    /// <summary>The UDP port that Linux used before, and that some networks still use.</summary>
    public const ushort LegacyPort = 8472;

    internal const int VniOffset = 4;

    /// <summary>The I flag in the 64-bit word that the header is.</summary>
    internal const ulong ValidVniBit = (ulong)VxlanFlags.ValidVni << 56;

    private readonly ReadOnlySpan<byte> _header;
    private readonly ReadOnlySpan<byte> _payload;

    private VxlanPacket(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        _header = header;
        _payload = payload;
    }

    /// <summary>The first byte: the I flag, which is set, and seven reserved bits.</summary>
    public VxlanFlags Flags => (VxlanFlags)_header[0];

    /// <summary>The network identifier.</summary>
    public Vni Vni => Vni.FromUpper24(BinaryPrimitives.ReadUInt32BigEndian(_header[VniOffset..]));

    /// <summary>The whole header as a number, first byte highest, with every reserved bit as received.</summary>
    public ulong RawHeader => BinaryPrimitives.ReadUInt64BigEndian(_header);

    /// <summary>The inner Ethernet frame: all that follows the header.</summary>
    public ReadOnlySpan<byte> Payload => _payload;

    /// <summary>Reads a packet.</summary>
    /// <param name="source">The UDP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if the header is cut off or the I flag is clear.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out VxlanPacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a packet and says what is wrong with it.</summary>
    /// <param name="source">The UDP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>: fewer than 8 bytes. <see cref="WireError.Flags"/>: the I flag is clear.
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out VxlanPacket packet, out WireError error)
    {
        packet = default;
        if (source.Length < HeaderLength)
        {
            error = WireError.Truncated;
            return false;
        }

        if ((source[0] & (byte)VxlanFlags.ValidVni) == 0)
        {
            error = WireError.Flags;
            return false;
        }

        packet = new VxlanPacket(source[..HeaderLength], source[HeaderLength..]);
        error = WireError.None;
        return true;
    }

    /// <summary>The header as a value; the reserved bits behind the flags byte are left out.</summary>
    public VxlanHeader ToHeader() => new(Vni, Flags);
}

/// <summary>The VXLAN header as a value, to be built, compared and written (RFC 7348 §5).</summary>
/// <param name="Vni">The network identifier.</param>
/// <param name="Flags">The first byte.</param>
/// <remarks>
/// The default value, and <c>new VxlanHeader()</c>, have no I flag; <see cref="TryWrite"/> refuses them.
/// </remarks>
public readonly record struct VxlanHeader(Vni Vni, VxlanFlags Flags = VxlanFlags.ValidVni)
{
    /// <summary>The header as a number, first byte highest: what is written on the wire for a network identifier.</summary>
    internal static ulong ToRaw(Vni vni) => VxlanPacket.ValidVniBit | ((ulong)vni.Value << 8);

    /// <summary>Writes the 8 bytes; all reserved bits are zero.</summary>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    /// <exception cref="InvalidOperationException">
    /// <see cref="Flags"/> is anything but the I flag: it "MUST be set to 1", and reserved bits "MUST be set to zero on transmission".
    /// </exception>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        if (Flags != VxlanFlags.ValidVni)
        {
            throw new InvalidOperationException($"A VXLAN header has the I flag and no other; this one has 0x{(byte)Flags:X2}.");
        }

        bytesWritten = 0;
        if (destination.Length < VxlanPacket.HeaderLength)
        {
            return false;
        }

        BinaryPrimitives.WriteUInt64BigEndian(destination, ToRaw(Vni));
        bytesWritten = VxlanPacket.HeaderLength;
        return true;
    }
}
