using Overlay.DataPath;

namespace Overlay.Capture;

/// <summary>One path that a <see cref="PathTrace"/> watches, and as which interface of the capture.</summary>
public sealed record PathTracePoint
{
    /// <summary>The path.</summary>
    public required TracedPath Path { get; init; }

    /// <summary>The interface's name in the capture.</summary>
    public required string Name { get; init; }

    /// <summary>Which way its packets go, seen from the tunnel: <see cref="PacketDirection.Outbound"/> for egress.</summary>
    public required PacketDirection Direction { get; init; }

    /// <summary>What its packets begin with; <see cref="LinkType.Raw"/> where <see cref="Outer"/> puts an IP header in front.</summary>
    public required LinkType LinkType { get; init; }

    /// <summary>
    /// The number of the tunnel (<see cref="PacketMeta.Tunnel"/>) whose packets are wanted, those included that no tunnel owns; null for all.
    /// </summary>
    public int? Tunnel { get; init; }

    /// <summary>
    /// The endpoint's encapsulation, so that outer IP and UDP headers are written in front of what the port received, from what it was told of them; null where
    /// packets are recorded as they are.
    /// </summary>
    public TunnelKind? Outer { get; init; }
}
