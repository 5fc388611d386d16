using Overlay.Daemon.Configuration;
using Overlay.Daemon.Status;
using Overlay.Tables;

namespace Overlay.Daemon.Control;

/// <summary>A running tunnel as commands about tables see it.</summary>
/// <param name="config">What the file says of it.</param>
/// <param name="tables">Its tables: read by anybody, changed by the writer only.</param>
/// <param name="deviceMac">The MAC address of its device; default where no Ethernet crosses the tunnel.</param>
/// <param name="books">Gives the books of both directions as they stand.</param>
internal sealed class TunnelTables(TunnelConfig config, OverlayTables tables, MacAddress deviceMac, Func<(DirectionStatus Egress, DirectionStatus Ingress)> books)
{
    /// <summary>What the file says of it.</summary>
    public TunnelConfig Config { get; } = config;

    /// <summary>Its tables.</summary>
    public OverlayTables Tables { get; } = tables;

    /// <summary>The MAC address of its device; default where no Ethernet crosses the tunnel.</summary>
    public MacAddress DeviceMac { get; } = deviceMac;

    /// <summary>The interface that its multicast group is joined on; null if it has none.</summary>
    public string? GroupLink { get; init; }

    /// <summary>Its name.</summary>
    public string Name => Config.Name;

    /// <summary>Its VNI as requests and answers have it: null for kinds that have none.</summary>
    public uint? Vni => Config.Facts.HasVni ? Config.Vni.Value : null;

    /// <summary>The books of both directions as they stand.</summary>
    public (DirectionStatus Egress, DirectionStatus Ingress) Books() => books();
}
