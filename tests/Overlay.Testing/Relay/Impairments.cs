namespace Overlay.Testing.Relay;

/// <summary>What a <see cref="RelayDirection"/> does to what passes it, in this order: rules, MTU, rate, delay. Nothing by default.</summary>
public sealed record Impairments
{
    /// <summary>The cable as it was bought.</summary>
    public static Impairments None { get; } = new();

    /// <summary>Each packet meets them in order, until one takes it away.</summary>
    public IReadOnlyList<RelayRule> Rules { get; init; } = [];

    /// <summary>The longest IP packet, in bytes; null for what the devices allow.</summary>
    public int? Mtu { get; init; }

    /// <summary>What happens to longer ones.</summary>
    public NarrowLink NarrowLink { get; init; }

    /// <summary>
    /// The most bytes of a packet that an ICMP error quotes. null for as many as are allowed: an ICMP packet of 576 bytes (RFC 1812 §4.3.2.3), an ICMPv6
    /// packet of 1280 (RFC 4443 §2.4). 28 is what RFC 792 asks of a packet without IP options.
    /// </summary>
    public int? IcmpQuote { get; init; }

    /// <summary>Bits of Ethernet frames per second, without preamble and gap; null for as fast as it goes.</summary>
    public long? BitsPerSecond { get; init; }

    /// <summary>Bytes that wait at most for their turn when there is a rate; what comes on top is lost.</summary>
    public int QueueBytes { get; init; } = 256 * 1024;

    /// <summary>How much later each packet leaves than it would; packets stay in order.</summary>
    public TimeSpan Delay { get; init; }
}
