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

    /// <summary>
    /// What the outer DSCP does to the inner one on the way out. Nothing (RFC 2983 pipe model): the tenant's classes are not the underlay's to change.
    /// The uniform model is <see cref="DscpModel.Uniform"/> here and null in <see cref="Dscp"/>.
    /// </summary>
    public DscpModel DscpModel { get; init; } = DscpModel.Pipe;

    /// <summary>How ECN crosses the tunnel. RFC 6040, so that congestion marks of the underlay reach the inner hosts.</summary>
    public EcnProfile Ecn { get; init; } = EcnProfile.Rfc6040;

    /// <summary>
    /// The outer DF bit. Null takes the encapsulation's default: unset for VXLAN and 6in4, as Linux; inherited for 4in4 (RFC 2003 §3.1).
    /// Whatever it is, no outer packet is fragmented here.
    /// </summary>
    public DontFragmentPolicy? DontFragment { get; init; }

    /// <summary>
    /// What becomes of IPv4 packets without DF that the path to a remote does not take. Null takes the default: dropped on Ethernet, since a switch
    /// fragments nothing and RFC 7348 §4.3 forbids it to a VTEP; else fragmented, within UDP the inner packet, otherwise the outer one (RFC 2003 §5.1).
    /// </summary>
    public FragmentPolicy? Fragment { get; init; }

    /// <summary>
    /// Whether senders of inner packets that the path does not take are told, by ICMP "fragmentation needed" and ICMPv6 "packet too big". On: without that
    /// connections hang (RFC 2923 §2.1), and no more than ten messages in a second leave to one host.
    /// </summary>
    public bool TellTooBig { get; init; } = true;

    /// <summary>To what the maximum segment size of TCP is lowered on the way through. Off: ICMP tells hosts what they need to know, and segments are theirs.</summary>
    public MssClamp MssClamp { get; init; } = MssClamp.Off;

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

    /// <summary>
    /// Whether the outer IPv6 header carries a flow label, one per inner flow. On, so that routers spread flows over equal paths without looking for
    /// ports (RFC 6438 §3); off writes 0, for networks that treat labels wrongly.
    /// </summary>
    public bool FlowLabel { get; init; } = true;

    /// <summary>
    /// Outer source addresses by inner flow. IP in IP over raw sockets only. Off (null): the other end must be told to accept them, and networks that
    /// filter by source address (BCP 38) drop them.
    /// </summary>
    public SourceSpray? SourceSpray { get; init; }

    /// <summary>From whom packets are taken. Only known remotes: who is not configured is not let in (RFC 4213 §3.6).</summary>
    public RemotePolicy Remotes { get; init; } = RemotePolicy.Known;

    /// <summary>What becomes of packets from remotes that <see cref="Remotes"/> does not let in. Enforced: what only counts or is off lets anybody in.</summary>
    public SourceCheck RemoteCheck { get; init; } = SourceCheck.Enforce;

    /// <summary>
    /// What becomes of packets whose outer source nobody can have, unless the tables name it as a remote: 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/3, ::/96, ff00::/8,
    /// the tunnel's own address, one of the other family. Enforced, as in the kernel: no answer could reach such a remote.
    /// </summary>
    public SourceCheck MartianRemotes { get; init; } = SourceCheck.Enforce;

    /// <summary>
    /// What becomes of packets whose inner IP source nobody can have: the addresses of <see cref="MartianRemotes"/>, except that on Ethernet the unspecified one is
    /// what hosts without an address ask from. Null takes the layer's default: off on Ethernet, since a switch does not look into frames, and a tenant may have the
    /// underlay's addresses; counted on IP, since class E is routed by some, and the kernel behind the device drops the rest.
    /// </summary>
    public SourceCheck? MartianSources { get; init; }

    /// <summary>
    /// What becomes of packets whose inner source lives behind another remote than the one that sent them: the static or external forwarding entry of the source
    /// MAC address says so, or of the one that the neighbour table has for the source IP address; on IP the route of the source address does. What is in no table
    /// passes. Off: stations may be reached by one remote and answer by another, and each look costs a look-up.
    /// </summary>
    public SourceCheck InnerSourceCheck { get; init; } = SourceCheck.Off;

    /// <summary>How much may be flooded. All of it, as in Linux: how much a network needs nobody knows but its owner.</summary>
    public FloodLimits FloodLimits { get; init; } = FloodLimits.None;

    /// <summary>Whether no packet comes in but from remotes that the tables name; then nothing is learned from others, either.</summary>
    public bool AdmitsKnownOnly => Remotes.KnownOnly && RemoteCheck == SourceCheck.Enforce;
}
