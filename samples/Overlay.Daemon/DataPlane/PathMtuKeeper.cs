using Overlay.DataPath;
using Overlay.Linux;

namespace Overlay.Daemon.DataPlane;

/// <summary>
/// Keeps the path MTUs of all tunnels: gives each remote what its route says, follows links and routes as they change, takes what ICMP says, lets it age,
/// and holds devices with <c>"mtu": "auto"</c> to the smallest of what the routes say.
/// </summary>
/// <remarks>
/// What ICMP or probing found does not change a device: hosts are told packet by packet, and a bridge drops without a word what exceeds the MTU of its port.
/// </remarks>
internal sealed class PathMtuKeeper : IDisposable
{
    private const int Interval = 1_000;

    // When a link flaps there are many changes; they are taken together.
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(20);

    // Routers quote up to 576 and 1280 bytes, in headers of at most 60.
    private const int BufferLength = 2_048;

    private readonly IReadOnlyList<TunnelRuntime> _tunnels;
    private readonly Action<string> _log;
    private readonly UnderlayMonitor _monitor;
    private readonly RouteNetlink _netlink;
    private readonly DevicePlanner _planner;
    private readonly Thread _thread;
    private readonly byte[] _buffer = new byte[BufferLength];
    private readonly Dictionary<TunnelRuntime, int> _deviceMtus = [];
    private readonly HashSet<string> _said = [];
    private volatile bool _stopped;

    /// <summary>Listens to the underlay, and takes what routes say now.</summary>
    /// <param name="tunnels">The tunnels.</param>
    /// <param name="log">Takes messages.</param>
    /// <exception cref="LinuxException">The kernel gives no netlink socket.</exception>
    public PathMtuKeeper(IReadOnlyList<TunnelRuntime> tunnels, Action<string> log)
    {
        _tunnels = tunnels;
        _log = log;
        _netlink = RouteNetlink.Open();
        _planner = new DevicePlanner(_netlink);
        _monitor = UnderlayMonitor.Open(
            ipv4: tunnels.Any(tunnel => tunnel.Icmp is not null && tunnel.Config.Local.IsIPv4),
            ipv6: tunnels.Any(tunnel => tunnel.Icmp is not null && !tunnel.Config.Local.IsIPv4));
        if (_monitor.IcmpFailure is { } failure)
        {
            log($"routers cannot say that packets are too big: {failure}");
        }

        _thread = new Thread(Run) { Name = "overlay-paths", IsBackground = true };
    }

    /// <summary>Starts the thread; the paths have what their routes say by then.</summary>
    public void Start()
    {
        Follow(PollWaiter.Clock);
        _thread.Start();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopped = true;
        _monitor.Wake();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }

