namespace Overlay.Encapsulation;

/// <summary>
/// What of an outer header differs from packet to packet of one tunnel and remote. Addresses, ports and protocol belong to the encapsulator.
/// </summary>
public readonly record struct OuterHeaderFields
{
    internal const ushort DontFragmentBit = 0x4000;

    // Kept as it goes onto the wire: flags and fragment offset of an IPv4 header (RFC 791 §3.1).
    private readonly ushort _flags;

    /// <summary>The network identifier. VXLAN only.</summary>
    public Vni Vni { get; init; }

    /// <summary>The flow label, of which the lower 20 bits are written: one per inner flow (RFC 6438 §3). Outer IPv6 only.</summary>
    public uint FlowLabel { get; init; }

    /// <summary>The UDP source port: one per inner flow (RFC 7348 §5). VXLAN only.</summary>
    public ushort SourcePort { get; init; }

    /// <summary>
    /// The identification. Outer IPv4 only. With <see cref="DontFragment"/> the packet is atomic and any value will do; without, routers may
    /// fragment it, and the value must not repeat within the lifetime of a packet (RFC 6864 §4): the caller counts.
    /// </summary>
    public ushort Identification { get; init; }

    /// <summary>The traffic class (IPv4 TOS): DSCP in the upper six bits, ECN in the lower two.</summary>
    public byte TrafficClass { get; init; }

    /// <summary>The TTL or hop limit; 0, which no packet may have, takes the encapsulator's.</summary>
    public byte Ttl { get; init; }

    /// <summary>Whether the DF bit is set. Outer IPv4 only: IPv6 routers never fragment.</summary>
    public bool DontFragment
    {
        get => _flags != 0;
        init => _flags = value ? DontFragmentBit : (ushort)0;
    }

    internal ushort Flags => _flags;
}
