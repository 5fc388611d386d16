using System.Security.Cryptography;
using Overlay.DataPath;

namespace Overlay.Daemon.Configuration;

/// <summary>An address of a device and its prefix length.</summary>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">0 to the bits of the address.</param>
internal readonly record struct InterfaceAddress(ValueIPAddress Address, int PrefixLength)
{
    /// <summary>As in the file: <c>10.0.0.1/24</c>.</summary>
    public override string ToString() => $"{Address}/{PrefixLength}";
}

/// <summary>The device of a tunnel.</summary>
internal sealed record DeviceConfig
{
    /// <summary>TAP or TUN.</summary>
    public required DeviceLayer Layer { get; init; }

    /// <summary>The interface name, at most 15 bytes.</summary>
    public required string Name { get; init; }

    /// <summary>The addresses it gets.</summary>
    public IReadOnlyList<InterfaceAddress> Addresses { get; init; } = [];

    /// <summary>The configured MAC address; null for a random one. Always null for IP in IP, which has none.</summary>
    public MacAddress? Mac { get; init; }

    /// <summary>The MTU in bytes; null for auto: the link MTU towards the remotes less the overhead.</summary>
    public int? Mtu { get; init; }

    /// <summary>The word of the file: <c>tap</c> or <c>tun</c>.</summary>
    public string Type => Layer == DeviceLayer.Ethernet ? "tap" : "tun";

    /// <summary>The configured MAC address, else a random, locally administered one.</summary>
    public MacAddress ChooseMac()
    {
        if (Mac is MacAddress mac)
        {
            return mac;
        }

        Span<byte> bytes = stackalloc byte[MacAddress.Length];
        RandomNumberGenerator.Fill(bytes);
        bytes[0] = (byte)((bytes[0] & ~1) | 2);
        return new MacAddress(bytes);
    }
}
