using System.Text.Json.Serialization;

namespace Overlay.Daemon.Control.Changes;

/// <summary>What a client sends to change a table: of these members those that the command has. The daemon judges them, so most are text as it was typed.</summary>
internal sealed record ChangeArguments
{
    /// <summary>The name of the tunnel.</summary>
    public required string Tunnel { get; init; }

    /// <summary>A MAC address.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Mac { get; init; }

    /// <summary>The address of a remote.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Remote { get; init; }

    /// <summary>A UDP port.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Port { get; init; }

    /// <summary>The VNI that frames go out with, where it is not the network's own.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? RemoteVni { get; init; }

    /// <summary>Several remotes of a route.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<RouteRemote>? Remotes { get; init; }

    /// <summary>An inner address.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Ip { get; init; }

    /// <summary>An inner prefix.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Prefix { get; init; }

    /// <summary>Whether a flush takes what was added, too.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool All { get; init; }
}

/// <summary>One of several remotes of a route.</summary>
internal sealed record RouteRemote
{
    /// <summary>Its address.</summary>
    public required string Remote { get; init; }

    /// <summary>Its inner MAC address, where the tunnel carries Ethernet.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Mac { get; init; }

    /// <summary>Its share of the flows beside the others.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Weight { get; init; }
}
