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
        ValueIPAddress? remote = underlay.Remote(keys.Require("remote", "the address of the VTEP that the station lives behind"), "remote");
        int? port = null;
        if (tunnel.Config.Facts.IsOverUdp)
        {
            port = values.Integer(keys.Take("port"), "port", 1, ushort.MaxValue);
        }
        else
        {
            keys.Refuse("port", $"by {tunnel.Config.Facts.WithArticle()} tunnel");
        }

        return mac is MacAddress station && remote is ValueIPAddress vtep
            ? new FdbRow(station, new FdbEntry(vtep, (ushort)(port ?? 0), FdbOrigin.External))
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
