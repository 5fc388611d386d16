namespace Overlay.Encapsulation;

/// <summary>What of the outer UDP checksum is looked at (RFC 768, RFC 6935).</summary>
[Flags]
public enum DecapsulationOptions
{
    /// <summary>
    /// A checksum that is there is verified; none is accepted over IPv4, as it "MUST" be (RFC 7348 §5), and refused over IPv6 (RFC 6935 §5).
    /// </summary>
    None = 0,

    /// <summary>A checksum is not verified: a socket or the hardware has done it.</summary>
    SkipUdpChecksum = 1,

    /// <summary>No checksum is accepted over IPv6 too, which is to be enabled for single ports only (RFC 6936 §4).</summary>
    AcceptZeroUdpChecksumIPv6 = 2,

    /// <summary>
    /// A Geneve packet with critical options passes, for a caller who knows them and looks at each; else it is dropped (RFC 8926 §3.5).
    /// </summary>
    AcceptCriticalOptions = 4,
}
