namespace Overlay.Demo.Picture;

/// <summary>What comes next in a frame.</summary>
internal enum PictureStep
{
    /// <summary>Nothing but bytes that nobody here looks into.</summary>
    Payload,

    /// <summary>An Ethernet header.</summary>
    Ethernet,

    /// <summary>An ARP packet.</summary>
    Arp,

    /// <summary>An IPv4 header.</summary>
    IPv4,

    /// <summary>An IPv6 header.</summary>
    IPv6,

    /// <summary>A UDP header.</summary>
    Udp,

    /// <summary>A VXLAN header.</summary>
    Vxlan,

    /// <summary>An ICMP message.</summary>
    Icmp,

    /// <summary>An ICMPv6 message.</summary>
    IcmpV6,

    /// <summary>What was announced is not there.</summary>
    Unreadable,
}
