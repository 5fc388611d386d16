using System.Text.Json.Serialization;
using Overlay.DataPath;
using Overlay.Tables;

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

    /// <summary>What the runtime did so far; absent before the daemon is ready.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RuntimeStatus? Runtime { get; init; }
}

/// <summary>What the runtime does beside the program. None of it should grow with the traffic.</summary>
/// <param name="CompiledMethods">Methods compiled just in time, anew ones included; 0 where all was compiled ahead of time.</param>
/// <param name="Collections">Garbage collections.</param>
/// <param name="PauseMilliseconds">How long they stopped the workers, in sum.</param>
internal sealed record RuntimeStatus(long CompiledMethods, long Collections, long PauseMilliseconds);

/// <summary>One tunnel.</summary>
internal sealed record TunnelStatus
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary><c>vxlan</c> or <c>ipip</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The outer source address.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Local { get; init; }

    /// <summary>By how many bytes the MTU of the device has to be smaller than that of the link.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Overhead { get; init; }

    /// <summary>Its device.</summary>
    public required DeviceStatus Device { get; init; }

    /// <summary>From the device to the underlay.</summary>
    public required DirectionStatus Egress { get; init; }

    /// <summary>From the underlay to the device.</summary>
    public required DirectionStatus Ingress { get; init; }

    /// <summary>Which reserved bits of the tunnel header came, each as a mask of the eight header bytes, and in how many packets; absent if none did.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, long>? ReservedBits { get; init; }

    /// <summary>Packets with a potentially dangerous combination of ECN fields (RFC 6040 §4.2); absent if none came.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long EcnAlarms { get; init; }

    /// <summary>What learning has come to; absent where nothing is learned.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public LearningStatus? Learning { get; init; }

    /// <summary>Its inner neighbours; absent on a TUN, which has none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public NeighborStatus? Neighbors { get; init; }

    /// <summary>What its offloads do.</summary>
    public OffloadStatus Offload { get; init; } = new();

    /// <summary>Routes that the kernel takes around the tunnel, as <c>ip route</c> writes them; absent if there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? DirectRoutes { get; init; }

    /// <summary>Facts of the sockets under it; absent if there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public EndpointStatus? Endpoint { get; init; }

    /// <summary>The part of each worker in the books; absent if one worker serves the tunnel.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<WorkerStatus>? Workers { get; init; }
}

/// <summary>What a tunnel knows of stations, and what it did not take in.</summary>
/// <param name="Entries">Forwarding entries, the configured ones included.</param>
/// <param name="Moves">How often a learned station turned up behind another remote.</param>
/// <param name="Frozen">How many stations moved too often and stay where they are for now (RFC 7432 §15.1).</param>
/// <param name="Refused">What was not learned, and why.</param>
/// <param name="QueueFull">Addresses that came faster than the tables took them: each is heard again with the station's next frame.</param>
internal sealed record LearningStatus(int Entries, long Moves, int Frozen, LearnRefusals Refused, long QueueFull);

/// <summary>What one worker did for a tunnel: how evenly the kernel spreads its flows.</summary>
internal sealed record WorkerStatus
{
    /// <summary>The worker's number, from 0.</summary>
    public required int Worker { get; init; }

    /// <summary>From the device to the underlay.</summary>
    public required DirectionStatus Egress { get; init; }

    /// <summary>From the underlay to the device.</summary>
    public required DirectionStatus Ingress { get; init; }
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

    /// <summary>What policies that only count would have dropped, by reason; no part of the balance, and absent if there is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, long>? Tolerated { get; init; }

    /// <summary>The books of a worker as they stand.</summary>
    public static DirectionStatus From(DirectionCounters counters) => new()
    {
        RxPackets = counters.RxPackets,
        RxBytes = counters.RxBytes,
        TxPackets = counters.TxPackets,
        TxBytes = counters.TxBytes,
        Replicated = counters.Replicated,
        Originated = counters.Originated,
        Consumed = counters.Consumed,
        Drops = DropCounts.From(counters),
        Tolerated = DropCounts.Tolerated(counters),
    };

    /// <summary>The books of several workers together.</summary>
    public static DirectionStatus Sum(IReadOnlyList<DirectionStatus> books) => books.Count == 1 ? books[0] : new DirectionStatus
    {
        RxPackets = books.Sum(book => book.RxPackets),
        RxBytes = books.Sum(book => book.RxBytes),
        TxPackets = books.Sum(book => book.TxPackets),
        TxBytes = books.Sum(book => book.TxBytes),
        Replicated = books.Sum(book => book.Replicated),
        Originated = books.Sum(book => book.Originated),
        Consumed = books.Sum(book => book.Consumed),
        Drops = DropCounts.Sum(books.Select(book => book.Drops)),
        Tolerated = DropCounts.Sum(books.Select(book => book.Tolerated ?? DropCounts.None)) is { Count: > 0 } tolerated ? tolerated : null,
    };
}

/// <summary>What the kernel granted the sockets of an endpoint, and what it lost there.</summary>
internal sealed record EndpointStatus
{
    /// <summary>The address and port.</summary>
    public required string Name { get; init; }

    /// <summary>The receive buffer in bytes, as granted to each worker's socket.</summary>
    public int ReceiveBufferBytes { get; init; }

    /// <summary>How many source ports are in use; all workers share them.</summary>
    public int SourcePorts { get; init; }

    /// <summary>Packets that the kernel dropped before anybody here saw them: full receive buffers (SO_RXQ_OVFL), all sockets together.</summary>
    public long KernelDrops { get; init; }

    /// <summary>How packets leave now: <c>udp</c>, for IP in IP <c>raw</c>, or <c>tunnelGso</c>.</summary>
    public required string Transport { get; init; }

    /// <summary>Superpackets that left whole.</summary>
    public long TunnelGsoSuperpackets { get; init; }

    /// <summary>What went through the interface of the transport <c>tunnelGso</c>: superpackets, trains and single datagrams.</summary>
    public long TunnelGsoFrames { get; init; }
}
