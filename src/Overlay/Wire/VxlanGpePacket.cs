using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>The flags in the first byte of a VXLAN-GPE header (draft-ietf-nvo3-vxlan-gpe-13 §3.1).</summary>
[Flags]
public enum VxlanGpeFlags : byte
{
    /// <summary>No bit.</summary>
    None = 0,

    /// <summary>O: an OAM packet, for the endpoint itself and not for the network behind it.</summary>
    Oam = 0x01,

    /// <summary>B: the sender replicated a broadcast, unknown unicast or multicast frame to this receiver.</summary>
    ReplicatedBum = 0x02,

    /// <summary>P: the next protocol field is in use. Without it the payload is Ethernet, as in plain VXLAN.</summary>
    NextProtocol = 0x04,

    /// <summary>I: the VNI is valid.</summary>
    ValidVni = 0x08,
}

/// <summary>What follows a VXLAN-GPE header (draft-ietf-nvo3-vxlan-gpe-13 §3.2). From 0x80 on the numbers are for shim headers.</summary>
public enum VxlanGpeNextProtocol : byte
{
    /// <summary>Reserved.</summary>
    None = 0,

    /// <summary>An IPv4 packet.</summary>
    IPv4 = 1,

    /// <summary>An IPv6 packet.</summary>
    IPv6 = 2,

    /// <summary>An Ethernet frame.</summary>
    Ethernet = 3,

    /// <summary>A Network Service Header (RFC 8300): <see cref="NshPacket"/>.</summary>
    Nsh = 4,

    /// <summary>An MPLS packet; the number of the draft's first revisions, which Linux and Wireshark use.</summary>
    Mpls = 5,
}

/// <summary>
/// A view of a VXLAN-GPE packet, that is, of a UDP payload: the 8-byte header and whatever it says follows (draft-ietf-nvo3-vxlan-gpe-13 §3).
/// </summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |R|R|Ver|I|P|B|O|       Reserved                |Next Protocol  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                VXLAN Network Identifier (VNI) |   Reserved    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// Reserved bits are ignored, as the draft says; <see cref="RawHeader"/> has them. An OAM packet is a packet like any other here: what must not be
/// forwarded is the caller's to drop, and so is a next protocol that it does not know.
/// </remarks>
public readonly ref struct VxlanGpePacket
{
    /// <summary>Bytes of the header.</summary>
    public const int HeaderLength = 8;

    /// <summary>The UDP port that IANA assigned.</summary>
    public const ushort DefaultPort = 4790;

    internal const int NextProtocolOffset = 3;
    internal const int VniOffset = 4;
    internal const byte FlagsMask = (byte)(VxlanGpeFlags.ValidVni | VxlanGpeFlags.NextProtocol | VxlanGpeFlags.ReplicatedBum | VxlanGpeFlags.Oam);
    private const int VersionShift = 4;
    private const int VersionMask = 3;

    private readonly ReadOnlySpan<byte> _packet;

    private VxlanGpePacket(ReadOnlySpan<byte> packet) => _packet = packet;

    /// <summary>The version, 0.</summary>
    public int Version => (_packet[0] >> VersionShift) & VersionMask;

    /// <summary>The four flags; the I flag is set.</summary>
    public VxlanGpeFlags Flags => (VxlanGpeFlags)(_packet[0] & FlagsMask);

    /// <summary>What the payload is: the field if the P flag is set, else <see cref="VxlanGpeNextProtocol.Ethernet"/>.</summary>
    public VxlanGpeNextProtocol NextProtocol =>
        (Flags & VxlanGpeFlags.NextProtocol) != 0 ? (VxlanGpeNextProtocol)_packet[NextProtocolOffset] : VxlanGpeNextProtocol.Ethernet;

    /// <summary>The network identifier.</summary>
    public Vni Vni => Vni.FromUpper24(BinaryPrimitives.ReadUInt32BigEndian(_packet[VniOffset..]));

    /// <summary>The whole header as a number, first byte highest, with every reserved bit as received.</summary>
    public ulong RawHeader => BinaryPrimitives.ReadUInt64BigEndian(_packet);

    /// <summary>The inner packet: all that follows the header.</summary>
    public ReadOnlySpan<byte> Payload => _packet[HeaderLength..];

    /// <summary>Reads a packet.</summary>
    /// <param name="source">The UDP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <returns>false if the header is cut off or of another version, or the I flag is clear.</returns>
    public static bool TryParse(ReadOnlySpan<byte> source, out VxlanGpePacket packet) => TryParse(source, out packet, out _);

    /// <summary>Reads a packet and says what is wrong with it.</summary>
    /// <param name="source">The UDP payload.</param>
    /// <param name="packet">The view, if the method returns true.</param>
    /// <param name="error">
    /// <see cref="WireError.Truncated"/>: fewer than 8 bytes. <see cref="WireError.Version"/>: another version than 0, whose header may be another one.
    /// <see cref="WireError.Flags"/>: the I flag is clear, so that there is no network to which the packet belongs.
    /// </param>
    public static bool TryParse(ReadOnlySpan<byte> source, out VxlanGpePacket packet, out WireError error)
    {
        packet = default;
        if (source.Length < HeaderLength)
        {
            error = WireError.Truncated;
            return false;
        }

        int first = source[0];
        if (((first >> VersionShift) & VersionMask) != 0)
        {
            error = WireError.Version;
            return false;
        }

        if ((first & (int)VxlanGpeFlags.ValidVni) == 0)
        {
            error = WireError.Flags;
            return false;
        }

        packet = new VxlanGpePacket(source);
        error = WireError.None;
        return true;
    }

    /// <summary>The header as a value, without the reserved bits.</summary>
    public VxlanGpeHeader ToHeader()
    {
        // The first byte is read once: it may change between two reads, and flags and protocol must fit each other.
        VxlanGpeFlags flags = Flags;
        return new VxlanGpeHeader(
            Vni, (flags & VxlanGpeFlags.NextProtocol) != 0 ? (VxlanGpeNextProtocol)_packet[NextProtocolOffset] : VxlanGpeNextProtocol.Ethernet, flags);
    }
}

