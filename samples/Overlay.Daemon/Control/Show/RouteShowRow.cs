using System.Text.Json.Serialization;

namespace Overlay.Daemon.Control.Show;

/// <summary>A row of <c>show routes</c>. The names are a public format.</summary>
internal readonly record struct RouteShowRow
{
    /// <summary>The tunnel.</summary>
    public required string Tunnel { get; init; }

    /// <summary>The network; absent for kinds that have no VNI.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public uint? Vni { get; init; }

    /// <summary>The inner prefix: <c>10.0.0.0/24</c>.</summary>
    public required string Prefix { get; init; }

    /// <summary>The remote that packets to it go to.</summary>
    [JsonConverter(typeof(IPAddressConverter))]
    public required ValueIPAddress Remote { get; init; }

    /// <summary>The inner destination MAC address; absent where no Ethernet crosses the tunnel.</summary>
    [JsonConverter(typeof(MacAddressConverter))]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public MacAddress? Mac { get; init; }

    /// <summary>The remote's share of the flows beside the others of the prefix; absent where it is the only one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Weight { get; init; }

    /// <summary><c>static</c> (the configuration says so) or <c>external</c> (said at run time).</summary>
    public required string Origin { get; init; }
}
