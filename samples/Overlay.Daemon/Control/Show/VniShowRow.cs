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

    /// <summary>How often an address that moved too often was frozen where it was (RFC 7432 §15.1).</summary>
    public long Freezes { get; init; }

    /// <summary>Addresses that are frozen now.</summary>
    public long Frozen { get; init; }

    /// <summary>Learned entries that made way for others because the table was full.</summary>
    public long Evictions { get; init; }

    /// <summary>Addresses that were not learned because the table was full.</summary>
    public long RefusedFull { get; init; }

    /// <summary>Addresses that were not learned because a static or external entry names another remote.</summary>
    public long RefusedProtected { get; init; }

    /// <summary>Addresses that were not learned because they are no station's, or come from no unicast remote.</summary>
    public long RefusedInvalid { get; init; }

    /// <summary>Addresses that were not learned because they are this end's own.</summary>
    public long RefusedOwn { get; init; }

    /// <summary>Moves of frozen addresses that were not learned.</summary>
    public long RefusedFrozen { get; init; }

    /// <summary>Addresses that were not learned because their remote had been removed meanwhile.</summary>
    public long RefusedUnpermitted { get; init; }

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
