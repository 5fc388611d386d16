using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>What a <see cref="UdpEncapsulator"/> writes the same way into every packet, and what its copying form chooses by itself.</summary>
public sealed record UdpEncapsulatorOptions
{
    /// <summary>All defaults.</summary>
    public static UdpEncapsulatorOptions Default { get; } = new();

    /// <summary>The UDP destination port; 0 takes the kind's default, which not every kind has (<see cref="TunnelFacts.DefaultPort"/>).</summary>
    public ushort DestinationPort { get; init; }

    /// <summary>The outer TTL or hop limit where the packet's fields name none; 1 to 255.</summary>
    public byte Ttl { get; init; } = 64;

    /// <summary>
    /// Whether the outer UDP checksum is computed, which reads the whole payload. On: Geneve asks for one (RFC 8926 §3.3), receivers may refuse a zero
    /// checksum over IPv6 (RFC 6935 §5), and the kernel coalesces only checksummed datagrams.
    /// </summary>
    public bool OuterChecksum { get; init; } = true;

    /// <summary>The outer DSCP that the copying form writes, 0 to 63.</summary>
    public byte Dscp { get; init; }

    /// <summary>How the copying form takes the outer ECN field from the inner one (RFC 6040 §4.1).</summary>
    public EcnProfile Ecn { get; init; } = EcnProfile.Rfc6040;

    /// <summary>
    /// Whether the copying form sets DF. On: a packet with DF is atomic, so that its identification may be 0 always (RFC 6864 §4.1).
    /// </summary>
    public bool DontFragment { get; init; } = true;

    /// <summary>The lowest source port that the copying form chooses: one per inner flow (RFC 7348 §5, RFC 8926 §3.3).</summary>
    public ushort SourcePortMinimum { get; init; } = 49_152;

    /// <summary>The highest source port that the copying form chooses.</summary>
    public ushort SourcePortMaximum { get; init; } = ushort.MaxValue;

    /// <summary>The seed of the flow hash that the copying form takes.</summary>
    public uint FlowHashSeed { get; init; }
}
