using System.Buffers.Binary;
using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>
/// A packet that <see cref="Decapsulator"/> took apart: a view of outer packet and inner frame or packet, to be used while the memory stands.
/// Fields are read where they lie when they are asked for.
/// </summary>
public readonly ref struct Decapsulated
{
    private const uint IPv4Bit = 1u << 24;

    // C, K and S of GRE come to lie above that bit.
    private const int GreShift = 13;

    // From the first byte of the outer header to the last of the payload.
    private readonly ReadOnlySpan<byte> _packet;
    private readonly ulong _vxlanHeader;

    // In one word, because the JIT keeps the fields of a view in memory: offset of the payload, protocol, whether the outer packet is IPv4, and which
    // optional fields a GRE header has.
    private readonly uint _layout;

    internal Decapsulated(ReadOnlySpan<byte> packet, bool isOuterIPv4, int payloadOffset, IPProtocol protocol, ulong vxlanHeader = 0, GreFlags greFields = GreFlags.None)
    {
        _packet = packet;
        _layout = (uint)payloadOffset | ((uint)protocol << 16) | (isOuterIPv4 ? IPv4Bit : 0) | ((uint)greFields << GreShift);
        _vxlanHeader = vxlanHeader;
    }

    /// <summary>The protocol of the outer packet: 17 for VXLAN, 4 or 41 for IP in IP, 47 for GRE.</summary>
    public IPProtocol Protocol => (IPProtocol)(_layout >> 16);

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

    /// <summary>The outer UDP source port; 0 for IP in IP.</summary>
    public ushort SourcePort => Protocol == IPProtocol.Udp
        ? BinaryPrimitives.ReadUInt16BigEndian(_packet[(PayloadOffset - VxlanPacket.HeaderLength - UdpPacket.HeaderLength)..])
        : (ushort)0;

    /// <summary>The VXLAN header as a number, first byte highest, with every reserved bit as received; 0 for IP in IP.</summary>
    public ulong VxlanHeader => _vxlanHeader;

    /// <summary>The network identifier; 0 for IP in IP.</summary>
    public Vni Vni => Vni.FromUpper24((uint)_vxlanHeader);

    /// <summary>Which optional fields the GRE header has; none elsewhere. A checksum was verified.</summary>
    public GreFlags GreFields => (GreFlags)(_layout >> GreShift) & GrePacket.KnownFlags;

    /// <summary>The key of GRE (RFC 2890 §2.1); null without one.</summary>
    public uint? GreKey => (GreFields & GreFlags.Key) == 0 ? null
        : BinaryPrimitives.ReadUInt32BigEndian(_packet[(PayloadOffset - GrePacket.OptionalFieldLength - SequenceNumberLength)..]);

    /// <summary>The sequence number of GRE (RFC 2890 §2.2); null without one.</summary>
    public uint? GreSequenceNumber => SequenceNumberLength == 0 ? null
        : BinaryPrimitives.ReadUInt32BigEndian(_packet[(PayloadOffset - GrePacket.OptionalFieldLength)..]);

    /// <summary>Where the inner frame or packet begins, counted from the first byte of the outer packet.</summary>
    public int PayloadOffset => (ushort)_layout;

    /// <summary>
    /// The inner Ethernet frame (VXLAN, GRE), at least its header without tags, or the inner packet (IP in IP, GRE), at least its fixed header, whose
    /// version is the one that <see cref="Protocol"/> or GRE's protocol type announces. Nothing else of it was looked at.
    /// </summary>
    public ReadOnlySpan<byte> Payload => _packet[PayloadOffset..];

    private int SequenceNumberLength => (GreFields & GreFlags.SequenceNumber) == 0 ? 0 : GrePacket.OptionalFieldLength;
}
