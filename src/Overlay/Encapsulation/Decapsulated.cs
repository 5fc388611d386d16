using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// A packet that <see cref="Decapsulator"/> took apart: a view of outer packet and inner frame or packet, to be used while the memory stands.
/// Fields are read where they lie when they are asked for.
/// </summary>
public readonly ref struct Decapsulated
{
    private const ulong IPv4Bit = 1ul << 24;
    private const int ProtocolShift = 16;
    private const int KindShift = 28;
    private const int HeaderLengthShift = 32;
    private const int InnerShift = 48;
    private const int GreFlagsShift = 48;
    private const ulong VxlanLayout =
        ((ulong)TunnelKind.Vxlan << KindShift) | ((ulong)VxlanPacket.HeaderLength << HeaderLengthShift) |
        ((ulong)EtherType.TransparentEthernetBridging << InnerShift) | ((ulong)IPProtocol.Udp << ProtocolShift);

    // From the first byte of the outer header to the last of the payload.
    private readonly ReadOnlySpan<byte> _packet;
    private readonly ulong _header;

    // In one word, because the JIT keeps the fields of a view in memory. From the lowest bit: 16 offset of the payload, 8 protocol, 1 whether the outer
    // packet is IPv4, 3 free, 4 kind, 16 length of the tunnel header, 16 what the payload is.
    private readonly ulong _layout;

    /// <summary>VXLAN.</summary>
    internal Decapsulated(ReadOnlySpan<byte> packet, bool isOuterIPv4, int payloadOffset, ulong vxlanHeader)
    {
        _packet = packet;
        _layout = (uint)payloadOffset | VxlanLayout | (isOuterIPv4 ? IPv4Bit : 0);
        _header = vxlanHeader;
    }

    internal Decapsulated(
        ReadOnlySpan<byte> packet, bool isOuterIPv4, int payloadOffset, IPProtocol protocol, TunnelKind kind, EtherType inner, int headerLength = 0, ulong header = 0)
    {
        _packet = packet;
        _layout = (uint)payloadOffset | ((ulong)protocol << ProtocolShift) | (isOuterIPv4 ? IPv4Bit : 0) | ((ulong)kind << KindShift) |
            ((ulong)headerLength << HeaderLengthShift) | ((ulong)inner << InnerShift);
        _header = header;
    }

    /// <summary>The encapsulation.</summary>
    public TunnelKind Kind => (TunnelKind)((_layout >> KindShift) & 0xF);

    /// <summary>The protocol of the outer packet: 17 for all kinds that UDP carries, 4 or 41 for IP in IP, 47 for GRE.</summary>
    public IPProtocol Protocol => (IPProtocol)(_layout >> ProtocolShift);

    /// <summary>What the payload is: <see cref="EtherType.TransparentEthernetBridging"/> for an Ethernet frame, else IPv4 or IPv6.</summary>
    public EtherType InnerProtocol => (EtherType)(_layout >> InnerShift);

    /// <summary>Whether the outer packet is IPv4.</summary>
    public bool IsOuterIPv4 => (_layout & IPv4Bit) != 0;

    /// <summary>The outer source address: the other end of the tunnel.</summary>
    public ValueIPAddress Remote => IsOuterIPv4
        ? ValueIPAddress.ReadIPv4(_packet[IPv4Packet.SourceOffset..])
        : ValueIPAddress.ReadIPv6(_packet[IPv6Packet.SourceOffset..]);

    /// <summary>The outer destination address: this end of the tunnel, or a multicast group.</summary>
    public ValueIPAddress Local => IsOuterIPv4
        ? ValueIPAddress.ReadIPv4(_packet[IPv4Packet.DestinationOffset..])
        : ValueIPAddress.ReadIPv6(_packet[IPv6Packet.DestinationOffset..]);

    /// <summary>The outer traffic class (IPv4 TOS): DSCP in the upper six bits, ECN in the lower two.</summary>
    public byte TrafficClass => InnerHeader.GetTrafficClass(_packet);

    /// <summary>The outer TTL or hop limit.</summary>
    public byte Ttl => _packet[IsOuterIPv4 ? IPv4Packet.TimeToLiveOffset : IPv6Packet.HopLimitOffset];

    /// <summary>The outer UDP source port; 0 where UDP does not carry the tunnel.</summary>
    public ushort SourcePort => Protocol == IPProtocol.Udp
        ? BinaryPrimitives.ReadUInt16BigEndian(_packet[(PayloadOffset - HeaderLength - UdpPacket.HeaderLength)..])
        : (ushort)0;

    /// <summary>
    /// The first eight bytes of the tunnel header as a number, first byte highest, with every reserved bit as received; what a shorter header lacks is
    /// zero. Of GRE only the first four: its optional fields have properties of their own.
    /// </summary>
    public ulong Header => _header;

    /// <summary>Bytes of the tunnel header, between the outer headers and the payload: 0 to 260.</summary>
    public int HeaderLength => (ushort)(_layout >> HeaderLengthShift);

    /// <summary>The network identifier; 0 for kinds that have none.</summary>
    public Vni Vni => Vni.FromUpper24((uint)_header);

    /// <summary>The group of a VXLAN packet that names one (draft-smith-vxlan-group-policy-05); else null.</summary>
    public ushort? GroupPolicyId =>
        Kind == TunnelKind.Vxlan && ReceivedHeader.HasGroupPolicy(_header) ? ReceivedHeader.GroupPolicyId(_header) : null;

    /// <summary>The options of a Geneve packet as bytes, or the extension fields of a GUE packet; empty in other kinds.</summary>
    public ReadOnlySpan<byte> Options => HeaderLength <= TunnelFacts.Of(Kind).HeaderLength
        ? default
        : _packet[(PayloadOffset - HeaderLength + TunnelFacts.Of(Kind).HeaderLength)..PayloadOffset];

    /// <summary>The options of a Geneve packet, for <c>foreach</c>; none in other kinds.</summary>
    public GeneveOptionEnumerator GeneveOptions => new(Kind == TunnelKind.Geneve ? Options : default);

    /// <summary>Which optional fields the GRE header has; none elsewhere. A checksum was verified.</summary>
    public GreFlags GreFields =>
        Protocol == IPProtocol.Gre ? (GreFlags)(_header >> GreFlagsShift) & GrePacket.KnownFlags : GreFlags.None;

    /// <summary>The key of GRE (RFC 2890 §2.1); null without one.</summary>
    public uint? GreKey => (GreFields & GreFlags.Key) == 0 ? null
        : BinaryPrimitives.ReadUInt32BigEndian(_packet[(PayloadOffset - GrePacket.OptionalFieldLength - SequenceNumberLength)..]);

    /// <summary>The sequence number of GRE (RFC 2890 §2.2); null without one.</summary>
    public uint? GreSequenceNumber => SequenceNumberLength == 0 ? null
        : BinaryPrimitives.ReadUInt32BigEndian(_packet[(PayloadOffset - GrePacket.OptionalFieldLength)..]);

    /// <summary>Where the inner frame or packet begins, counted from the first byte of the outer packet.</summary>
    public int PayloadOffset => (ushort)_layout;

    /// <summary>
    /// The inner Ethernet frame, at least its header without tags, or the inner packet, at least its fixed header, whose version is the one that
    /// <see cref="InnerProtocol"/> announces. Nothing else of it was looked at.
    /// </summary>
    public ReadOnlySpan<byte> Payload => _packet[PayloadOffset..];

    private int SequenceNumberLength => (GreFields & GreFlags.SequenceNumber) == 0 ? 0 : GrePacket.OptionalFieldLength;
}
