namespace Overlay.Tables;

/// <summary>
/// Who put an entry into the neighbour table. The stronger stays: static over external over learned (RFC 9161 §3.2), since what a person wrote down is surer
/// than what was told, and both are surer than what a packet claims.
/// </summary>
public enum NeighborOrigin : byte
{
    /// <summary>Read from ARP and neighbour discovery that came through the tunnel. It ages, moves, and makes way for the others.</summary>
    Learned = 0,

    /// <summary>From the configuration. It stays until it is removed.</summary>
    Static = 1,

    /// <summary>From a control plane, such as an EVPN route of type 2. It stays until it is withdrawn, or a static one takes its place.</summary>
    External = 2,
}
