using Overlay.Wire;

namespace Overlay.DataPath;

/// <summary>The optional fields of a GRE tunnel's headers (RFC 2784 §2, RFC 2890 §2). As with Linux, both directions have the same.</summary>
public sealed record GreOptions
{
    /// <summary>None of them: the header has 4 bytes.</summary>
    public static GreOptions Default { get; } = new();

    /// <summary>
    /// The key. Tunnels of one endpoint are told apart by it, and a packet with a key that no tunnel has is dropped; null is a tunnel for packets
    /// without one (RFC 2890 §2.1).
    /// </summary>
    public uint? Key { get; init; }

    /// <summary>
    /// Whether sent packets have a checksum, and received ones must. One that is there is verified in any case (RFC 2784 §2.2). Off, since it reads
    /// each packet as a whole, and inner packets have checksums of their own.
    /// </summary>
    public bool Checksum { get; init; }

    /// <summary>
    /// Whether sent packets are numbered, and received ones must be and come in order: what comes late is dropped (RFC 2890 §2.2). Off, for a packet
    /// that was overtaken is of use to most inner protocols.
    /// </summary>
    public bool SequenceNumbers { get; init; }

    /// <summary>Bytes of the optional fields: 0, 4, 8 or 12.</summary>
    public int Length => GrePacket.LengthOf(Fields) - GrePacket.MinimumHeaderLength;

    /// <summary>The bits of the header that say which there are.</summary>
    internal GreFlags Fields =>
        (Checksum ? GreFlags.Checksum : 0) | (Key is null ? 0 : GreFlags.Key) | (SequenceNumbers ? GreFlags.SequenceNumber : 0);
}
