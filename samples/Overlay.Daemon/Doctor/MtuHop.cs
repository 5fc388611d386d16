using System.Text.Json.Serialization;

namespace Overlay.Daemon.Doctor;

/// <summary>A place on the way, in the details of <c>doctor mtu</c>. The names are a public format.</summary>
internal sealed record MtuHop
{
    /// <summary>How many tunnels are around packets here: 0 for what the sender sends.</summary>
    public required int Layer { get; init; }

    /// <summary>The namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>What it is: <c>route</c>, <c>path</c>, or the kind of device.</summary>
    public required string Kind { get; init; }

    /// <summary>The device, or what the route or path leads to.</summary>
    public required string Name { get; init; }

    /// <summary>The largest IP packet that it takes; 0 if that is not known.</summary>
    public required int Mtu { get; init; }

    /// <summary>The largest that comes here.</summary>
    public required int Needs { get; init; }

    /// <summary>Of a tunnel, the bytes that it adds with the outer addresses that it has.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Overhead { get; init; }

    /// <summary>Of a tunnel, the same over IPv4.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Overhead4 { get; init; }

    /// <summary>Of a tunnel, the same over IPv6.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Overhead6 { get; init; }

    /// <summary>What else is to be said.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Note { get; init; }
}

/// <summary>The details of <c>doctor mtu</c>.</summary>
/// <param name="From">Where the way begins.</param>
/// <param name="Hops">The way.</param>
internal sealed record MtuDetails(string From, IReadOnlyList<MtuHop> Hops);
