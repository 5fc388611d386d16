using Overlay.DataPath;

namespace Overlay.Daemon.Configuration;

/// <summary>The device of a tunnel.</summary>
internal static class DeviceReader
{
    // RFC 791: every module must forward 68 octets. RFC 8200 §5: every link must carry 1280.
    private const int MinimumMtu = 68;
    private const int MinimumIPv6Mtu = 1280;
    private const int MaximumMtu = 65_535;

    /// <summary>Reads a device.</summary>
    /// <param name="node">The value.</param>
    /// <param name="kind">The tunnel's kind; null if that is a mistake.</param>
    /// <param name="tunnelName">The tunnel's name, which the device gets if it has none.</param>
    /// <param name="values">Reads the values.</param>
    /// <param name="errors">Takes the mistakes.</param>
    /// <returns>The device as far as it can be read; null if not even its type can.</returns>
    public static DeviceConfig? Read(ConfigNode? node, TunnelFacts? kind, ConfigNode? tunnelName, ValueReader values, ConfigErrors errors)
    {
        if (ObjectReader.Open(node, "device", errors) is not ObjectReader device)
        {
            return null;
        }

        DeviceLayer? layer = ReadType(device, kind, values, errors);
        string name = ReadName(device.Take("name"), tunnelName, values, errors);
        List<InterfaceAddress> addresses = ReadAddresses(device.Take("addresses"), values, errors);
        MacAddress? mac = null;
        if (kind is not null && !kind.HasInnerEthernet(kind.CarriesEthernet && layer != DeviceLayer.IP))
        {
            device.Refuse("mac", kind.CarriesEthernet ? "with a tun device" : $"by {kind.WithArticle()} tunnel");
        }
        else
        {
            mac = values.Mac(device.Take("mac"), "device.mac");
        }

        int? mtu = ReadMtu(device.Take("mtu"), addresses, values, errors);
        device.Finish();
        return layer is DeviceLayer known ? new DeviceConfig { Layer = known, Name = name, Addresses = addresses, Mac = mac, Mtu = mtu } : null;
    }

    private static DeviceLayer? ReadType(ObjectReader device, TunnelFacts? kind, ValueReader values, ConfigErrors errors)
    {
        ConfigNode? node = device.Require("type", kind switch
        {
            { CarriesEthernet: false } => "\"tun\"",
            { CarriesIP: false } => "\"tap\"",
            _ => "\"tap\" or \"tun\"",
        });
        DeviceLayer? layer = values.Choice(node, "device.type", ("tap", DeviceLayer.Ethernet), ("tun", DeviceLayer.IP));
        switch (layer)
        {
            case DeviceLayer.Ethernet when kind is { CarriesEthernet: false }:
                errors.Add(node!.Line, $"device.type is \"tap\", but {kind} carries IP and no Ethernet; \"tun\" is right");
                return DeviceLayer.IP;
            case DeviceLayer.IP when kind is { CarriesIP: false }:
                errors.Add(node!.Line, $"device.type is \"tun\", but {kind} carries Ethernet and no IP by itself; \"tap\" is right");
                return DeviceLayer.Ethernet;
            default:
                return layer;
        }
    }

    private static string ReadName(ConfigNode? node, ConfigNode? tunnelName, ValueReader values, ConfigErrors errors)
    {
        string? name = values.Text(node, "device.name", DeviceName.Right);
        if (name is not null && !DeviceName.IsValid(name))
        {
            values.Wrong(node!, "device.name", DeviceName.Right);
        }
        else if (node is null && tunnelName is { Kind: ConfigNodeKind.String, Text.Length: > 0 } && !DeviceName.IsValid(tunnelName.Text))
        {
            errors.Add(tunnelName.Line,
                $"the device gets its name from the tunnel, {tunnelName.Describe()}, which cannot be one; a device.name of {DeviceName.Right} is right");
        }

        return name ?? tunnelName?.Text ?? "";
    }

    private static List<InterfaceAddress> ReadAddresses(ConfigNode? node, ValueReader values, ConfigErrors errors)
    {
        List<InterfaceAddress> addresses = [];
        foreach (ConfigNode item in values.List(node, "device.addresses"))
        {
            const string What = "an address of the device";
            if (values.Prefix(item, What, hostBits: true) is not var (address, length))
            {
                continue;
            }

            if (address.IsUnspecified || address.IsMulticast || address.IsBroadcast)
            {
                values.Wrong(item, What, "a unicast address");
            }
            else if (addresses.Exists(a => a.Address == address))
            {
                errors.Add(item.Line, $"{address} stands twice in device.addresses; once is right");
            }

            addresses.Add(new InterfaceAddress(address, length));
        }

        return addresses;
    }

    private static int? ReadMtu(ConfigNode? node, List<InterfaceAddress> addresses, ValueReader values, ConfigErrors errors)
    {
        if (ValueReader.IsWord(node, "auto"))
        {
            return null;
        }

        int? mtu = values.Integer(node, "device.mtu", MinimumMtu, MaximumMtu, "auto");
        if (mtu < MinimumIPv6Mtu && addresses.Exists(a => !a.Address.IsIPv4))
        {
            errors.Add(node!.Line, $"device.mtu is {mtu}, but the device has an IPv6 address; at least {MinimumIPv6Mtu} is right");
        }

        return mtu;
    }
}
