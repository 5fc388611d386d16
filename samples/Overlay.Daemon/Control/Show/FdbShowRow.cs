using System.Text.Json.Serialization;

namespace Overlay.Daemon.Control.Show;

/// <summary>A row of <c>show fdb</c>. The names are a public format.</summary>
internal readonly record struct FdbShowRow
{
    /// <summary>The tunnel.</summary>
    public required string Tunnel { get; init; }

    /// <summary>The network; absent for kinds that have no VNI.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public uint? Vni { get; init; }

    /// <summary>The station.</summary>
    [JsonConverter(typeof(MacAddressConverter))]
    public required MacAddress Mac { get; init; }

    /// <summary>The VTEP it lives behind.</summary>
    [JsonConverter(typeof(IPAddressConverter))]
    public required ValueIPAddress Remote { get; init; }

    /// <summary>The UDP port that frames to it go to; absent for kinds that UDP does not carry.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Port { get; init; }

    /// <summary>The VNI that frames to it go out with; absent if it is the network's own.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public uint? RemoteVni { get; init; }

    /// <summary><c>learned</c>, <c>static</c> (the configuration says so) or <c>external</c> (said at run time).</summary>
    public required string Origin { get; init; }

    /// <summary>How long ago the station was last heard, to about a second; absent unless learned.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? IdleSeconds { get; init; }

    /// <summary>Whether it moved too often and stays where it is for the time being (RFC 7432 §15.1); absent if not.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Frozen { get; init; }
}
