using System.Text.Json.Serialization;

namespace Overlay.Daemon.Control.Show;

/// <summary>A row of <c>show flood</c>. The names are a public format.</summary>
internal readonly record struct FloodShowRow
{
    /// <summary>The tunnel.</summary>
    public required string Tunnel { get; init; }

    /// <summary>The network; absent for kinds that have no VNI.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public uint? Vni { get; init; }

    /// <summary>A remote that gets copies.</summary>
    [JsonConverter(typeof(IPAddressConverter))]
    public required ValueIPAddress Remote { get; init; }

    /// <summary><c>static</c> (the configuration says so) or <c>external</c> (said at run time).</summary>
    public required string Origin { get; init; }
}
