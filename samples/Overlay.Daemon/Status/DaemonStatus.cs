using System.Text.Json.Serialization;

namespace Overlay.Daemon.Status;

/// <summary>What <c>status --json</c> prints. The names are a public format.</summary>
internal sealed record DaemonStatus
{
    /// <summary>Whether all devices are up and all sockets bound.</summary>
    public required bool Ready { get; init; }

    /// <summary>Packets that no tunnel owns, by reason; only reasons that happened.</summary>
    public IReadOnlyDictionary<string, long> Drops { get; init; } = DropCounts.None;

    /// <summary>The tunnels, in the order of the configuration.</summary>
    public IReadOnlyList<TunnelStatus> Tunnels { get; init; } = [];
}

/// <summary>One tunnel.</summary>
internal sealed record TunnelStatus
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary><c>vxlan</c> or <c>ipip</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>Its device.</summary>
    public required DeviceStatus Device { get; init; }

    /// <summary>From the device to the underlay.</summary>
    public required DirectionStatus Egress { get; init; }

    /// <summary>From the underlay to the device.</summary>
    public required DirectionStatus Ingress { get; init; }

    /// <summary>Facts of the sockets under it; absent if there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public EndpointStatus? Endpoint { get; init; }
}

/// <summary>The device of a tunnel.</summary>
internal sealed record DeviceStatus
{
    /// <summary>The interface name.</summary>
    public required string Name { get; init; }

    /// <summary>The MTU in bytes.</summary>
    public required int Mtu { get; init; }

    /// <summary>The MAC address; null if it has none.</summary>
    public string? Mac { get; init; }
}

/// <summary>
/// The books of one direction, in wire packets: rx + replicated + originated = tx + consumed + the sum of drops.
/// </summary>
internal sealed record DirectionStatus
{
    /// <summary>Packets that came in.</summary>
    public long RxPackets { get; init; }

    /// <summary>Their bytes.</summary>
    public long RxBytes { get; init; }

    /// <summary>Packets handed over.</summary>
    public long TxPackets { get; init; }

    /// <summary>Their bytes.</summary>
    public long TxBytes { get; init; }

    /// <summary>Further copies of flooded packets.</summary>
    public long Replicated { get; init; }

    /// <summary>Packets made here.</summary>
    public long Originated { get; init; }

    /// <summary>Packets answered or used up here.</summary>
    public long Consumed { get; init; }

    /// <summary>Drops by reason; only reasons that happened.</summary>
    public IReadOnlyDictionary<string, long> Drops { get; init; } = DropCounts.None;
}

/// <summary>What the kernel granted the sockets of an endpoint, and what it lost there.</summary>
internal sealed record EndpointStatus
{
    /// <summary>The address and port.</summary>
    public required string Name { get; init; }

    /// <summary>The receive buffer in bytes, as granted.</summary>
    public int ReceiveBufferBytes { get; init; }

    /// <summary>Whether trains are sent in one piece.</summary>
    public bool Gso { get; init; }

    /// <summary>Whether trains are received in one piece.</summary>
    public bool Gro { get; init; }

    /// <summary>How many source ports are in use.</summary>
    public int SourcePorts { get; init; }

    /// <summary>Packets that the kernel dropped before anybody here saw them: full receive buffers (SO_RXQ_OVFL).</summary>
    public long KernelDrops { get; init; }

    /// <summary>How packets leave now, <c>udp</c> or <c>tunnelGso</c>; absent for IP in IP.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Transport { get; init; }

    /// <summary>Why they do not leave by the transport that was asked for; absent if they do.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? TransportReason { get; init; }

    /// <summary>Whether superpackets leave whole.</summary>
    public bool TunnelGso { get; init; }

    /// <summary>Superpackets that left whole.</summary>
    public long TunnelGsoSuperpackets { get; init; }

    /// <summary>What the kernel took through the TAP: superpackets, trains and single datagrams.</summary>
    public long TunnelGsoFrames { get; init; }

    /// <summary>How often the TAP refused a frame, so that its packets left by the sockets.</summary>
    public long TunnelGsoFallbacks { get; init; }
}