        _monitor.Dispose();
        _netlink.Dispose();
    }

    private void Run()
    {
        long next = PollWaiter.Clock + Interval;
        while (!_stopped)
        {
            _monitor.Wait((int)Math.Max(0, next - PollWaiter.Clock));
            long now = PollWaiter.Clock;
            while (!_stopped && _monitor.TryReceive(_buffer, out ReceivedIcmp message))
            {
                Take(message, now);
            }

            bool changed = _monitor.TakeChanges();
            if (changed)
            {
                Thread.Sleep(Settling);
                _ = _monitor.TakeChanges();
            }

            if (!changed && now < next)
            {
                continue;
            }

            next = PollWaiter.Clock + Interval;
            foreach (TunnelRuntime tunnel in _tunnels)
            {
                _ = tunnel.PathMtus.Age(now);
            }

            Follow(now, changed);
        }
    }

    private void Take(ReceivedIcmp message, long now)
    {
        ReadOnlySpan<byte> bytes = _buffer.AsSpan(message.Start, message.Length);
        foreach (TunnelRuntime tunnel in _tunnels)
        {
            if (tunnel.Icmp is null || tunnel.Config.Local.IsIPv4 != message.Source.IsIPv4)
            {
                continue;
            }

            UnderlayIcmpVerdict verdict = message.Source.IsIPv4
                ? tunnel.Icmp.TakeIPv4(bytes, now, out ValueIPAddress remote)
                : tunnel.Icmp.TakeIPv6(bytes, message.Source, message.Destination, now, out remote);
            if (verdict == UnderlayIcmpVerdict.Lowered)
            {
                Say($"{tunnel.Config.Name}: the path to {remote} takes {tunnel.PathMtus.Get(remote)} bytes, says {message.Source}");
            }
        }
    }

    // A line for each news, not for each repetition: paths that shrink again after ten minutes are none.
    private void Say(string line)
    {
        const int MaxLines = 1_000;
        if (_said.Count < MaxLines && _said.Add(line))
        {
            _log(line);
        }
    }

    private void Follow(long now, bool all = true)
    {
        foreach (TunnelRuntime tunnel in _tunnels)
        {
            try
            {
                FollowRemotes(tunnel, now, all);
                if (all)
                {
                    FollowDevice(tunnel);
                }
            }
            catch (LinuxException e)
            {
                // A link that has just gone; the change that says so comes next.
                Say($"{tunnel.Config.Name}: the MTU of its paths cannot be asked for: {e.Message}");
            }
        }
    }

    private void FollowRemotes(TunnelRuntime tunnel, long now, bool all)
    {
        PathMtus paths = tunnel.PathMtus;
        HashSet<ValueIPAddress> remotes = [.. tunnel.Tables.KnownRemotes().Where(remote => !remote.IsMulticast)];
        if (!tunnel.Options.Policy.AdmitsKnownOnly)
        {
            // Those that were learned: whoever sends from there is sent to.
            for (int i = 0; i < tunnel.Tables.Forwarding.RemoteCapacity; i++)
            {
                ValueIPAddress remote = tunnel.Tables.Forwarding.GetRemote(i).Address;
                if (!remote.IsUnspecified && !remote.IsMulticast && remote.IsIPv4 == tunnel.Config.Local.IsIPv4)
                {
                    remotes.Add(remote);
                }
            }
        }

        foreach (PathMtuRow row in paths.Snapshot())
        {
            if (!remotes.Contains(row.Remote))
            {
                paths.Remove(row.Remote);
            }
        }

        foreach (ValueIPAddress remote in remotes)
        {
            bool isNew = !paths.TryGetIndex(remote, out int index);
            if (!isNew && !all)
            {
                continue;
            }

            index = isNew ? paths.Add(remote) : index;
            if (index < 0 || _planner.FindMtu(tunnel.Config, remote, tunnel.Device[0].InterfaceIndex) is not int mtu)
            {
                continue;
            }

            if (tunnel.Config.PathMtu.Mtu is int configured && configured <= mtu)
            {
                paths.SetConfigured(index, configured, now);
            }
            else
            {
                paths.SetRoute(index, mtu, now);
            }
        }
    }

    private void FollowDevice(TunnelRuntime tunnel)
    {
        int link = _planner.LinkMtu(tunnel.Config, tunnel.Device[0].InterfaceIndex);
        IReadOnlyList<PathMtuRow> rows = tunnel.PathMtus.Snapshot();
        int smallest = rows.Count > 0 ? Math.Min(link, rows.Min(row => row.Bound)) : link;
        tunnel.PathMtus.SetDefault(link);
        int mtu = smallest - tunnel.Config.Overhead;
        if (tunnel.Config.Device.Mtu is not null || !_deviceMtus.TryGetValue(tunnel, out int before))
        {
            _deviceMtus[tunnel] = tunnel.Device[0].Mtu;
            before = _deviceMtus[tunnel];
        }

        if (tunnel.Config.Device.Mtu is null && mtu != before && mtu >= Encapsulation.TunnelMtu.Minimum)
        {
            // Remembered even if it is refused, or somebody else sets another: asked once for each change, not once for each look.
            _deviceMtus[tunnel] = mtu;
            _netlink.SetLink(tunnel.Device[0].InterfaceIndex, new LinkSettings { Mtu = mtu });
            _log($"{tunnel.Config.Name}: the MTU of {tunnel.Device[0].Name} is {mtu} now, for the links towards its remotes");
        }
    }
}
