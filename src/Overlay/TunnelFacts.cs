namespace Overlay;

/// <summary>What is true of every tunnel of a kind. Whoever does something for one kind only asks here, not for the kind's name.</summary>
/// <remarks>
/// <code>
/// name       over    header  VNI  Ethernet  IP                       port
/// vxlan      UDP     8       yes  tap       tun, within Ethernet     4789
/// vxlan-gpe  UDP     8       yes  tap       tun                      4790
/// geneve     UDP     8 +     yes  tap       tun                      6081
/// gre        IP      4 +     no   –         tun                      –
/// gretap     IP      4 +     no   tap       –                        –
/// ipip       IP      0       no   –         tun                      –
/// gue        UDP     4       no   –         tun                      6080
/// fou        UDP     0       no   –         tun                      none: both ends agree on one
/// udp        UDP     0       no   –         tun                      8285
/// </code>
/// </remarks>
public sealed class TunnelFacts
{
    // In the order of the enumeration.
    private static readonly TunnelFacts[] Known =
    [
        new(TunnelKind.Vxlan, "vxlan") { IsOverUdp = true, HasVni = true, CarriesEthernet = true, CarriesIP = true, WrapsIPInEthernet = true, JudgesReservedBits = true, HeaderLength = 8, DefaultPort = 4789 },
        new(TunnelKind.VxlanGpe, "vxlan-gpe") { IsOverUdp = true, HasVni = true, CarriesEthernet = true, CarriesIP = true, HeaderLength = 8, DefaultPort = 4790 },
        new(TunnelKind.Geneve, "geneve") { IsOverUdp = true, HasVni = true, CarriesEthernet = true, CarriesIP = true, HeaderLength = 8, DefaultPort = 6081 },
        new(TunnelKind.Gre, "gre") { IsGre = true, CarriesIP = true, InheritsDontFragment = true, HeaderLength = 4 },
        new(TunnelKind.Gretap, "gretap") { IsGre = true, CarriesEthernet = true, HeaderLength = 4 },
        new(TunnelKind.IPInIP, "ipip") { CarriesIP = true, InheritsDontFragment = true },
        new(TunnelKind.Gue, "gue") { IsOverUdp = true, CarriesIP = true, HeaderLength = 4, DefaultPort = 6080 },
        new(TunnelKind.Fou, "fou") { IsOverUdp = true, CarriesIP = true },
        new(TunnelKind.IPInUdp, "udp") { IsOverUdp = true, CarriesIP = true, DefaultPort = 8285 },
    ];

    private TunnelFacts(TunnelKind kind, string name)
    {
        Kind = kind;
        Name = name;
    }

    /// <summary>All kinds, in the order of the enumeration.</summary>
    public static IReadOnlyList<TunnelFacts> All => Known;

    /// <summary>The kind.</summary>
    public TunnelKind Kind { get; }

    /// <summary>The word for it in configuration, status and messages.</summary>
    public string Name { get; }

    /// <summary>Whether UDP carries it; otherwise it is an IP protocol of its own.</summary>
    public bool IsOverUdp { get; private init; }

    /// <summary>Whether it is GRE: a key, if there is one, tells tunnels of one endpoint apart (RFC 2890 §2.1).</summary>
    public bool IsGre { get; private init; }

    /// <summary>Whether a 24-bit network identifier tells tunnels of one endpoint apart; otherwise an endpoint has one tunnel.</summary>
    public bool HasVni { get; private init; }

    /// <summary>Whether a tunnel can carry Ethernet frames: its device is a TAP then.</summary>
    public bool CarriesEthernet { get; private init; }

    /// <summary>Whether a tunnel can carry IP packets: its device is a TUN then.</summary>
    public bool CarriesIP { get; private init; }

    /// <summary>
    /// Whether IP packets travel within an Ethernet header all the same, since the encapsulation knows nothing else: layer-3 VXLAN as flannel and
    /// Calico run it.
    /// </summary>
    public bool WrapsIPInEthernet { get; private init; }

    /// <summary>
    /// Whether a policy judges reserved bits of the header (RFC 7348 §5 lets a receiver ignore them, and others use them); the specifications of the
    /// other kinds say that they "MUST be ignored".
    /// </summary>
    public bool JudgesReservedBits { get; private init; }

    /// <summary>
    /// Whether the outer DF bit is that of an inner IPv4 packet unless a policy says otherwise (RFC 2003 §3.1); else it is clear, as Linux leaves it.
    /// </summary>
    public bool InheritsDontFragment { get; private init; }

    /// <summary>Bytes between the UDP or IP header and the inner packet, without options and optional fields.</summary>
    public int HeaderLength { get; private init; }

    /// <summary>The UDP port that is registered or customary; 0 if there is none.</summary>
    public ushort DefaultPort { get; private init; }

    /// <summary>The facts of a kind.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a kind of tunnel.</exception>
    public static TunnelFacts Of(TunnelKind kind) =>
        (int)kind < Known.Length ? Known[(int)kind] : throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a kind of tunnel.");

    /// <summary>Finds a kind by its word.</summary>
    /// <param name="name">The word, as in <see cref="Name"/>.</param>
    /// <returns>null if no kind has this name.</returns>
    public static TunnelFacts? Find(string name) => Array.Find(Known, facts => facts.Name == name);

    /// <summary>Whether an Ethernet header stands in front of the inner IP packet on the wire.</summary>
    /// <param name="ethernet">Whether the tunnel carries Ethernet frames; otherwise IP packets.</param>
    public bool HasInnerEthernet(bool ethernet) => ethernet || WrapsIPInEthernet;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
