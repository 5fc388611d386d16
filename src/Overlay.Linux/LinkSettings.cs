namespace Overlay.Linux;

/// <summary>What <see cref="RouteNetlink.SetLink"/> is to change; null leaves a thing as it is.</summary>
public sealed record LinkSettings
{
    /// <summary>Whether the link is up.</summary>
    public bool? Up { get; init; }

    /// <summary>The largest IP packet in bytes.</summary>
    public int? Mtu { get; init; }

    /// <summary>The MAC address.</summary>
    public MacAddress? Mac { get; init; }

    /// <summary>Packets the transmit queue holds.</summary>
    public int? TxQueueLength { get; init; }
}