/// <summary>The VXLAN-GPE header as a value, to be built, compared and written (draft-ietf-nvo3-vxlan-gpe-13 §3).</summary>
/// <param name="Vni">The network identifier.</param>
/// <param name="NextProtocol">What the payload is.</param>
/// <param name="Flags">The flags; unless given, I and P.</param>
/// <remarks>The default value, and <c>new VxlanGpeHeader()</c>, have no I flag; <see cref="TryWrite"/> refuses them.</remarks>
public readonly record struct VxlanGpeHeader(
    Vni Vni, VxlanGpeNextProtocol NextProtocol, VxlanGpeFlags Flags = VxlanGpeFlags.ValidVni | VxlanGpeFlags.NextProtocol)
{
    /// <summary>Writes the 8 bytes; version and all reserved bits are zero. Without the P flag the next protocol field is zero, too.</summary>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    /// <exception cref="InvalidOperationException">
    /// <see cref="Flags"/> lacks the I flag or has a bit that is none of the four, or lacks the P flag where the payload is not Ethernet.
    /// </exception>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        bool hasNextProtocol = (Flags & VxlanGpeFlags.NextProtocol) != 0;
        if ((Flags & VxlanGpeFlags.ValidVni) == 0 || ((byte)Flags & ~VxlanGpePacket.FlagsMask) != 0 ||
            (!hasNextProtocol && NextProtocol != VxlanGpeNextProtocol.Ethernet))
        {
            throw new InvalidOperationException(
                $"A VXLAN-GPE header has the I flag, of P, B and O what is needed, and P unless its payload is Ethernet; this one has 0x{(byte)Flags:X2} and {NextProtocol}.");
        }

        bytesWritten = 0;
        if (destination.Length < VxlanGpePacket.HeaderLength)
        {
            return false;
        }

        uint nextProtocol = hasNextProtocol ? (uint)NextProtocol : 0;
        BinaryPrimitives.WriteUInt64BigEndian(destination, ((ulong)Flags << 56) | ((ulong)nextProtocol << 32) | ((ulong)Vni.Value << 8));
        bytesWritten = VxlanGpePacket.HeaderLength;
        return true;
    }
}
