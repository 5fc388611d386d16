namespace Overlay.Wire;

/// <summary>The three flags of a neighbour advertisement (RFC 4861 §4.4). A solicitation has none.</summary>
[Flags]
public enum NeighborDiscoveryFlags : byte
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>O: the advertisement overrides what the receiver has cached.</summary>
    Override = 0x20,

    /// <summary>S: the advertisement answers a solicitation.</summary>
    Solicited = 0x40,

    /// <summary>R: the sender is a router.</summary>
    Router = 0x80,
}
