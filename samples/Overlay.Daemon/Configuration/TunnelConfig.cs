using Overlay.DataPath;
using Overlay.Encapsulation;

namespace Overlay.Daemon.Configuration;

/// <summary>A checked tunnel.</summary>
internal sealed record TunnelConfig
{
    /// <summary>The name for status and messages.</summary>
    public required string Name { get; init; }

    /// <summary>The network identifier; 0 for a kind that has none.</summary>
    public Vni Vni { get; init; }

    /// <summary>The group that packets are marked with; null for plain VXLAN. VXLAN only.</summary>
    public ushort? GroupPolicyId { get; init; }

    /// <summary>Options of every packet, as they are on the wire. Geneve only.</summary>
    public ReadOnlyMemory<byte> GeneveOptions { get; init; }

    /// <summary>The sockets under it.</summary>
    public required EndpointConfig Endpoint { get; init; }

    /// <summary>The device over it.</summary>
    public required DeviceConfig Device { get; init; }

    /// <summary>Learning; null where it does not exist: on TUN.</summary>
    public LearningConfig? Learning { get; init; }

    /// <summary>Who gets a copy of broadcast, multicast and unknown unicast: remotes, or one group. TAP only.</summary>
    public IReadOnlyList<ValueIPAddress> Flood { get; init; } = [];

    /// <summary>Configured stations. TAP only.</summary>
    public IReadOnlyList<FdbConfig> Fdb { get; init; } = [];

    /// <summary>Stations that ARP and ND are answered for. TAP only.</summary>
    public IReadOnlyList<NeighborConfig> Neighbors { get; init; } = [];

    /// <summary>Whether ARP and ND are answered here at all. TAP only.</summary>
    public bool NeighborSuppression { get; init; } = true;

    /// <summary>For how long the same announcement of an address is not flooded again, 0 to 3 600; 0 floods each. TAP only.</summary>
    public int AnnouncementHoldSeconds { get; init; }

    /// <summary>Inner routes, each also a kernel route by the device. TUN only.</summary>
    public IReadOnlyList<RouteConfig> Routes { get; init; } = [];

    /// <summary>Whether a route whose remote is on a subnet of the underlay goes there without the tunnel. TUN only.</summary>
    public bool DirectRouting { get; init; }

    /// <summary>The choices that RFCs leave open.</summary>
    public TunnelPolicy Policy { get; init; } = TunnelPolicy.Default;

    /// <summary>The optional fields of GRE.</summary>
    public GreOptions Gre { get; init; } = GreOptions.Default;

    /// <summary>How the MTUs of the paths to its remotes are found out.</summary>
    public PathMtuConfig PathMtu { get; init; } = new();

    /// <summary>Offloads.</summary>
    public OffloadConfig Offload { get; init; } = new();

    /// <summary>The encapsulation.</summary>
    public TunnelKind Kind => Endpoint.Kind;

    /// <summary>The underlay address of this end.</summary>
    public ValueIPAddress Local => Endpoint.Local;

    /// <summary>What is true of the encapsulation.</summary>
    public TunnelFacts Facts => Endpoint.Facts;

    /// <summary>Whether inner packets travel with an Ethernet header, so that the device's MAC address counts.</summary>
    public bool HasInnerEthernet => Facts.HasInnerEthernet(Device.Layer == DeviceLayer.Ethernet);

    /// <summary>The group that is flooded to and joined (RFC 7348 §4.2); null if there is none.</summary>
    public ValueIPAddress? Group => Flood is [{ IsMulticast: true } group] ? group : default(ValueIPAddress?);

    /// <summary>Every configured remote, each once; a group is none.</summary>
    public IEnumerable<ValueIPAddress> Remotes =>
        Flood.Where(f => !f.IsMulticast).Concat(Fdb.Select(f => f.Remote.Address)).Concat(Routes.SelectMany(r => r.Members).Select(m => m.Entry.Remote)).Distinct();

    /// <summary>By how many bytes the MTU of the device is smaller than that of the link.</summary>
    public int Overhead =>
        TunnelMtu.Overhead(Kind, Local.AddressFamily, optionLength: OptionLength, innerIP: Device.Layer == DeviceLayer.IP);

    /// <summary>What the endpoint writes for it.</summary>
    public TunnelHeader ToHeader() => ToOptions(default).CreateHeader();

    /// <summary>What the data path is told.</summary>
    /// <param name="deviceMac">The MAC address that the device has; default where no Ethernet crosses the tunnel.</param>
    public TunnelOptions ToOptions(MacAddress deviceMac) => new()
    {
        Name = Name,
        Kind = Kind,
        Vni = Vni,
        Local = Local,
        Layer = Device.Layer,
        DeviceMac = deviceMac,
        Learning = Learning is { Enabled: true },
        NeighborSuppression = NeighborSuppression,
        NeighborLearning = Learning is { Neighbors: true },
        AnnouncementHold = AnnouncementHoldSeconds * 1_000L,
        Gre = Gre,
        GroupPolicyId = GroupPolicyId,
        GeneveOptions = GeneveOptions,
        Policy = Policy,
    };

    private int OptionLength => GeneveOptions.Length + Gre.Length + (Policy.EncapsulationLimit is null ? 0 : IPInIPEncapsulator.EncapsulationLimitLength);
}
