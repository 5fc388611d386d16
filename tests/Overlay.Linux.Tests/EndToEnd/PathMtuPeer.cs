using Overlay.Testing;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>One network between overlayd and a tunnel device of a kernel, behind the router of <see cref="PathMtuPeerLab"/>.</summary>
/// <param name="Name">How tests call it.</param>
/// <param name="Tunnel">Its tunnel in overlayd's configuration.</param>
/// <param name="Remote">The outer address of the other end.</param>
/// <param name="Network">The inner network, as what stands before the last number of an address.</param>
/// <param name="Mtu">What overlayd's end can send, in bytes of inner packet.</param>
/// <param name="Device">The device of the peer in user-mode Linux, for <c>ip link add NAME …</c>; empty where the far host's vxlan device is the other end.</param>
internal sealed record PathMtuPeer(string Name, string Tunnel, string Remote, string Network, int Mtu, string Device)
{
    /// <summary>What the other end can send: the same, unless its encapsulation is longer.</summary>
    public int TheirMtu { get; init; } = Mtu;

    /// <summary>The MTU of the other end's device: for all but the networks of fragments larger than what fits, so that it has to learn, too.</summary>
    public int DeviceMtu { get; init; } = PathMtuPeerLab.DeviceMtu;

    public bool IsKernelVxlan => Device.Length == 0;

    public bool IsInnerIPv4 => !Network.Contains(':', StringComparison.Ordinal);

    public bool IsOuterIPv4 => !Remote.Contains(':', StringComparison.Ordinal);

    public string Ours => Network + "1";

    public string Theirs => Network + "2";

    public int PrefixLength => IsInnerIPv4 ? 24 : 64;

    /// <summary>overlayd's outer address.</summary>
    public string Local => RoutedLab.Outer(far: false, !IsOuterIPv4);

    /// <summary>The router's device towards the other end.</summary>
    public string RouterDevice => IsKernelVxlan ? RoutedLab.FarDevice : PathMtuPeerLab.Cable;

    /// <summary>The payload of a UDP datagram of this length.</summary>
    public int Payload(int length) => length - (IsInnerIPv4 ? 28 : 48);
}
