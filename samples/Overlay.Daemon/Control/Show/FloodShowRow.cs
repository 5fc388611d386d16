using System.Text.Json.Serialization;

namespace Overlay.Daemon.Control.Show;

/// <summary>A row of <c>show flood</c>: somebody who gets copies, or a limit of how much is flooded. The names are a public format.</summary>
internal readonly record struct FloodShowRow
{
    /// <summary>The tunnel.</summary>
    public required string Tunnel { get; init; }

    /// <summary>The network; absent for kinds that have no VNI.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public uint? Vni { get; init; }

    /// <summary>A remote or a multicast group that gets copies; absent for a limit.</summary>
    [JsonConverter(typeof(IPAddressConverter))]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ValueIPAddress? Remote { get; init; }

    /// <summary>The interface that the group is joined on (RFC 7348 §4.2); absent unless <see cref="Remote"/> is one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? GroupLink { get; init; }

    /// <summary>The class that is limited: <c>broadcast</c>, <c>unknown-unicast</c> or <c>multicast</c>; absent for a remote.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Limit { get; init; }

    /// <summary>How many frames of the class may be flooded in the long run, before they are copied.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? PacketsPerSecond { get; init; }

    /// <summary>How many at once after a silence.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Burst { get; init; }

    /// <summary>How many were dropped because of the limit.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Dropped { get; init; }

    /// <summary><c>static</c> (the configuration says so) or <c>external</c> (said at run time).</summary>
    public required string Origin { get; init; }
}
