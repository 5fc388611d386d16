using System.Globalization;
using System.Text.Json.Serialization;
using Overlay.Daemon.Configuration;

namespace Overlay.Daemon.Control.Show;

/// <summary>The arguments of the commands that show tables; all of them may be absent.</summary>
internal sealed record ShowArguments
{
    /// <summary>The name of the only tunnel to be shown.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Tunnel { get; init; }

    /// <summary>The only VNI.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Vni { get; init; }

    /// <summary>The only MAC address.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Mac { get; init; }

    /// <summary>The only remote.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Remote { get; init; }

    /// <summary>The largest number of rows.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Limit { get; init; }
}

/// <summary>What is to be shown, checked.</summary>
/// <param name="Tunnels">The tunnels, in the order of the configuration.</param>
/// <param name="Vni">The only VNI; null for all.</param>
/// <param name="Mac">The only MAC address; null for all.</param>
/// <param name="Remote">The only remote; null for all.</param>
/// <param name="Limit">The largest number of rows.</param>
internal sealed record ShowFilter(IReadOnlyList<TunnelTables> Tunnels, Vni? Vni, MacAddress? Mac, ValueIPAddress? Remote, long Limit)
{
    /// <summary>Checks the arguments.</summary>
    /// <exception cref="ControlRefusedException">One is no VNI, no address, or there is no such tunnel.</exception>
    public static ShowFilter From(ShowArguments arguments, TunnelCatalog tunnels) => new(
        arguments.Tunnel is string name ? [tunnels.Find(name)] : tunnels.All,
        arguments.Vni is not long vni ? (Vni?)null : vni is >= 0 and <= Overlay.Vni.MaxValue
            ? new Vni((uint)vni)
            : throw new ControlRefusedException($"vni is {vni}; a whole number from 0 to {Overlay.Vni.MaxValue} is right"),
        arguments.Mac is not string mac ? (MacAddress?)null : MacAddress.TryParse(mac, CultureInfo.InvariantCulture, out MacAddress station)
            ? station
            : throw new ControlRefusedException($"mac is {ConfigNode.Quote(mac)}; a MAC address such as 02:00:00:00:00:01 is right"),
        arguments.Remote is not string remote ? (ValueIPAddress?)null : ValueIPAddress.TryParse(remote, CultureInfo.InvariantCulture, out ValueIPAddress address)
            ? address
            : throw new ControlRefusedException($"remote is {ConfigNode.Quote(remote)}; an IP address such as 192.0.2.1 or 2001:db8::1 is right"),
        arguments.Limit is not long limit ? long.MaxValue : limit > 0
            ? limit
            : throw new ControlRefusedException($"limit is {limit}; a whole number from 1 is right"));

    /// <summary>Whether rows of a tunnel are wanted.</summary>
    public bool Wants(TunnelTables tunnel) => Vni is not Vni only || tunnel.Vni == only.Value;

    /// <summary>Whether a row of a remote is wanted.</summary>
    public bool Wants(ValueIPAddress remote) => Remote is not ValueIPAddress only || only == remote;

    /// <summary>Whether a row of a station is wanted.</summary>
    public bool Wants(MacAddress mac) => Mac is not MacAddress only || only == mac;
}
