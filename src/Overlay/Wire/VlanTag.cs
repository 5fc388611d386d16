using System.Buffers.Binary;

namespace Overlay.Wire;

/// <summary>A VLAN tag (IEEE 802.1Q §9.6): the TPID that announces it and the tag control information.</summary>
/// <remarks>
/// <code>
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------------------------------+-----+-+-----------------------+
/// |             TPID              | PCP |D|          VID          |
/// +-------------------------------+-----+-+-----------------------+
/// </code>
/// </remarks>
public readonly record struct VlanTag
{
    /// <summary>Bytes of a tag on the wire.</summary>
    public const int Length = 4;

    /// <summary>The largest VLAN identifier, 4095 (reserved; 4094 is the largest in use).</summary>
    public const int MaxId = 0xFFF;

    /// <summary>The largest priority, 7.</summary>
    public const int MaxPriority = 7;

    private const int PriorityShift = 13;
    private const ushort DropEligibleBit = 0x1000;

    /// <summary>Makes a tag.</summary>
    /// <param name="id">VLAN identifier, VID: 0 (priority tag) to <see cref="MaxId"/>.</param>
    /// <param name="priority">Priority code point, PCP: 0 to <see cref="MaxPriority"/>.</param>
    /// <param name="dropEligible">Drop eligible indicator, DEI.</param>
    /// <param name="tpid">Tag protocol identifier.</param>
    /// <exception cref="ArgumentOutOfRangeException">The identifier or the priority is out of range, or the TPID is no VLAN tag's.</exception>
    public VlanTag(int id, int priority = 0, bool dropEligible = false, EtherType tpid = EtherType.Vlan)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(id, MaxId);
        ArgumentOutOfRangeException.ThrowIfNegative(priority);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(priority, MaxPriority);
        if (!IsTpid(tpid))
        {
            throw new ArgumentOutOfRangeException(nameof(tpid), tpid, "0x8100 (802.1Q) and 0x88A8 (802.1ad) announce a VLAN tag.");
        }

        Tpid = tpid;
        ControlInformation = (ushort)((priority << PriorityShift) | (dropEligible ? DropEligibleBit : 0) | id);
    }

    private VlanTag(EtherType tpid, ushort controlInformation)
    {
        Tpid = tpid;
        ControlInformation = controlInformation;
    }

    /// <summary>
    /// Tag protocol identifier: <see cref="EtherType.Vlan"/> or <see cref="EtherType.ServiceVlan"/>. Zero in the default value, which is no tag.
    /// </summary>
    public EtherType Tpid { get; }

    /// <summary>The 16 bits behind the TPID: PCP, DEI and VID.</summary>
    public ushort ControlInformation { get; }

    /// <summary>Priority code point, 0 to 7.</summary>
    public int Priority => ControlInformation >> PriorityShift;

    /// <summary>Drop eligible indicator.</summary>
    public bool DropEligible => (ControlInformation & DropEligibleBit) != 0;

    /// <summary>VLAN identifier, 0 to 4095.</summary>
    public int Id => ControlInformation & MaxId;

    /// <summary>Whether an EtherType announces a VLAN tag.</summary>
    public static bool IsTpid(EtherType type) => type is EtherType.Vlan or EtherType.ServiceVlan;

    /// <summary>The first four bytes; the caller has checked the length and the TPID.</summary>
    internal static VlanTag Read(ReadOnlySpan<byte> bytes) =>
        new((EtherType)BinaryPrimitives.ReadUInt16BigEndian(bytes), BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]));

    /// <summary>Writes four bytes; the caller has checked the length.</summary>
    internal void Write(Span<byte> destination)
    {
        destination = destination[..Length];
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)Tpid);
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], ControlInformation);
    }
}
