using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>The first byte of a VXLAN header (RFC 7348 §5, draft-smith-vxlan-group-policy-05 §2.1).</summary>
[Flags]
public enum VxlanFlags : byte
{
    /// <summary>No bit.</summary>
    None = 0,

    /// <summary>The I flag: the VNI is valid. It "MUST be set to 1"; in RFC 7348 all other bits are reserved.</summary>
    ValidVni = 0x08,

    /// <summary>The G flag: the next three bytes carry a group policy. A reserved bit in RFC 7348.</summary>
    GroupPolicy = 0x80,
}

/// <summary>The second byte of a VXLAN header whose G flag is set (draft-smith-vxlan-group-policy-05 §2.1).</summary>
[Flags]
public enum VxlanGroupPolicyFlags : byte
{
    /// <summary>No bit.</summary>
    None = 0,

    /// <summary>A: the policy was applied already and is not to be applied again.</summary>
    PolicyApplied = 0x08,

    /// <summary>D: the receiver must not learn the source address of the frame.</summary>
    DontLearn = 0x40,
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
/// The Group Policy option gives some of the reserved bits a meaning, if its G flag is set (draft-smith-vxlan-group-policy-05 §2.1):
/// <code>
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |G|R|R|R|I|R|R|R|R|D|R|R|A|R|R|R|        Group Policy ID        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          VXLAN Network Identifier (VNI)       |   Reserved    |
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
    internal const byte GroupPolicyFlagsMask = (byte)(VxlanGroupPolicyFlags.DontLearn | VxlanGroupPolicyFlags.PolicyApplied);
    internal const int GroupPolicyFlagsShift = 48;
    internal const int GroupPolicyIdShift = 32;

    /// <summary>The I flag in the 64-bit word that the header is.</summary>
    internal const ulong ValidVniBit = (ulong)VxlanFlags.ValidVni << 56;

    private readonly ReadOnlySpan<byte> _header;
    private readonly ReadOnlySpan<byte> _payload;

    private VxlanPacket(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        _header = header;
        _payload = payload;
    }

    /// <summary>The first byte: the I flag, which is set, the G flag, and six reserved bits.</summary>
    public VxlanFlags Flags => (VxlanFlags)_header[0];

    /// <summary>The network identifier.</summary>
    public Vni Vni => Vni.FromUpper24(BinaryPrimitives.ReadUInt32BigEndian(_header[VniOffset..]));

    /// <summary>The D and A flags; none without the G flag, where they are reserved bits.</summary>
    public VxlanGroupPolicyFlags GroupPolicyFlags => GroupPolicyFlagsOf(RawHeader);

    /// <summary>The group to which the sender of the frame belongs; 0 without the G flag.</summary>
    public ushort GroupPolicyId => GroupPolicyIdOf(RawHeader);

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
    public VxlanHeader ToHeader()
    {
        // Read once: the memory may change, and the G flag must fit what stands behind it.
        ulong header = RawHeader;
        return new VxlanHeader(Vni.FromUpper24((uint)header), (VxlanFlags)(header >> 56))
        {
            GroupPolicyFlags = GroupPolicyFlagsOf(header),
            GroupPolicyId = GroupPolicyIdOf(header),
        };
    }

    private static bool HasGroupPolicy(ulong header) => ((header >> 56) & (ulong)VxlanFlags.GroupPolicy) != 0;

    private static VxlanGroupPolicyFlags GroupPolicyFlagsOf(ulong header) =>
        HasGroupPolicy(header) ? (VxlanGroupPolicyFlags)((header >> GroupPolicyFlagsShift) & GroupPolicyFlagsMask) : VxlanGroupPolicyFlags.None;

    private static ushort GroupPolicyIdOf(ulong header) => HasGroupPolicy(header) ? (ushort)(header >> GroupPolicyIdShift) : (ushort)0;
}

/// <summary>The VXLAN header as a value, to be built, compared and written (RFC 7348 §5, draft-smith-vxlan-group-policy-05 §2.1).</summary>
/// <param name="Vni">The network identifier.</param>
/// <param name="Flags">The first byte: the I flag, and G if there is a group policy.</param>
/// <remarks>
/// The default value, and <c>new VxlanHeader()</c>, have no I flag; <see cref="TryWrite"/> refuses them.
/// </remarks>
public readonly record struct VxlanHeader(Vni Vni, VxlanFlags Flags = VxlanFlags.ValidVni)
{
    /// <summary>The D and A flags; only with <see cref="VxlanFlags.GroupPolicy"/>.</summary>
    public VxlanGroupPolicyFlags GroupPolicyFlags { get; init; }

    /// <summary>The group to which the sender of the frame belongs; only with <see cref="VxlanFlags.GroupPolicy"/>.</summary>
    public ushort GroupPolicyId { get; init; }

    /// <summary>Writes the 8 bytes; all reserved bits are zero.</summary>
    /// <returns>false, with nothing written, if <paramref name="destination"/> is too short.</returns>
    /// <exception cref="InvalidOperationException">
    /// <see cref="Flags"/> lacks the I flag, which "MUST be set to 1"; or it, or <see cref="GroupPolicyFlags"/>, has a reserved bit, which "MUST be set
    /// to zero on transmission"; or there is a group policy without the G flag.
    /// </exception>
    public bool TryWrite(Span<byte> destination, out int bytesWritten)
    {
        bool hasPolicy = (Flags & VxlanFlags.GroupPolicy) != 0;
        if ((Flags & ~VxlanFlags.GroupPolicy) != VxlanFlags.ValidVni || ((byte)GroupPolicyFlags & ~VxlanPacket.GroupPolicyFlagsMask) != 0 ||
            (!hasPolicy && (GroupPolicyFlags != VxlanGroupPolicyFlags.None || GroupPolicyId != 0)))
        {
            throw new InvalidOperationException(
                "A VXLAN header has the I flag, the G flag if it carries a group policy, of that D, A and an identifier, and no other bit; " +
                $"this one has 0x{(byte)Flags:X2}, policy flags 0x{(byte)GroupPolicyFlags:X2}, group {GroupPolicyId}.");
        }

        bytesWritten = 0;
        if (destination.Length < VxlanPacket.HeaderLength)
        {
            return false;
        }

        BinaryPrimitives.WriteUInt64BigEndian(
            destination,
            ((ulong)Flags << 56) | ((ulong)GroupPolicyFlags << VxlanPacket.GroupPolicyFlagsShift) |
            ((ulong)GroupPolicyId << VxlanPacket.GroupPolicyIdShift) | ((ulong)Vni.Value << 8));
        bytesWritten = VxlanPacket.HeaderLength;
        return true;
    }
}
