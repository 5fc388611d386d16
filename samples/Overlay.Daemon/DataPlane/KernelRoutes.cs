using Overlay.Linux;
using Overlay.Tables;

namespace Overlay.Daemon.DataPlane;

/// <summary>
/// The kernel's routes of all tunnels, in the namespace the daemon lives in. Where a tunnel asks for <c>directRouting</c>, a thread follows changes of links, addresses and
/// routes, so that a route is around the tunnel as long as its remote is a neighbour, and no longer.
/// </summary>
internal sealed class KernelRoutes : IKernelRoutes, IDisposable
{
    // How soon the thread sees that it is to end.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);

    // Changes come in bursts; and where a routing daemon changes the table all the time, it is not read all the time.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly Dictionary<string, TunnelRoutes> _tunnels = [];
    private readonly DirectRouteLock _lock = new();
    private readonly Action<string> _log;
    private RouteMonitor? _monitor;
    private Thread? _thread;
    private volatile bool _stopped;

    /// <summary>Removes what a daemon that was killed left behind.</summary>
    /// <param name="netlink">The kernel's route socket.</param>
    /// <param name="log">Takes what is changed.</param>
    /// <exception cref="IOException">The kernel does not tell or change its routes.</exception>
    public KernelRoutes(RouteNetlink netlink, Action<string> log)
    {
        _log = log;
        if (!_lock.TryTake())
        {
            // Another daemon makes such routes: they may be his.
            return;
        }

        foreach (KernelRoute route in netlink.GetRoutes(DirectRoute.Protocol))
        {
            netlink.DeleteRoute(route);
            log($"removed the direct route {route.Destination} via {route.Gateway} that an overlayd left behind");
        }
    }

    /// <summary>Adds a tunnel; its routes are made by <see cref="TunnelRoutes.Open"/>.</summary>
    public TunnelRoutes Add(Configuration.TunnelConfig config)
    {
        TunnelRoutes routes = new(config, _log);
        _tunnels.Add(config.Name, routes);
        if (config.DirectRouting)
        {
            // Before the first look: what changes after it is heard.
            _monitor ??= RouteMonitor.Open();
        }

        return routes;
    }

    /// <summary>All tunnels are open: follows changes from now on, or has nothing to do.</summary>
    public void Start()
    {
        if (_monitor is null)
        {
            _lock.Dispose();
            return;
        }

        _thread = new Thread(Follow) { Name = "overlay-routes", IsBackground = true };
        _thread.Start();
    }

    /// <inheritdoc/>
    public void Set(string tunnel, ValueIPAddress prefix, int length, IReadOnlyList<RouteMember> members)
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        _tunnels[tunnel].Set(netlink, prefix, length, members);
    }

    /// <inheritdoc/>
    public void Remove(string tunnel, ValueIPAddress prefix, int length)
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        _tunnels[tunnel].Remove(netlink, prefix, length);
    }

    /// <summary>Follows no more, and removes the routes that do not go with a device.</summary>
    public void Dispose()
    {
        _stopped = true;
        _thread?.Join();
        _monitor?.Dispose();
        foreach (TunnelRoutes routes in _tunnels.Values)
        {
            routes.Dispose();
        }

        _lock.Dispose();
    }

    private void Follow()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        TunnelRoutes[] direct = [.. _tunnels.Values.Where(routes => routes.FollowsRemotes)];
        while (!_stopped)
        {
            try
            {
                if (!_monitor!.Wait(Patience))
                {
                    continue;
                }

                // What comes meanwhile is heard as well, and looked at together.
                Thread.Sleep(Pause);
                _ = _monitor.Wait(TimeSpan.Zero);
                IReadOnlyList<KernelRoute> present = netlink.GetRoutes(DirectRoute.Protocol);
                foreach (TunnelRoutes routes in direct)
                {
                    routes.Follow(netlink, present);
                }
            }
            catch (LinuxException e)
            {
                _log($"direct routes do not follow a change: {e.Message}");
            }
        }
    }
}
