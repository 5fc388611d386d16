using System.Net;
using Overlay.Linux;

namespace Overlay.Daemon.DataPlane;

/// <summary>
/// A route around the tunnel: the kernel sends packets there as they are, by way of the remote (<c>directRouting</c>; flannel's DirectRouting, Calico's CrossSubnet).
/// </summary>
/// <param name="Destination">The inner prefix.</param>
/// <param name="Remote">The way.</param>
/// <param name="InterfaceIndex">The underlay's link, by number.</param>
/// <param name="Link">The same, by name.</param>
internal sealed record DirectRoute(IPNetwork Destination, ValueIPAddress Remote, int InterfaceIndex, string Link)
{
    /// <summary>
    /// By which the kernel says that such a route is overlayd's (RTPROT_*): it does not go with a device, and outlives a daemon that is killed. linux/rtnetlink.h leaves the number free,
    /// and so do the routing daemons that are known to use others (rt_protos of iproute2; Calico has 80).
    /// </summary>
    public const byte Protocol = 79;

    /// <summary>As the kernel is told.</summary>
    public KernelRoute ToKernelRoute() => new(Destination, InterfaceIndex) { Gateway = Remote, Protocol = Protocol };

    /// <summary>Whether this is a route of the kernel's.</summary>
    public bool Is(KernelRoute route) => route.Destination.Equals(Destination) && route.Gateway == Remote && route.InterfaceIndex == InterfaceIndex;

    /// <summary>As <c>ip route</c> writes it.</summary>
    public override string ToString() => $"{Destination} via {Remote} dev {Link}";
}
