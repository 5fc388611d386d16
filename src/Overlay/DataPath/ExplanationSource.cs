namespace Overlay.DataPath;

/// <summary>Who has a say in what becomes of a packet.</summary>
public enum ExplanationSource : byte
{
    /// <summary>The packet's own bytes.</summary>
    Packet,

    /// <summary>A policy or option of the tunnel.</summary>
    Policy,

    /// <summary>Which networks (VNIs, GRE keys) the endpoint has tunnels for.</summary>
    Networks,

    /// <summary>Which underlay addresses are remotes of the tunnel.</summary>
    Remotes,

    /// <summary>The <see cref="Overlay.Tables.NeighborTable"/>.</summary>
    Neighbors,

    /// <summary>The <see cref="Overlay.Tables.ForwardingTable"/>.</summary>
    Forwarding,

    /// <summary>The <see cref="Overlay.Tables.FloodList"/>.</summary>
    Flood,

    /// <summary>The <see cref="Overlay.Tables.RouteTable{T}"/>.</summary>
    Routes,

    /// <summary>What came before: sequence numbers, rates.</summary>
    History,

    /// <summary>A port: the device, the sockets, the kernel behind them.</summary>
    Port,

    /// <summary>The <see cref="DataPath.PathMtus"/>.</summary>
    PathMtu,
}
