using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>What the copying form of an <see cref="IPInIPEncapsulator"/> chooses by itself.</summary>
public sealed record IPInIPEncapsulatorOptions
{
    /// <summary>All defaults.</summary>
    public static IPInIPEncapsulatorOptions Default { get; } = new();

    /// <summary>
    /// The outer TTL or hop limit where the packet's fields name none; 1 to 255. It is the tunnel's own (RFC 2003 §3.1, RFC 2473 §6.3).
    /// </summary>
    public byte Ttl { get; init; } = 64;

    /// <summary>The outer DSCP, 0 to 63.</summary>
    public byte Dscp { get; init; }

    /// <summary>How the outer ECN field is taken from the inner one (RFC 6040 §4.1).</summary>
    public EcnProfile Ecn { get; init; } = EcnProfile.Rfc6040;

    /// <summary>
    /// Whether DF is set on every outer IPv4 packet. Off by default; DF of an inner IPv4 packet is always taken over, since the outer bit "MUST"
    /// be set then (RFC 2003 §3.1). A packet without DF gets the identification 0: whoever lets routers fragment counts identifications
    /// himself and passes them as fields.
    /// </summary>
    public bool DontFragment { get; init; }

    /// <summary>
    /// The tunnel encapsulation limit for packets that carry none themselves, over IPv6 only: how many more tunnels they may enter (RFC 2473 §4.1.1).
    /// Null, the default, writes none.
    /// </summary>
    public byte? EncapsulationLimit { get; init; }

    /// <summary>The seed of the flow hash that becomes the outer IPv6 flow label (RFC 6438 §3).</summary>
    public uint FlowHashSeed { get; init; }
}
