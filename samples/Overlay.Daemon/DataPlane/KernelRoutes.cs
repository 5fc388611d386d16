using System.Net;
using Overlay.Linux;

namespace Overlay.Daemon.DataPlane;

/// <summary>Routes by the device of a tunnel, in the namespace the daemon lives in.</summary>
internal sealed class KernelRoutes : IKernelRoutes
{
    /// <inheritdoc/>
    public void Add(string device, ValueIPAddress prefix, int length)
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        netlink.AddRoute(Route(netlink, device, prefix, length));
    }

    /// <inheritdoc/>
    public void Remove(string device, ValueIPAddress prefix, int length)
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        try
        {
            netlink.DeleteRoute(Route(netlink, device, prefix, length));
        }
        catch (LinuxException e) when (e.Errno == Errno.ESRCH)
        {
            // Somebody removed it by hand.
        }
    }

    private static KernelRoute Route(RouteNetlink netlink, string device, ValueIPAddress prefix, int length) =>
        new(new IPNetwork(prefix.ToIPAddress(), length), netlink.GetLink(device).Index);
}
