using Overlay.Wire;

namespace Overlay.Encapsulation;

/// <summary>What a <see cref="GreEncapsulator"/> writes the same way into every packet, and what its copying form chooses by itself.</summary>
public sealed record GreEncapsulatorOptions
{
    /// <summary>All defaults: a header of 4 bytes.</summary>
    public static GreEncapsulatorOptions Default { get; } = new();

    /// <summary>Whether inner packets are Ethernet frames, protocol type 0x6558, as of Linux's gretap; otherwise IP packets.</summary>
    public bool Ethernet { get; init; }

    /// <summary>The key, which names a traffic flow within the tunnel (RFC 2890 §2.1); null writes none.</summary>
    public uint? Key { get; init; }

    /// <summary>
    /// Whether the checksum over header and payload is written, which reads the whole payload (RFC 2784 §2.5). Off by default: an inner packet has
    /// checksums of its own.
    /// </summary>
    public bool Checksum { get; init; }

    /// <summary>
    /// Whether packets are numbered (RFC 2890 §2.2). Off by default: a receiver that insists on the order loses what a path has reordered.
    /// </summary>
    public bool SequenceNumbers { get; init; }

    /// <summary>The outer TTL or hop limit where the packet's fields name none; 1 to 255.</summary>
    public byte Ttl { get; init; } = 64;

    /// <summary>The outer DSCP that the copying form writes, 0 to 63.</summary>
    public byte Dscp { get; init; }

    /// <summary>How the copying form takes the outer ECN field from the inner one (RFC 6040 §4.1).</summary>
    public EcnProfile Ecn { get; init; } = EcnProfile.Rfc6040;

    /// <summary>
    /// Whether the copying form sets DF on every outer IPv4 packet. Off by default; DF of an inner IPv4 packet, where there is no Ethernet between, is
    /// always taken over, as with IP in IP (RFC 2003 §3.1). A packet without DF gets the identification 0: whoever lets routers fragment counts
    /// identifications himself and passes them as fields.
    /// </summary>
    public bool DontFragment { get; init; }

    /// <summary>The seed of the flow hash that becomes the outer IPv6 flow label (RFC 6438 §3).</summary>
    public uint FlowHashSeed { get; init; }

    /// <summary>The bits of the header that say which optional fields there are.</summary>
    internal GreFlags Flags =>
        (Checksum ? GreFlags.Checksum : 0) | (Key is null ? 0 : GreFlags.Key) | (SequenceNumbers ? GreFlags.SequenceNumber : 0);
}
