namespace Overlay;

/// <summary>
/// Why a packet was not passed on. Each reason has one sentence (<see cref="DropReasons.Describe"/>), one label
/// (<see cref="DropReasons.Label"/>) and one counter per tunnel and direction; nothing is dropped without one.
/// </summary>
public enum DropReason : byte
{
    /// <summary>Not dropped.</summary>
    None,

    /// <summary>The packet ends before its headers do.</summary>
    Truncated,

    /// <summary>A header has an IP version other than the protocol number or EtherType announces.</summary>
    BadVersion,

    /// <summary>A header or total length does not fit the packet.</summary>
    BadLength,

    /// <summary>A checksum of the outer headers is wrong, or absent where it is required.</summary>
    BadChecksum,

    /// <summary>
    /// The flags of the tunnel header do not do: the VXLAN I flag is clear (RFC 7348 §5), a GUE flag is set that is not known here, or one of GRE's bits 1,
    /// 4 and 5 is (RFC 2784 §2.3).
    /// </summary>
    BadFlags,

    /// <summary>The tunnel header has another version than the one spoken here (RFC 8926 §3.4, RFC 2784 §2.3.1).</summary>
    HeaderVersion,

    /// <summary>The tunnel header announces neither Ethernet nor IP, but NSH or MPLS or something unknown.</summary>
    UnknownProtocol,

    /// <summary>A message between the ends of a tunnel (OAM), which must not be forwarded (RFC 8926 §3.4).</summary>
    ControlPacket,

    /// <summary>A Geneve option is critical and not known here (RFC 8926 §3.5).</summary>
    UnknownOption,

    /// <summary>A reserved VXLAN bit is set and the policy rejects it.</summary>
    ReservedBits,

    /// <summary>The outer packet does not carry this encapsulation, or not on this port.</summary>
    NotTunnel,

    /// <summary>No tunnel has this VNI on this endpoint.</summary>
    UnknownVni,

    /// <summary>No tunnel has this GRE key on this endpoint (RFC 2890 §2.1).</summary>
    UnknownKey,

    /// <summary>The sender is not a permitted remote of the tunnel.</summary>
    UnknownRemote,

    /// <summary>The GRE packet came late, or has no sequence number in a tunnel that has them (RFC 2890 §2.2).</summary>
    OutOfSequence,

    /// <summary>The inner frame or packet ends before its headers do.</summary>
    InnerTruncated,

    /// <summary>The inner source MAC is zero, multicast or broadcast.</summary>
    InvalidSourceMac,

    /// <summary>The inner source MAC is the tunnel device's own: an echo.</summary>
    LocalMac,

    /// <summary>A layer-3 VXLAN tunnel received a frame for another MAC.</summary>
    ForeignMac,

    /// <summary>The inner frame carries a VLAN tag and the policy refuses it (RFC 7348 §6.1).</summary>
    InnerVlan,

    /// <summary>A layer-3 tunnel was given something other than IPv4 or IPv6.</summary>
    NotIP,

    /// <summary>A layer-2 tunnel received an IP packet without an Ethernet header.</summary>
    NotEthernet,

    /// <summary>An IPv4-mapped IPv6 address stands in an inner IPv6 header.</summary>
    MappedAddress,

    /// <summary>The inner IPv6 source is a multicast, loopback or IPv4-compatible address (RFC 4213 §3.6).</summary>
    InvalidSource,

    /// <summary>The outer packet was marked CE but the inner one is not ECN-capable (RFC 6040 §4.2).</summary>
    EcnInvalid,

    /// <summary>The inner TTL or hop limit is zero (RFC 2003 §3.1).</summary>
    TtlExpired,

    /// <summary>The packet says that it must not be encapsulated once more (RFC 2473 §4.1.1).</summary>
    EncapsulationLimit,

    /// <summary>No route leads to the inner destination.</summary>
    NoRoute,

    /// <summary>The inner destination MAC is unknown, broadcast or multicast, and there is nobody to flood to.</summary>
    NoRemote,

    /// <summary>The packet exceeds the MTU of the tunnel, of the link under it or of the path to the remote, and policy does not let it be fragmented.</summary>
    TooBig,

    /// <summary>Encapsulated, the packet would enter its own tunnel again (RFC 2003 §3.2, RFC 2473 §4.1.2).</summary>
    Loop,

    /// <summary>The output port took no more packets within the bound.</summary>
    QueueFull,

    /// <summary>The kernel refused the packet: no route to the remote, a full device queue, an invalid header.</summary>
    SendFailed,

    /// <summary>The output port is down.</summary>
    PortDown,

    /// <summary>The outer source address is none that a packet can come from: of a group, of this end itself, unspecified, loopback (RFC 1812 §5.3.7).</summary>
    MartianRemote,

    /// <summary>The inner source address is none that a packet can come from: of a group, loopback, of this end of the tunnel (RFC 1812 §5.3.7, RFC 4213 §3.6).</summary>
    MartianSource,

    /// <summary>The inner source address lives behind another remote than the one that sent the packet.</summary>
    ForeignSource,

    /// <summary>More broadcast frames than may be flooded.</summary>
    BroadcastLimit,

    /// <summary>More frames to unknown stations than may be flooded.</summary>
    UnknownUnicastLimit,

    /// <summary>More multicast frames than may be flooded.</summary>
    MulticastLimit,

    /// <summary>The same gratuitous ARP packet or unsolicited neighbour advertisement was flooded a moment ago, and the tunnel holds repetitions back.</summary>
    RepeatedAnnouncement,

    /// <summary>More probes of the path MTU came than are answered in a second.</summary>
    ProbeLimit,
}
