using Overlay.Daemon.Configuration;
using Overlay.DataPath;
using Overlay.Linux;

namespace Overlay.Daemon.DataPlane;

/// <summary>Makes the device of a tunnel and what the kernel needs to know of it: MTU, addresses, routes.</summary>
/// <param name="netlink">The kernel's route socket, of the namespace the tunnels live in.</param>
internal sealed class DevicePlanner(RouteNetlink netlink)
{
    private const int DefaultLinkMtu = 1500;

    /// <summary>Opens the device and sets it up; a device that cannot be set up whole is closed again, which removes it.</summary>
    /// <param name="config">The tunnel.</param>
    /// <param name="routes">The kernel's routes to what the tunnel leads to.</param>
    /// <param name="mac">The MAC address of a TAP.</param>
    /// <param name="mtu">The MTU.</param>
    /// <param name="queues">How many workers serve it: each gets a queue.</param>
    /// <exception cref="IOException">The kernel refused something; the message names it.</exception>
    public TunDevice[] Open(TunnelConfig config, TunnelRoutes routes, MacAddress mac, int mtu, int queues)
    {
        TunDeviceOptions options = new()
        {
            Layer = config.Device.Layer,
            Tso = config.Offload.Tso,
            Uso = config.Offload.Uso,
            Coalesce = config.Offload.Gro,
        };
        TunDevice[] device = TunDevice.OpenQueues(config.Device.Name, options, queues);
        try
        {
            // All queues are there before the link is up: no flow begins in one queue and finds itself in another.
            SetUp(device[0].InterfaceIndex, config, routes, mac, mtu);
            foreach (TunDevice queue in device)
            {
                queue.RefreshMtu();
            }

            return device;
        }
        catch
        {
            foreach (TunDevice queue in device)
            {
                queue.Dispose();
            }

            throw;
        }
    }

    /// <summary>The MTU of the device: configured, or what the smallest link towards a remote leaves over.</summary>
    public int ChooseMtu(TunnelConfig config) => config.Device.Mtu ?? (LinkMtu(config) - config.Overhead);

    /// <summary>What the route to a remote takes, in bytes of outer packet; null if there is none now.</summary>
    /// <param name="config">The tunnel.</param>
    /// <param name="remote">The remote.</param>
    /// <param name="device">The tunnel's device: a route that leads into it says nothing of the underlay.</param>
    public int? FindMtu(TunnelConfig config, ValueIPAddress remote, int device) =>
        FindRoute(remote, config.Endpoint.Link is { } name ? netlink.GetLink(name).Index : 0) is { } route && route.InterfaceIndex != device
            ? Math.Min(Mtu(route), ushort.MaxValue)
            : null;

    private void SetUp(int index, TunnelConfig config, TunnelRoutes routes, MacAddress mac, int mtu)
    {
        netlink.SetLink(index, new LinkSettings
        {
            Mtu = mtu,
            Mac = config.Device.Layer == DeviceLayer.Ethernet ? mac : null,
        });
        foreach (InterfaceAddress address in config.Device.Addresses)
        {
            netlink.AddAddress(index, address.Address, address.PrefixLength);
        }

        netlink.SetLink(index, new LinkSettings { Up = true });
        routes.Open(netlink, index);
    }

    /// <summary>The smallest MTU of the links and routes towards the remotes, in bytes of outer packet.</summary>
    /// <param name="config">The tunnel.</param>
    /// <param name="device">The tunnel's device, if it is there already: a route that leads into it says nothing of the underlay.</param>
    public int LinkMtu(TunnelConfig config, int device = 0)
    {
        int link = config.Endpoint.Link is { } name ? netlink.GetLink(name).Index : 0;
        int smallest = int.MaxValue;
        foreach (ValueIPAddress remote in config.Remotes)
        {
            RouteInfo? route = FindRoute(remote, link);
            smallest = Math.Min(smallest, route is null || (device != 0 && route.InterfaceIndex == device) ? int.MaxValue : Mtu(route));
        }

        if (smallest == int.MaxValue)
        {
            // No remote yet, or none reachable: the link that has the local address will be the way.
            smallest = netlink.GetAddresses()
                .Where(a => a.Address == config.Local)
                .Select(a => netlink.GetLink(a.InterfaceIndex).Mtu)
                .DefaultIfEmpty(DefaultLinkMtu)
                .First();
        }

        // An IP packet has 65 535 bytes at most, whatever the loopback device says.
        return Math.Min(Math.Min(smallest, config.PathMtu.Mtu ?? int.MaxValue), ushort.MaxValue);
    }

    // An MTU learned from ICMP may be forged, and would outlive the forgery here: the sockets go by the link's as well.
    private int Mtu(RouteInfo route) => route.IsMtuLearned ? netlink.GetLink(route.InterfaceIndex).Mtu : route.Mtu;

    private RouteInfo? FindRoute(ValueIPAddress remote, int link)
    {
        try
        {
            return netlink.GetRoute(remote, link: link);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENETUNREACH or Errno.EHOSTUNREACH)
        {
            // Unreachable now; a route may come later, and the tunnel starts without it.
            return null;
        }
    }
}
