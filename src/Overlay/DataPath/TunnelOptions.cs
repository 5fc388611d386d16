using Overlay.Encapsulation;

namespace Overlay.DataPath;

/// <summary>What a tunnel is; it never changes while the tunnel lives.</summary>
public sealed record TunnelOptions
{
    /// <summary>The name for status and messages.</summary>
    public required string Name { get; init; }

    /// <summary>The encapsulation.</summary>
    public required TunnelKind Kind { get; init; }

    /// <summary>The network identifier; not used by kinds that have none.</summary>
    public Vni Vni { get; init; }

    /// <summary>The underlay address of this end.</summary>
    public required ValueIPAddress Local { get; init; }

    /// <summary>What the device carries; <see cref="TunnelFacts"/> says what the kind can.</summary>
    public required DeviceLayer Layer { get; init; }

    /// <summary>The device's MAC address; a layer-3 VXLAN tunnel writes it as inner source and accepts only frames for it.</summary>
    public MacAddress DeviceMac { get; init; }

    /// <summary>Whether source MAC addresses of received frames are learned.</summary>
    public bool Learning { get; init; }

    /// <summary>Whether questions for known neighbours are answered here instead of being flooded. Ethernet only.</summary>
    public bool NeighborSuppression { get; init; } = true;

    /// <summary>
    /// Whether neighbours are learned from ARP and neighbour discovery that come through the tunnel. Off: neither has any authentication, and what one
    /// forged packet says would be repeated here to every host that asks, until it ages. Ethernet only.
    /// </summary>
    public bool NeighborLearning { get; init; }

    /// <summary>
    /// For how many milliseconds the same announcement of an address (gratuitous ARP, unsolicited advertisement) from the device is dropped after it was
    /// flooded; 0 floods each. Off: hosts repeat them because one may be lost (RFC 5227 §2.3).
    /// </summary>
    public long AnnouncementHold { get; init; }

    /// <summary>A secret of this end that enters the flow hash, so that nobody outside can aim flows at one source port. Any number.</summary>
    public uint FlowHashSeed { get; init; }

    /// <summary>The optional fields of GRE; not used by other kinds.</summary>
    public GreOptions Gre { get; init; } = GreOptions.Default;

    /// <summary>
    /// The group that packets sent are marked with (draft-smith-vxlan-group-policy-05); with one, groups of received packets are accepted, too, and not
    /// reserved bits. Null for plain VXLAN. VXLAN only.
    /// </summary>
    public ushort? GroupPolicyId { get; init; }

    /// <summary>
    /// Options of every packet sent, whole, as <see cref="Overlay.Wire.GeneveOptionsBuilder"/> writes them. Received packets may have critical options of
    /// the same class and type: what both ends are configured with, both know. Geneve only.
    /// </summary>
    public ReadOnlyMemory<byte> GeneveOptions { get; init; }

    /// <summary>The choices that RFCs leave open.</summary>
    public TunnelPolicy Policy { get; init; } = TunnelPolicy.Default;

    /// <summary>The header that the endpoint's port is to write for this tunnel.</summary>
    /// <exception cref="ArgumentException">UDP does not carry the kind, or it has no group policy or options.</exception>
    public TunnelHeader CreateHeader() => TunnelHeader.Create(Kind, Layer == DeviceLayer.Ethernet, GroupPolicyId, GeneveOptions.Span);

    /// <summary>What is true of the kind.</summary>
    internal TunnelFacts Facts => TunnelFacts.Of(Kind);

    /// <summary>
    /// Bytes of the outer packet in front of the inner frame, or of the inner packet where there is no Ethernet; without an encapsulation limit, which not
    /// every packet has.
    /// </summary>
    internal int OuterLength =>
        TunnelMtu.Overhead(Kind, Local.AddressFamily, optionLength: GeneveOptions.Length + (Facts.IsGre ? Gre.Length : 0), innerIP: Layer == DeviceLayer.IP) -
        (HasInnerEthernet ? Wire.EthernetFrame.MinimumHeaderLength : 0);

    /// <summary>What becomes of IPv4 packets without DF that the path does not take.</summary>
    /// <remarks>
    /// RFC 7348 §4.3: "VTEPs MUST NOT fragment VXLAN packets", and a switch fragments no frame: on Ethernet such a packet is dropped. Where the device
    /// carries IP this end is a router, which fragments (RFC 1812 §5.2.6): behind UDP the inner packet, since many networks lose fragments of UDP; IP in
    /// IP and GRE the outer one, as RFC 2003 §5.1, RFC 2473 §7.2 and RFC 2784 say, so that the inner packet arrives as it left.
    /// </remarks>
    internal FragmentPolicy Fragment => Policy.Fragment ??
        (Layer == DeviceLayer.Ethernet ? FragmentPolicy.Drop : Facts.IsOverUdp ? FragmentPolicy.Inner : FragmentPolicy.Outer);

    /// <summary>Whether an Ethernet header stands in front of the inner IP packet on the wire.</summary>
    internal bool HasInnerEthernet => Facts.HasInnerEthernet(Layer == DeviceLayer.Ethernet);
}
