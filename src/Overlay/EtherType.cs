namespace Overlay;

/// <summary>The EtherType field of an Ethernet header or VLAN tag (IEEE 802.3, IANA registry). Values are host order.</summary>
public enum EtherType : ushort
{
    /// <summary>Internet Protocol version 4.</summary>
    IPv4 = 0x0800,

    /// <summary>Address Resolution Protocol (RFC 826).</summary>
    Arp = 0x0806,

    /// <summary>Transparent Ethernet bridging: an Ethernet frame as payload (RFC 1701, RFC 8926).</summary>
    TransparentEthernetBridging = 0x6558,

    /// <summary>Customer VLAN tag (IEEE 802.1Q).</summary>
    Vlan = 0x8100,

    /// <summary>Internet Protocol version 6.</summary>
    IPv6 = 0x86DD,

    /// <summary>Service VLAN tag (IEEE 802.1ad).</summary>
    ServiceVlan = 0x88A8,
}
