using Overlay.Encapsulation;
using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>What the outer headers of a packet would say, as the path tells the endpoint's port.</summary>
public sealed record ExplainedOuterHeader
{
    /// <summary>The encapsulation.</summary>
    public required TunnelKind Kind { get; init; }

    /// <summary>The outer source address.</summary>
    public required ValueIPAddress Local { get; init; }

    /// <summary>The outer destination address.</summary>
    public required ValueIPAddress Remote { get; init; }

    /// <summary>The network identifier; null for kinds that have none.</summary>
    public Vni? Vni { get; init; }

    /// <summary>
    /// The UDP source port that the flow hash gives; null without UDP. A port with fewer sockets than the range has numbers takes the socket that
    /// <see cref="FlowHash"/> selects.
    /// </summary>
    public ushort? SourcePort { get; init; }

    /// <summary>The UDP destination port; 0 stands for the endpoint's own, null without UDP.</summary>
    public ushort? DestinationPort { get; init; }

    /// <summary>TTL or hop limit.</summary>
    public byte Ttl { get; init; }

    /// <summary>The DSCP, 0 to 63.</summary>
    public byte Dscp { get; init; }

    /// <summary>The ECN field.</summary>
    public Ecn Ecn { get; init; }

    /// <summary>Whether the IPv4 header carries DF; null over IPv6, whose routers never fragment.</summary>
    public bool? DontFragment { get; init; }

    /// <summary>The IPv6 flow label; null over IPv4.</summary>
    public uint? FlowLabel { get; init; }

    /// <summary>The key of GRE; null without one.</summary>
    public uint? GreKey { get; init; }

    /// <summary>The tunnel encapsulation limit (RFC 2473 §4.1.1); null without one.</summary>
    public byte? EncapsulationLimit { get; init; }

    /// <summary>The hash of the inner flow.</summary>
    public uint FlowHash { get; init; }

    /// <summary>The outer packet in bytes, from its IP header on.</summary>
    public int PacketLength { get; init; }

    internal static ExplainedOuterHeader Of(TunnelOptions options, in PacketMeta meta, int length)
    {
        TunnelFacts facts = options.Facts;
        bool hasKey = (meta.GreFields & GreFlags.Key) != 0;
        int headers = TunnelMtu.Overhead(options.Kind, meta.Remote.AddressFamily, optionLength: OptionLength(options, meta), innerIP: options.Layer == DeviceLayer.IP) -
            (options.HasInnerEthernet ? EthernetFrame.MinimumHeaderLength : 0);
        return new ExplainedOuterHeader
        {
            Kind = options.Kind,
            Local = meta.Local,
            Remote = meta.Remote,
            Vni = facts.HasVni ? meta.Vni : null,
            SourcePort = facts.IsOverUdp ? meta.SourcePort : null,
            DestinationPort = facts.IsOverUdp ? meta.DestinationPort : null,
            Ttl = meta.Ttl,
            Dscp = (byte)(meta.TrafficClass >> 2),
            Ecn = (Ecn)(meta.TrafficClass & 3),
            DontFragment = meta.Remote.IsIPv4 ? meta.DontFragment : null,
            FlowLabel = meta.Remote.IsIPv4 ? null : meta.FlowLabel,
            GreKey = hasKey ? meta.GreKey : null,
            EncapsulationLimit = meta.EncapsulationLimit,
            FlowHash = meta.FlowHash,
            PacketLength = length + headers,
        };
    }

    // Of what the options say only that counts which the kind has.
    private static int OptionLength(TunnelOptions options, in PacketMeta meta) => options.Kind switch
    {
        TunnelKind.Geneve => options.GeneveOptions.Length,
        TunnelKind.Gre or TunnelKind.Gretap => options.Gre.Length,
        TunnelKind.IPInIP when meta.EncapsulationLimit is not null => IPInIPEncapsulator.EncapsulationLimitLength,
        _ => 0,
    };
}
