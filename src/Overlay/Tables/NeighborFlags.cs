namespace Overlay.Tables;

/// <summary>What is said of a neighbour beside its address: the flags of a neighbour advertisement, and those of EVPN's ARP/ND extended community (RFC 9047 §2).</summary>
[Flags]
public enum NeighborFlags : byte
{
    /// <summary>Neither a router nor surer than what the asker has.</summary>
    None = 0,

    /// <summary>R: the neighbour is a router; a host that is told otherwise takes it off its list of routers (RFC 4861 §7.2.5). IPv6 only.</summary>
    Router = 1,

    /// <summary>O: the answer replaces what the asker has cached. Without it for an address that several have (RFC 4861 §7.2.4). IPv6 only.</summary>
    Override = 2,

    /// <summary>I: the address belongs to this MAC address for certain, so that whoever else tests whether it is free is told that it is not.</summary>
    Immutable = 4,
}
