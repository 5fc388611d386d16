namespace Overlay.Wire;

/// <summary>The option types of neighbour discovery that matter here (RFC 4861 §4.6).</summary>
public enum NeighborDiscoveryOptionType : byte
{
    /// <summary>The link-layer address of the sender, in solicitations (§4.6.1).</summary>
    SourceLinkLayerAddress = 1,

    /// <summary>The link-layer address of the target, in advertisements (§4.6.1).</summary>
    TargetLinkLayerAddress = 2,

    /// <summary>The nonce of enhanced duplicate address detection (RFC 7527 §4.1, RFC 3971 §5.3.2).</summary>
    Nonce = 14,
}
