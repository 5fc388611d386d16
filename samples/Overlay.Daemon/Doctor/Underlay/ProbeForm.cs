namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>What a probe looks like on the wire. The names, in kebab-case, are those of the report; a public format.</summary>
internal enum ProbeForm
{
    /// <summary>An ICMP echo request.</summary>
    Echo,

    /// <summary>UDP to a port of no tunnel, with bytes that are no tunnel's.</summary>
    OtherPort,

    /// <summary>The same without a UDP checksum.</summary>
    OtherPortNoChecksum,

    /// <summary>UDP to the tunnel's port, with bytes that are no tunnel's.</summary>
    TunnelPort,

    /// <summary>VXLAN to the tunnel's port.</summary>
    Vxlan,

    /// <summary>VXLAN to the tunnel's port, with another VNI.</summary>
    VxlanOtherVni,

    /// <summary>VXLAN to a port of no tunnel.</summary>
    VxlanOtherPort,

    /// <summary>VXLAN without a UDP checksum.</summary>
    VxlanNoChecksum,

    /// <summary>VXLAN with a wrong UDP checksum.</summary>
    VxlanBadChecksum,

    /// <summary>VXLAN from another source port.</summary>
    VxlanSourcePort,

    /// <summary>IPv4 in IP: protocol 4.</summary>
    IPv4InIP,

    /// <summary>IPv6 in IP: protocol 41.</summary>
    IPv6InIP,

    /// <summary>GRE: protocol 47.</summary>
    Gre,

    /// <summary>IPv4 in GUE.</summary>
    Gue,
}
