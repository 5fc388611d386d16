using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>The choices of a tunnel that RFCs leave open, with the defaults and their reasons.</summary>
public sealed record TunnelPolicy
{
    /// <summary>All defaults.</summary>
    public static TunnelPolicy Default { get; } = new();

    /// <summary>The outer TTL or hop limit, 1 to 255; null copies the inner one. 64, as Linux: enough for any path (RFC 2003 §3.1).</summary>
    public byte? Ttl { get; init; } = 64;

    /// <summary>The outer DSCP, 0 to 63; null copies the inner one. 0: the underlay's classes are not the tenant's to choose (RFC 2983 pipe model).</summary>
    public byte? Dscp { get; init; } = 0;

    /// <summary>How ECN crosses the tunnel. RFC 6040, so that congestion marks of the underlay reach the inner hosts.</summary>
    public EcnProfile Ecn { get; init; } = EcnProfile.Rfc6040;

    /// <summary>
    /// The outer DF bit. Null takes the encapsulation's default: unset for VXLAN and 6in4, as Linux; inherited for 4in4 (RFC 2003 §3.1).
    /// Whatever it is, no outer packet is fragmented here.
    /// </summary>
    public DontFragmentPolicy? DontFragment { get; init; }

    /// <summary>
    /// How often a packet may be encapsulated again behind this tunnel, 0 to 255 (RFC 2473 §4.1.1); null writes no limit. IP in IP over IPv6 only. Null,
    /// though Linux writes 4: the option takes 8 bytes off the MTU, and routers that spread packets over paths, or drop those with extension headers, do
    /// worse by it. A limit that an inner packet carries already is obeyed in any case: one less is written, and at 0 the packet is dropped, and the
    /// sender told.
    /// </summary>
    public byte? EncapsulationLimit { get; init; }

    /// <summary>What becomes of reserved VXLAN bits. Rejected, as by Linux, OVS and VPP: a set bit is usually GPE or OAM, not Ethernet.</summary>
    public ReservedBitsPolicy ReservedBits { get; init; } = ReservedBitsPolicy.Reject;

    /// <summary>What becomes of VLAN tags of the inner frame. Kept, as by Linux (RFC 7348 §6.1 would discard).</summary>
    public InnerVlanPolicy InnerVlan { get; init; } = InnerVlanPolicy.Keep;

    /// <summary>The lowest outer UDP source port. 49 152 to 65 535 is what RFC 7348 §5 recommends.</summary>
    public ushort SourcePortMinimum { get; init; } = 49_152;

    /// <summary>The highest outer UDP source port.</summary>
    public ushort SourcePortMaximum { get; init; } = 65_535;

    /// <summary>From whom packets are taken. Only known remotes: who is not configured is not let in (RFC 4213 §3.6).</summary>
    public RemotePolicy Remotes { get; init; } = RemotePolicy.Known;
}
