namespace Overlay.Tables;

/// <summary>A row of a <see cref="NeighborTable"/>: for display, and to replace rows by.</summary>
/// <param name="Vni">The network.</param>
/// <param name="Address">The inner IP address.</param>
/// <param name="Entry">What is known of it.</param>
/// <param name="IdleMilliseconds">How long ago it was last heard, to about a second; 0 unless learned.</param>
public readonly record struct NeighborRow(Vni Vni, ValueIPAddress Address, NeighborEntry Entry, long IdleMilliseconds = 0)
{
    /// <summary>Makes a row of the configuration.</summary>
    /// <param name="vni">The network.</param>
    /// <param name="address">The inner IP address.</param>
    /// <param name="mac">Its MAC address.</param>
    public NeighborRow(Vni vni, ValueIPAddress address, MacAddress mac)
        : this(vni, address, new NeighborEntry(mac))
    {
    }

    /// <summary>The neighbour's MAC address.</summary>
    public MacAddress Mac => Entry.Mac;
}
