using System.Net;
using Overlay.Daemon.Configuration;
using Overlay.Linux;
using Overlay.Tables;

namespace Overlay.Daemon.DataPlane;

/// <summary>
/// The routes of a tunnel whose remote is a neighbour on the underlay: the kernel sends packets there as they are, by way of the remote
/// (<c>directRouting</c>; flannel's DirectRouting, Calico's CrossSubnet). Unlike the others they do not go with the device, and are removed at the end.
/// </summary>
internal sealed class DirectRoutes : IDisposable
{
    private readonly Action<string> _log;
    private readonly List<DirectRoute> _routes = [];

    /// <summary>Finds out which routes are direct, and makes them.</summary>
    /// <param name="netlink">The kernel's route socket.</param>
    /// <param name="config">The tunnel.</param>
    /// <param name="log">Takes what goes wrong at the end.</param>
    /// <exception cref="IOException">The kernel refused a route; those made before are removed again.</exception>
    public DirectRoutes(RouteNetlink netlink, TunnelConfig config, Action<string> log)
    {
        _log = log;
        if (!config.DirectRouting)
        {
            return;
        }

        int link = config.Endpoint.Link is { } name ? netlink.GetLink(name).Index : 0;
        try
        {
            foreach (RouteConfig route in config.Routes)
            {
                if (Find(netlink, route, link) is not { } direct)
                {
                    continue;
                }

                Add(netlink, direct);
                _routes.Add(direct);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The routes that were made.</summary>
    public IReadOnlyList<DirectRoute> Routes => _routes;

    /// <summary>Whether a route is direct.</summary>
    public bool Takes(RouteConfig route) => _routes.Exists(direct => ReferenceEquals(direct.Route, route));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_routes.Count == 0)
        {
            return;
        }

        using RouteNetlink netlink = RouteNetlink.Open();
        foreach (DirectRoute direct in _routes)
        {
            try
            {
                netlink.DeleteRoute(direct.ToKernelRoute());
            }
            catch (LinuxException e) when (e.Errno is Errno.ESRCH or Errno.ENODEV)
            {
                _log($"the direct route {direct} was gone already");
            }
        }

        _routes.Clear();
    }

    private static void Add(RouteNetlink netlink, DirectRoute direct)
    {
        try
        {
            netlink.AddRoute(direct.ToKernelRoute());
        }
        catch (LinuxException e) when (e.Errno == Errno.EEXIST)
        {
            // Left behind by a daemon that was killed, it is as good as new. Somebody else's stays, and is a mistake.
            RouteInfo there = netlink.GetRoute(direct.Route.Prefix);
            if (there.Gateway != direct.Remote || there.InterfaceIndex != direct.InterfaceIndex)
            {
                throw;
            }
        }
    }

    // Several remotes are spread by flow, which is the tunnel's work; and a gateway is of the family of what it is the way to.
    private static DirectRoute? Find(RouteNetlink netlink, RouteConfig route, int link)
    {
        if (route.Members is not [RouteMember { Entry.Remote: var remote }] || remote.IsIPv4 != route.Prefix.IsIPv4)
        {
            return null;
        }

        try
        {
            RouteInfo way = netlink.GetRoute(remote, link: link);
            return way is { Kind: RouteKind.Unicast, Gateway: null }
                ? new DirectRoute(route, remote, way.InterfaceIndex, netlink.GetLink(way.InterfaceIndex).Name)
                : null;
        }
        catch (LinuxException e) when (e.Errno is Errno.ENETUNREACH or Errno.EHOSTUNREACH)
        {
            // No way there at all now: when there is one it will lead through the tunnel.
            return null;
        }
    }
}

/// <summary>A route around the tunnel.</summary>
/// <param name="Route">What the file says.</param>
/// <param name="Remote">The way.</param>
/// <param name="InterfaceIndex">The underlay's link, by number.</param>
/// <param name="Link">The same, by name.</param>
internal sealed record DirectRoute(RouteConfig Route, ValueIPAddress Remote, int InterfaceIndex, string Link)
{
    /// <summary>As the kernel is told.</summary>
    public KernelRoute ToKernelRoute() =>
        new(new IPNetwork(Route.Prefix.ToIPAddress(), Route.PrefixLength), InterfaceIndex) { Gateway = Remote };

    /// <summary>As <c>ip route</c> writes it.</summary>
    public override string ToString() => $"{Route.Prefix}/{Route.PrefixLength} via {Remote} dev {Link}";
}
