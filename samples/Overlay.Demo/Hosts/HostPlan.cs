using System.Net.Sockets;
using Overlay.Demo.Cases;

namespace Overlay.Demo.Hosts;

/// <summary>The names and addresses of one of the two hosts: everything that the configuration of its tunnel says.</summary>
/// <param name="tunnelCase">The case.</param>
/// <param name="number">1 or 2.</param>
internal sealed class HostPlan(TunnelCase tunnelCase, int number)
{
    /// <summary>The veth end in each host.</summary>
    public const string UnderlayDevice = "u0";

    /// <summary>The network identifier of the VXLAN cases.</summary>
    public const int Vni = 42;

    /// <summary>The tunnel device in each host.</summary>
    public string OverlayDevice { get; } = tunnelCase.Kind == TunnelKind.Vxlan ? "vx42" : "ipip0";

    /// <summary>The outer address.</summary>
    public string Underlay { get; } = tunnelCase.Underlay == AddressFamily.InterNetwork ? $"192.0.2.{number}" : $"2001:db8::{number}";

    /// <summary>The outer address with its prefix length.</summary>
    public string UnderlayPrefix => $"{Underlay}/{(tunnelCase.Underlay == AddressFamily.InterNetwork ? 24 : 64)}";

    /// <summary>The MAC of the tunnel device, if it has one.</summary>
    public string Mac { get; } = $"02:00:00:00:00:0{number}";

    /// <summary>The addresses of the tunnel device, with their prefix lengths. VXLAN makes one segment, IP in IP routes between two.</summary>
    public IEnumerable<string> InnerPrefixes => Inner.Select(family => $"{InnerAddress(family)}/{InnerPrefixLength(family)}");

    private IEnumerable<AddressFamily> Inner => tunnelCase.Inner.Where(family => family == AddressFamily.InterNetwork || Machine.HasIPv6);

    /// <summary>The address inside.</summary>
    public string InnerAddress(AddressFamily family) => (tunnelCase.Kind, family) switch
    {
        (TunnelKind.Vxlan, AddressFamily.InterNetwork) => $"10.244.0.{number}",
        (TunnelKind.Vxlan, _) => $"fd42::{number}",
        (_, AddressFamily.InterNetwork) => $"10.246.{number}.1",
        _ => $"fd46:0:0:{number}::1",
    };

    /// <summary>What the configuration of overlayd says of the tunnel from here to another host.</summary>
    public string Tunnel(HostPlan other)
    {
        string addresses = string.Join(", ", InnerPrefixes.Select(Quote));
        string routes = string.Join(", ", other.Inner.Select(family => $$"""{ "prefix": "{{other.Subnet(family)}}", "remote": "{{other.Underlay}}" }"""));
        return tunnelCase.Kind == TunnelKind.Vxlan
            ? $$"""
              { "name": "{{OverlayDevice}}", "kind": "vxlan", "vni": {{Vni}}, "local": "{{Underlay}}",
                "device": { "type": "tap", "addresses": [ {{addresses}} ], "mac": "{{Mac}}" },
                "flood": [ "{{other.Underlay}}" ] }
              """
            : $$"""
              { "name": "{{OverlayDevice}}", "kind": "ipip", "local": "{{Underlay}}",
                "device": { "type": "tun", "addresses": [ {{addresses}} ] },
                "routes": [ {{routes}} ] }
              """;
    }

    private static string Quote(string text) => $"\"{text}\"";

    private string Subnet(AddressFamily family) => family == AddressFamily.InterNetwork ? $"10.246.{number}.0/24" : $"fd46:0:0:{number}::/64";

    private int InnerPrefixLength(AddressFamily family) => (tunnelCase.Kind, family) switch
    {
        (TunnelKind.Vxlan, AddressFamily.InterNetwork) => 24,
        (TunnelKind.Vxlan, _) => 64,
        (_, AddressFamily.InterNetwork) => 32,
        _ => 128,
    };
}
