using Overlay.Daemon.Configuration;
using Overlay.Tables;

namespace Overlay.Daemon.Control.Changes;

/// <summary>An entry of the forwarding table as a request has it, alone or in a list.</summary>
/// <param name="Mac">The station.</param>
/// <param name="Entry">Where it lives, of origin external.</param>
internal readonly record struct FdbRow(MacAddress Mac, FdbEntry Entry)
{
    private const string StationRight = "the MAC address of a station";

    /// <summary>Reads the keys of an entry.</summary>
    /// <param name="keys">The keys; others than those of an entry stay for the caller.</param>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="values">Reads values.</param>
    /// <param name="underlay">Reads remotes.</param>
    /// <returns>null if there is a mistake, which was added.</returns>
    public static FdbRow? Read(ObjectReader keys, TunnelTables tunnel, ValueReader values, UnderlayReader underlay)
    {
        MacAddress? mac = ReadMac(keys, tunnel, values);
        FdbRemote? target = FdbTargetReader.Read(keys, tunnel.Config.Facts, underlay, values);
        return mac is MacAddress station && target is FdbRemote remote
            ? new FdbRow(station, new FdbEntry(remote.Address, remote.Port, FdbOrigin.External) { Vni = remote.Vni })
            : null;
    }

    /// <summary>Reads the station of an entry.</summary>
    public static MacAddress? ReadMac(ObjectReader keys, TunnelTables tunnel, ValueReader values)
    {
        ConfigNode? node = keys.Require("mac", StationRight);
        MacAddress? mac = values.Mac(node, "mac");
        if (mac is MacAddress own && own == tunnel.DeviceMac)
        {
            values.Wrong(node!, "mac", StationRight + " behind a remote", $", that of the tunnel's own device {tunnel.Config.Device.Name}");
            return null;
        }

        return mac;
    }
}
