using System.Text.Json.Serialization;

namespace Overlay.Daemon.Control.Show;

/// <summary>A row of <c>show misses</c>. The names are a public format.</summary>
internal readonly record struct MissShowRow
{
    /// <summary>The tunnel.</summary>
    public required string Tunnel { get; init; }

    /// <summary>The network; absent for kinds that have no VNI.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public uint? Vni { get; init; }

    /// <summary>The inner address that was asked for.</summary>
    [JsonConverter(typeof(IPAddressConverter))]
    public required ValueIPAddress Ip { get; init; }

    /// <summary>Its MAC address, if only where that lives is not known.</summary>
    [JsonConverter(typeof(MacAddressConverter))]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public MacAddress? Mac { get; init; }

    /// <summary>How often it was missed; more than once a second counts as once.</summary>
    public required long Times { get; init; }

    /// <summary>How long ago it was asked for last.</summary>
    public required long IdleSeconds { get; init; }
}
