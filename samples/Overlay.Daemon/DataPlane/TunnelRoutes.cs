using System.Net;
using Overlay.Daemon.Configuration;
using Overlay.Linux;
using Overlay.Tables;

namespace Overlay.Daemon.DataPlane;

/// <summary>
/// The kernel's routes to what a tunnel leads to: each by the tunnel's device, with which it goes, or, where <c>directRouting</c> is asked for and the one remote is a neighbour on
/// the underlay, around it by a <see cref="DirectRoute"/>. Any thread.
/// </summary>
/// <param name="config">The tunnel.</param>
/// <param name="log">Takes what is changed.</param>
internal sealed class TunnelRoutes(TunnelConfig config, Action<string> log) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<IPNetwork, Entry> _routes = [];
    private int _device;
    private int _link;

    /// <summary>Whether a route may be another one after a change of the underlay.</summary>
    public bool FollowsRemotes => config.DirectRouting;

    /// <summary>The routes around the tunnel as <c>ip route</c> writes them.</summary>
    public IReadOnlyList<string> Direct
    {
        get
        {
            lock (_gate)
            {
                return [.. _routes.Values.Select(entry => entry.Direct).OfType<DirectRoute>().Select(direct => $"{direct}").Order(StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>Makes the configured routes; the device is up.</summary>
    /// <param name="netlink">The kernel's route socket.</param>
    /// <param name="device">The interface number of the device.</param>
    /// <exception cref="IOException">The kernel refused a route; those that do not go with the device are removed by <see cref="Dispose"/>.</exception>
    public void Open(RouteNetlink netlink, int device)
    {
        _device = device;
        _link = config.Endpoint.Link is { } name ? netlink.GetLink(name).Index : 0;
        foreach (RouteConfig route in config.Routes)
        {
            Set(netlink, route.Prefix, route.PrefixLength, route.Members);
        }
    }

    /// <inheritdoc cref="IKernelRoutes.Set"/>
    public void Set(RouteNetlink netlink, ValueIPAddress prefix, int length, IReadOnlyList<RouteMember> members)
    {
        IPNetwork destination = new(prefix.ToIPAddress(), length);
        lock (_gate)
        {
            Entry wanted = new(members, Find(netlink, destination, members));
            _routes.TryGetValue(destination, out Entry? before);
            if (before is null)
            {
                netlink.AddRoute(ToKernelRoute(destination, wanted.Direct));
            }
            else if (before.Direct != wanted.Direct)
            {
                Change(netlink, destination, before.Direct, wanted.Direct);
            }

            _routes[destination] = wanted;
        }
    }

    /// <inheritdoc cref="IKernelRoutes.Remove"/>
    public void Remove(RouteNetlink netlink, ValueIPAddress prefix, int length)
    {
        IPNetwork destination = new(prefix.ToIPAddress(), length);
        lock (_gate)
        {
            if (_routes.TryGetValue(destination, out Entry? entry))
            {
                _ = TryDelete(netlink, ToKernelRoute(destination, entry.Direct));
                _routes.Remove(destination);
            }
        }
    }

    /// <summary>The underlay has changed: each route is made what it would be if it were made now.</summary>
    /// <param name="netlink">The kernel's route socket.</param>
    /// <param name="present">The direct routes that the kernel has.</param>
    public void Follow(RouteNetlink netlink, IReadOnlyList<KernelRoute> present)
    {
        lock (_gate)
        {
            foreach ((IPNetwork destination, Entry entry) in _routes.ToArray())
            {
                try
                {
                    Follow(netlink, present, destination, entry);
                }
                catch (LinuxException e)
                {
                    // Tried again after the next change; said once.
                    if (e.Message != entry.Trouble)
                    {
                        log($"tunnel {config.Name}: the route {destination} does not follow the underlay: {e.Message}");
                    }

                    _routes[destination] = entry with { Trouble = e.Message };
                }
            }
        }
    }

    /// <summary>Removes the routes around the tunnel: the others go with the device.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            DirectRoute[] direct = [.. _routes.Values.Select(entry => entry.Direct).OfType<DirectRoute>()];
            _routes.Clear();
            if (direct.Length == 0)
            {
                return;
            }

            using RouteNetlink netlink = RouteNetlink.Open();
            foreach (DirectRoute route in direct)
            {
                if (!TryDelete(netlink, route.ToKernelRoute()))
                {
                    log($"the direct route {route} was gone already");
                }
            }
        }
    }

    private void Follow(RouteNetlink netlink, IReadOnlyList<KernelRoute> present, IPNetwork destination, Entry entry)
    {
        DirectRoute? wanted = Find(netlink, destination, entry.Members);

        // The kernel removes routes when their link goes down, and anybody may. Those by the device nobody removes but by hand, and then they stay so.
        bool isThere = entry.Direct is not DirectRoute made || present.Any(made.Is);
        if (wanted == entry.Direct && isThere)
        {
            return;
        }

        if (isThere)
        {
            Change(netlink, destination, entry.Direct, wanted);
        }
        else
        {
            netlink.AddRoute(ToKernelRoute(destination, wanted));
        }

        _routes[destination] = new Entry(entry.Members, wanted);
        log($"tunnel {config.Name}: {destination} {(wanted is null ? $"goes through {config.Device.Name} now" : $"goes around the tunnel now, via {wanted.Remote} dev {wanted.Link}")}");
    }

    // First the new, then the old: in between packets have a way. IPv4 replaces the old one, and so does IPv6 unless only the old one has a gateway (fib6_add_rt2node).
    private void Change(RouteNetlink netlink, IPNetwork destination, DirectRoute? before, DirectRoute? after)
    {
        netlink.AddRoute(ToKernelRoute(destination, after), replace: true);
        _ = TryDelete(netlink, ToKernelRoute(destination, before));
    }

    private static bool TryDelete(RouteNetlink netlink, KernelRoute route)
    {
        try
        {
            netlink.DeleteRoute(route);
            return true;
        }
        catch (LinuxException e) when (e.Errno is Errno.ESRCH or Errno.ENODEV)
        {
            return false;
        }
    }

    private KernelRoute ToKernelRoute(IPNetwork destination, DirectRoute? direct) => direct?.ToKernelRoute() ?? new KernelRoute(destination, _device);

    // Several remotes are spread by flow, which is the tunnel's work; and a gateway is of the family of what it is the way to.
    private DirectRoute? Find(RouteNetlink netlink, IPNetwork destination, IReadOnlyList<RouteMember> members)
    {
        if (!config.DirectRouting || members is not [RouteMember { Entry.Remote: var remote }] ||
            remote.IsIPv4 != ValueIPAddress.FromIPAddress(destination.BaseAddress).IsIPv4)
        {
            return null;
        }

        try
        {
            RouteInfo way = netlink.GetRoute(remote, link: _link);
            return way is { Kind: RouteKind.Unicast, Gateway: null } && way.InterfaceIndex != _device
                ? new DirectRoute(destination, remote, way.InterfaceIndex, netlink.GetLink(way.InterfaceIndex).Name)
                : null;
        }
        catch (LinuxException e) when (e.Errno is Errno.ENETUNREACH or Errno.EHOSTUNREACH or Errno.ENODEV)
        {
            // No way there at all now: what there will be leads through the tunnel, unless it is a link again.
            return null;
        }
    }

    /// <summary>A route.</summary>
    /// <param name="Members">Where it leads.</param>
    /// <param name="Direct">The way around the tunnel; null if it goes by the device.</param>
    /// <param name="Trouble">What the kernel said last when it was to be changed; null if it was.</param>
    private sealed record Entry(IReadOnlyList<RouteMember> Members, DirectRoute? Direct, string? Trouble = null);
}
