namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Members of the <c>tunnels</c> array of overlayd's configuration.</summary>
internal static class TunnelJson
{
    /// <summary>VXLAN over a TAP, by default our end of <see cref="VtepLab"/>.</summary>
    /// <param name="name">Name of tunnel and device.</param>
    /// <param name="vni">The VNI.</param>
    /// <param name="local">The underlay address.</param>
    /// <param name="address">Address and prefix length of the device; null for none.</param>
    /// <param name="mac">The device's MAC; null for that of our end.</param>
    /// <param name="mtu">The device's MTU; null for auto.</param>
    /// <param name="flood">The remotes of the flood list.</param>
    /// <param name="more">Further members of the tunnel.</param>
    public static string Tap(
        string name = "vx42", uint vni = VtepLab.Vni, string local = "192.0.2.1", string? address = "10.42.0.1/24", MacAddress? mac = null, int? mtu = null,
        string[]? flood = null, string more = "") => $$"""
        { "name": "{{name}}", "kind": "vxlan", "vni": {{vni}}, "local": "{{local}}",
          "device": { "type": "tap", "mac": "{{mac ?? VtepLab.OurMac}}", "mtu": {{Mtu(mtu)}}, "addresses": [ {{Quote(address is null ? [] : [address])}} ] },
          "flood": [ {{Quote(flood ?? ["192.0.2.2"])}} ], {{more}} }
        """;

    /// <summary>Layer-3 VXLAN over a TUN; each route has its remote and the MAC of its remote's device.</summary>
    public static string RoutedVxlan(string name, string local, MacAddress mac, string[] addresses, params (string Prefix, string Remote, MacAddress Mac)[] routes) => $$"""
        { "name": "{{name}}", "kind": "vxlan", "vni": 1, "port": 8472, "local": "{{local}}",
          "device": { "type": "tun", "mac": "{{mac}}", "addresses": [ {{Quote(addresses)}} ] },
          "routes": [ {{string.Join(", ", routes.Select(r => $$"""{ "prefix": "{{r.Prefix}}", "remote": "{{r.Remote}}", "mac": "{{r.Mac}}" }"""))}} ] }
        """;

    /// <summary>IP in IP over a TUN.</summary>
    public static string IPInIP(string name, string local, string[] addresses, params (string Prefix, string Remote)[] routes) =>
        IPInIP(name, local, addresses, "", routes);

    /// <inheritdoc cref="IPInIP(string, string, string[], ValueTuple{string, string}[])"/>
    /// <param name="more">Further members of the tunnel, each behind a comma.</param>
    public static string IPInIP(string name, string local, string[] addresses, string more, (string Prefix, string Remote)[] routes) => $$"""
        { "name": "{{name}}", "kind": "ipip", "local": "{{local}}",
          "device": { "type": "tun", "addresses": [ {{Quote(addresses)}} ] },
          "routes": [ {{string.Join(", ", routes.Select(r => $$"""{ "prefix": "{{r.Prefix}}", "remote": "{{r.Remote}}" }"""))}} ]{{more}} }
        """;

    private static string Mtu(int? mtu) => mtu?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "\"auto\"";

    private static string Quote(string[] values) => string.Join(", ", values.Select(value => $"\"{value}\""));
}
