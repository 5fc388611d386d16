namespace Overlay.Fuzz;

/// <summary>Where an input begins: seeds of a layer are cut from whole frames there.</summary>
internal enum SeedLayer
{
    /// <summary>An Ethernet frame.</summary>
    Frame,

    /// <summary>An ARP packet.</summary>
    Arp,

    /// <summary>An IPv4 or IPv6 packet, outer or inner.</summary>
    IP,

    /// <summary>A TCP segment.</summary>
    Tcp,

    /// <summary>A UDP datagram.</summary>
    Udp,

    /// <summary>An ICMP message.</summary>
    Icmp,

    /// <summary>An ICMPv6 message.</summary>
    IcmpV6,

    /// <summary>What lies behind a UDP header: VXLAN, Geneve and the like.</summary>
    UdpPayload,

    /// <summary>What lies behind an IP header and is none of the above: GRE, and options of IPv6.</summary>
    IPPayload,

    /// <summary>A capture file.</summary>
    Capture,

    /// <summary>A configuration of the daemon.</summary>
    Configuration,

    /// <summary>A MAC address, an IP address or a VNI as people write it.</summary>
    Text,
}
