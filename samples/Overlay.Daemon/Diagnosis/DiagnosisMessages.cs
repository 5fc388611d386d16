using System.Text.Json;
using System.Text.Json.Serialization;

namespace Overlay.Daemon.Diagnosis;

/// <summary>What <c>explain</c> is asked.</summary>
internal sealed record ExplainArguments
{
    /// <summary>The command.</summary>
    public const string Command = "explain";

    /// <summary>The tunnel's name.</summary>
    public required string Tunnel { get; init; }

    /// <summary><c>egress</c> or <c>ingress</c>.</summary>
    public required string Direction { get; init; }

    /// <summary>The outer source address of packets that come without outer headers; absent otherwise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? From { get; init; }

    /// <summary>The packets.</summary>
    public required IReadOnlyList<ExplainPacket> Packets { get; init; }
}

/// <summary>One packet to be explained.</summary>
/// <param name="Bytes">Its bytes.</param>
/// <param name="LinkType">What they begin with, as a number of pcap; null to find out.</param>
internal sealed record ExplainPacket(byte[] Bytes, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ushort? LinkType);

/// <summary>What <c>explain</c> answers; <c>explain --json</c> prints the packets of all answers in one of these. The names are a public format.</summary>
internal sealed record ExplainResult
{
    /// <summary>The tunnel's name.</summary>
    public required string Tunnel { get; init; }

    /// <summary><c>egress</c> or <c>ingress</c>.</summary>
    public required string Direction { get; init; }

    /// <summary>The packets, in their order.</summary>
    public required IReadOnlyList<ExplainedPacket> Packets { get; init; }
}

/// <summary>One packet.</summary>
internal sealed record ExplainedPacket
{
    /// <summary>What it was taken for.</summary>
    public required string Took { get; init; }

    /// <summary>Why it was not explained; absent if it was.</summary>
    public string? Error { get; init; }

    /// <summary><c>dropped</c>, <c>forwarded</c>, <c>flooded</c>, <c>answered</c> or <c>delivered</c>.</summary>
    public string? Verdict { get; init; }

    /// <summary>The drop reason, by its label.</summary>
    public string? Reason { get; init; }

    /// <summary>The reason in a sentence.</summary>
    public string? Description { get; init; }

    /// <summary>Who decided, as the source of the last step.</summary>
    public string? DecidedBy { get; init; }

    /// <summary>The tunnel that owns it, if that is another one than was asked for, or <c>none</c>.</summary>
    public string? Owner { get; init; }

    /// <summary>What was asked, in order.</summary>
    public IReadOnlyList<ExplainedStep>? Steps { get; init; }

    /// <summary>What it becomes.</summary>
    public IReadOnlyList<ExplainedCopy>? Outputs { get; init; }

    /// <summary>What would let it pass.</summary>
    public string? Remedy { get; init; }

    /// <summary>A command that does that, with words in capitals for what only its user knows.</summary>
    public string? Command { get; init; }

    /// <summary>Present and true if tables changed faster than they could be read.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Unsettled { get; init; }
}

/// <summary>One step.</summary>
internal sealed record ExplainedStep
{
    /// <summary><c>packet</c>, <c>policy</c>, <c>networks</c>, <c>remotes</c>, <c>neighbors</c>, <c>forwarding</c>, <c>flood</c>, <c>routes</c>, <c>history</c> or <c>port</c>.</summary>
    public required string Source { get; init; }

    /// <summary><c>passed</c>, <c>not-found</c> or <c>decided</c>.</summary>
    public required string Outcome { get; init; }

    /// <summary>The sentence.</summary>
    public required string Text { get; init; }

    /// <summary>The forwarding entry.</summary>
    public ExplainedEntry? Forwarding { get; init; }

    /// <summary>The route.</summary>
    public ExplainedRoute? Route { get; init; }

    /// <summary>The neighbour.</summary>
    public ExplainedNeighbor? Neighbor { get; init; }

    /// <summary>The flood list.</summary>
    public IReadOnlyList<string>? Flood { get; init; }

