namespace Overlay.Tables;

/// <summary>
/// Inner neighbours: (VNI, inner IP address) → inner MAC address, from which ARP (RFC 826) and Neighbor Discovery (RFC 4861) are answered here instead
/// of being flooded. One writer; any number of readers, which take no lock and never allocate.
/// </summary>
public sealed class NeighborTable
{
    // A zero word means no entry; no neighbour has the zero MAC address.
    private readonly AddressMap _entries = new();

    /// <summary>Entries.</summary>
    public int Count => _entries.Count;

    /// <summary>Finds the MAC address of a neighbour.</summary>
    public bool TryLookup(Vni vni, ValueIPAddress address, out MacAddress mac)
    {
        bool isFound = _entries.TryGet(vni.Value, address, out ulong value);
        mac = MacAddress.FromValue(value);
        return isFound;
    }

    /// <summary>Sets the MAC address of a neighbour. Writer only.</summary>
    /// <returns>Whether there was none before.</returns>
    /// <exception cref="ArgumentException">One of the addresses is not unicast.</exception>
    public bool Set(Vni vni, ValueIPAddress address, MacAddress mac)
    {
        if (address.IsUnspecified || address.IsMulticast || address.IsBroadcast)
        {
            throw new ArgumentException($"{address} is not the address of a host.", nameof(address));
        }

        return !mac.IsMulticast && !mac.IsZero
            ? _entries.Set(vni.Value, address, mac.Value)
            : throw new ArgumentException($"{mac} is not the address of a host.", nameof(mac));
    }

    /// <summary>Removes a neighbour. Writer only.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Remove(Vni vni, ValueIPAddress address) => _entries.Remove(vni.Value, address);

    /// <summary>All entries, in no order. Any thread.</summary>
    public IReadOnlyList<NeighborRow> Snapshot() =>
        _entries.Snapshot().ConvertAll(static row => new NeighborRow(new Vni(row.Number), row.Address, MacAddress.FromValue(row.Value)));
}
