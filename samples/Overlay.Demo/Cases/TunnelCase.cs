using System.Net.Sockets;

namespace Overlay.Demo.Cases;

/// <summary>One case of the demo: which tunnel, over what, with what inside, to whom.</summary>
/// <param name="Name">Its name in JSON and in file names.</param>
/// <param name="Kind">The encapsulation.</param>
/// <param name="Peer">Who is at the other end.</param>
/// <param name="Underlay">The family of the outer addresses.</param>
/// <param name="Inner">The families inside; the first one is measured.</param>
internal sealed record TunnelCase(string Name, TunnelKind Kind, PeerKind Peer, AddressFamily Underlay, IReadOnlyList<AddressFamily> Inner)
{
    private const AddressFamily V4 = AddressFamily.InterNetwork;
    private const AddressFamily V6 = AddressFamily.InterNetworkV6;

    /// <summary>All cases, in the order in which they are shown.</summary>
    public static IReadOnlyList<TunnelCase> All { get; } =
    [
        new("vxlan-kernel", TunnelKind.Vxlan, PeerKind.Kernel, V4, [V4, V6]),
        new("vxlan-kernel-over-ipv6", TunnelKind.Vxlan, PeerKind.Kernel, V6, [V4, V6]),
        new("vxlan-overlayd", TunnelKind.Vxlan, PeerKind.Overlayd, V4, [V4, V6]),
        new("4in4", TunnelKind.IPInIP, PeerKind.Overlayd, V4, [V4]),
        new("6in4", TunnelKind.IPInIP, PeerKind.Overlayd, V4, [V6]),
        new("4in6", TunnelKind.IPInIP, PeerKind.Overlayd, V6, [V4]),
        new("6in6", TunnelKind.IPInIP, PeerKind.Overlayd, V6, [V6]),
    ];

    /// <summary>The peer in words.</summary>
    public string PeerName => Peer == PeerKind.Overlayd ? "overlayd" : $"{Machine.Kernel} vxlan";

    /// <summary>The case in words.</summary>
    public string Title => $"overlayd {(Kind == TunnelKind.Vxlan ? "VXLAN (tap)" : $"IP in IP (tun), {Name}")} <-> {PeerName}, underlay {FamilyName(Underlay)}";

    /// <summary><c>IPv4</c> or <c>IPv6</c>.</summary>
    public static string FamilyName(AddressFamily family) => family == V4 ? "IPv4" : "IPv6";
}
