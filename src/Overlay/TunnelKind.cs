namespace Overlay;

/// <summary>The encapsulations this library speaks. What is true of each stands in <see cref="TunnelFacts"/>.</summary>
public enum TunnelKind : byte
{
    /// <summary>Ethernet in UDP with a 24-bit network identifier (RFC 7348).</summary>
    Vxlan,

    /// <summary>VXLAN with a next-protocol field: Ethernet or IP in UDP (draft-ietf-nvo3-vxlan-gpe).</summary>
    VxlanGpe,

    /// <summary>Ethernet or IP in UDP, with a network identifier and options (RFC 8926).</summary>
    Geneve,

    /// <summary>IP in GRE (RFC 2784, RFC 2890).</summary>
    Gre,

    /// <summary>Ethernet in GRE, as Linux calls it (RFC 2784 with protocol type 0x6558).</summary>
    Gretap,

    /// <summary>IP in IP: 4in4 (RFC 2003), 6in4 (RFC 4213), 4in6 and 6in6 (RFC 2473). The inner family decides the protocol number.</summary>
    IPInIP,

    /// <summary>IP in UDP behind the header of Generic UDP Encapsulation (draft-ietf-intarea-gue, variant 0).</summary>
    Gue,

    /// <summary>IP in UDP without a header between, on a port that both ends agree on: foo over UDP of Linux.</summary>
    Fou,

    /// <summary>IP in UDP without a header between, as flannel's backend <c>udp</c> sends it.</summary>
    IPInUdp,
}
