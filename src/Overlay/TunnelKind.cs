namespace Overlay;

/// <summary>The encapsulations this library speaks.</summary>
public enum TunnelKind : byte
{
    /// <summary>Ethernet in UDP with a 24-bit network identifier (RFC 7348).</summary>
    Vxlan,

    /// <summary>IP in IP: 4in4 (RFC 2003), 6in4 (RFC 4213), 4in6 and 6in6 (RFC 2473). The inner family decides the protocol number.</summary>
    IPInIP,
}
