using System.Text.Json.Serialization;

namespace Overlay.Daemon.Control.Show;

/// <summary>A row of <c>show neighbors</c>. The names are a public format.</summary>
internal readonly record struct NeighborShowRow
{
    /// <summary>The tunnel.</summary>
    public required string Tunnel { get; init; }

    /// <summary>The network; absent for kinds that have no VNI.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public uint? Vni { get; init; }

    /// <summary>The inner address.</summary>
    [JsonConverter(typeof(IPAddressConverter))]
    public required ValueIPAddress Ip { get; init; }

    /// <summary>The MAC address that questions for it are answered with.</summary>
    [JsonConverter(typeof(MacAddressConverter))]
    public required MacAddress Mac { get; init; }

    /// <summary><c>static</c> (the configuration says so), <c>external</c> (said at run time) or <c>learned</c>.</summary>
    public required string Origin { get; init; }

    /// <summary>How long ago a learned one was last heard; absent otherwise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? IdleSeconds { get; init; }
}
