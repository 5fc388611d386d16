using System.Text.Json.Serialization;
using Overlay.Daemon.Status;

namespace Overlay.Daemon.Control.Show;

/// <summary>A row of <c>show vnis</c>: what the tables of a network hold and what went through. The names are a public format.</summary>
internal sealed record VniShowRow
{
    /// <summary>The tunnel.</summary>
    public required string Tunnel { get; init; }

    /// <summary>Its kind.</summary>
    public required string Kind { get; init; }

    /// <summary>Its VNI; absent for kinds that have none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public uint? Vni { get; init; }

    /// <summary>Forwarding entries of all origins.</summary>
    public long Entries { get; init; }

    /// <summary>Learned ones among them.</summary>
    public long Learned { get; init; }

    /// <summary>How often a learned MAC address turned up behind another remote.</summary>
    public long Moves { get; init; }

    /// <summary>Addresses that were not learned because the table was full.</summary>
    public long RefusedFull { get; init; }

    /// <summary>Addresses that were not learned because a static or external entry names another remote.</summary>
    public long RefusedProtected { get; init; }

    /// <summary>Addresses that were not learned because they are no station's, or come from no unicast remote.</summary>
    public long RefusedInvalid { get; init; }

    /// <summary>Neighbours that are answered for.</summary>
    public long Neighbors { get; init; }

    /// <summary>Inner prefixes.</summary>
    public long Routes { get; init; }

    /// <summary>Remotes that get copies of what is flooded.</summary>
    public long FloodRemotes { get; init; }

    /// <summary>From the device to the underlay, as in the status.</summary>
    public required DirectionStatus Egress { get; init; }

    /// <summary>From the underlay to the device, as in the status.</summary>
    public required DirectionStatus Ingress { get; init; }
}
