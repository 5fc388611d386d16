namespace Overlay.Linux;

/// <summary>
/// The ways to remotes, asked of the kernel's routes when a remote is first sent to, and again at most once a second: never a call per packet.
/// </summary>
internal sealed class UnderlayRoutes : IDisposable
{
    private const long IntervalMilliseconds = 1000;

    // Remotes may be learned, if a policy lets anybody in: the bound keeps strangers from eating the memory.
    private const int MaxPaths = 4096;

    private readonly RouteNetlink _netlink = RouteNetlink.Open();
    private readonly Dictionary<(ValueIPAddress Remote, ushort Port), UnderlayPath> _paths = [];
    private readonly ValueIPAddress _local;
    private readonly int _link;
    private UnderlayPath? _last;

    /// <summary>Opens a connection to the kernel in the network namespace of this thread.</summary>
    /// <param name="local">The outer source address.</param>
    /// <param name="link">The interface that packets must go by; 0 for any.</param>
    public UnderlayRoutes(ValueIPAddress local, int link)
    {
        _local = local;
        _link = link;
    }

    /// <summary>Forgets all ways if there are too many. Not while packets are under way for which <see cref="Find"/> was called.</summary>
    public void Trim()
    {
        if (_paths.Count > MaxPaths)
        {
            _paths.Clear();
            _last = null;
        }
    }

    /// <summary>The way to a remote.</summary>
    /// <param name="remote">The outer destination address.</param>
    /// <param name="port">The UDP destination port.</param>
    /// <param name="now">Milliseconds of <see cref="Environment.TickCount64"/>.</param>
    public UnderlayPath Find(ValueIPAddress remote, ushort port, long now)
    {
        UnderlayPath path = Get(remote, port);
        if (now >= path.Due)
        {
            path.Due = now + IntervalMilliseconds;
            Ask(path);
        }

        return path;
    }

    /// <summary>The way to a remote as it was found last.</summary>
    public UnderlayPath Get(ValueIPAddress remote, ushort port)
    {
        UnderlayPath? path = _last;
        if (path is null || path.Remote != remote || path.Port != port)
        {
            if (!_paths.TryGetValue((remote, port), out path))
            {
                path = new UnderlayPath(remote, port);
                _paths.Add((remote, port), path);
            }

            _last = path;
        }

        return path;
    }

    /// <inheritdoc/>
    public void Dispose() => _netlink.Dispose();

    private void Ask(UnderlayPath path)
    {
        ValueIPAddress remote = path.Remote;
        if (remote.IsIPv4 != _local.IsIPv4 || remote == _local || remote.IsMulticast || remote.IsBroadcast || remote.IsUnspecified)
        {
            path.Close();
            return;
        }

        try
        {
            RouteInfo route = _netlink.GetRoute(remote, _local, _link);
            LinkInfo? link = route.Kind == RouteKind.Unicast && route.InterfaceIndex != 0 ? _netlink.GetLink(route.InterfaceIndex) : null;
            if (link is null || (link.Flags & LinkFlags.Loopback) != 0)
            {
                path.Close();
                return;
            }

            // A route's MTU is the administrator's word; one learned from ICMP may be forged.
            path.Open(_local, route.InterfaceIndex, route.IsMtuLearned ? link.Mtu : route.Mtu);
        }
        catch (LinuxException)
        {
            // No route, or one that says no. The sockets ask the kernel themselves, and what they hear is counted and shown.
            path.Close();
        }
    }
}