    /// <summary>The policy's name.</summary>
    public string? Policy { get; init; }

    /// <summary>Its value.</summary>
    public string? Value { get; init; }
}

/// <summary>A forwarding entry.</summary>
internal sealed record ExplainedEntry(string Remote, ushort Port, string Origin);

/// <summary>A route.</summary>
internal sealed record ExplainedRoute(string Prefix, string Remote, string? Mac);

/// <summary>A neighbour.</summary>
internal sealed record ExplainedNeighbor(string Address, string Mac);

/// <summary>A packet that goes on, or a copy that is dropped.</summary>
internal sealed record ExplainedCopy
{
    /// <summary><c>received</c>, <c>replicated</c> or <c>originated</c>.</summary>
    public required string Origin { get; init; }

    /// <summary>Bytes of the inner packet.</summary>
    public required int Length { get; init; }

    /// <summary>Why it is dropped; absent if it is not.</summary>
    public string? Drop { get; init; }

    /// <summary>What the outer headers say; absent if it goes to the device.</summary>
    public ExplainedOuter? Outer { get; init; }
}

/// <summary>Outer headers.</summary>
internal sealed record ExplainedOuter
{
    public required string Local { get; init; }

    public required string Remote { get; init; }

    public uint? Vni { get; init; }

    public ushort? SourcePort { get; init; }

    public ushort? DestinationPort { get; init; }

    public required byte Ttl { get; init; }

    public required byte Dscp { get; init; }

    public required string Ecn { get; init; }

    public bool? DontFragment { get; init; }

    public uint? FlowLabel { get; init; }

    public uint? GreKey { get; init; }

    public byte? EncapsulationLimit { get; init; }

    /// <summary>Bytes from the outer IP header on.</summary>
    public required int Length { get; init; }
}

/// <summary>What <c>trace</c> is asked.</summary>
internal sealed record TraceArguments
{
    /// <summary>The command.</summary>
    public const string Command = "trace";

    /// <summary>The tunnel's name.</summary>
    public required string Tunnel { get; init; }

    /// <summary><c>egress</c>, <c>ingress</c> or <c>both</c>.</summary>
    public string Direction { get; init; } = "both";

    /// <summary>Whether only dropped packets are wanted.</summary>
    public bool Drops { get; init; }

    /// <summary>After how many packets it ends.</summary>
    public long Count { get; init; } = TraceLimits.DefaultCount;

    /// <summary>After how many seconds it ends.</summary>
    public double Seconds { get; init; } = TraceLimits.DefaultSeconds;

    /// <summary>After how many bytes packets are cut; 0 for never.</summary>
    public int SnapLength { get; init; }
}

/// <summary>One part of what <c>trace</c> answers.</summary>
internal sealed record TracePart
{
    /// <summary>Whole blocks of pcapng.</summary>
    public byte[] Bytes { get; init; } = [];

    /// <summary>Packets recorded so far.</summary>
    public long Recorded { get; init; }

    /// <summary>Packets for which there was no room.</summary>
    public long Lost { get; init; }

    /// <summary>Why the trace ended: <c>count</c> or <c>seconds</c>; absent while it goes on.</summary>
    public string? End { get; init; }
}

/// <summary>How long a trace may take.</summary>
internal static class TraceLimits
{
    /// <summary>Packets unless told otherwise.</summary>
    public const long DefaultCount = 10_000;

    /// <summary>The most packets.</summary>
    public const long MaxCount = 100_000_000;

    /// <summary>Seconds unless told otherwise.</summary>
    public const double DefaultSeconds = 60;

    /// <summary>The most seconds: a day.</summary>
    public const double MaxSeconds = 86_400;
}

/// <summary>Serialisation of these messages.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ExplainArguments))]
[JsonSerializable(typeof(ExplainResult))]
[JsonSerializable(typeof(TraceArguments))]
[JsonSerializable(typeof(TracePart))]
internal sealed partial class DiagnosisJson : JsonSerializerContext;
