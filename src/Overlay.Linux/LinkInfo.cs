namespace Overlay.Linux;

/// <summary>What the kernel says of an interface.</summary>
public sealed record LinkInfo
{
    /// <summary>The index in the network namespace, from 1.</summary>
    public required int Index { get; init; }

    /// <summary>The name.</summary>
    public required string Name { get; init; }

    /// <summary>The largest IP packet in bytes.</summary>
    public required int Mtu { get; init; }

    /// <summary>The MAC address; all zero for an interface that has none.</summary>
    public MacAddress Mac { get; init; }

    /// <summary>Its flags.</summary>
    public LinkFlags Flags { get; init; }

    /// <summary>Its operational state.</summary>
    public OperationalState OperationalState { get; init; }

    /// <summary>Packets its transmit queue holds (txqueuelen).</summary>
    public int TxQueueLength { get; init; }

    /// <summary>The kind of virtual interface, as <c>ip -d link</c> prints it: <c>veth</c>, <c>vxlan</c>, <c>tun</c>; null for others.</summary>
    public string? Kind { get; init; }

    /// <summary>What is known of the tunnel whose device this is; null for devices that are none.</summary>
    public TunnelLinkInfo? Tunnel { get; init; }

    /// <summary>The bridge, bond or VRF that it is a port of; 0 if it is none's.</summary>
    public int MasterIndex { get; init; }

    /// <summary>The device below it, or of a veth the other end; 0 if there is none.</summary>
    public int LowerIndex { get; init; }

    /// <summary>
    /// The namespace of what is below it, by the number that this namespace has for it (<see cref="RouteNetlink.GetNamespaceId"/>); of a tunnel the one
    /// that its packets leave from. null if it is this one; -1 if this namespace has no number for it.
    /// </summary>
    public int? LowerNamespaceId { get; init; }

    /// <summary>Packets the kernel dropped on receive.</summary>
    public long ReceiveDropped { get; init; }

    /// <summary>Packets the kernel dropped on transmit: of a TUN or TAP, what nobody read in time.</summary>
    public long TransmitDropped { get; init; }

    /// <summary>Whether it is set up (<see cref="LinkFlags.Up"/>).</summary>
    public bool IsUp => (Flags & LinkFlags.Up) != 0;
}
