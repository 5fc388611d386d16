using Overlay.Linux;

namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>Whom <c>doctor underlay</c> asks, and about what.</summary>
/// <param name="From">The source address.</param>
/// <param name="To">The target.</param>
/// <param name="Port">The UDP port of the tunnel.</param>
/// <param name="OtherPort">A UDP port of no tunnel, to compare with.</param>
/// <param name="Vni">The VNI of the tunnel.</param>
/// <param name="LinkMtu">The MTU of the link that leads there, in bytes.</param>
internal sealed record UnderlayTarget(ValueIPAddress From, ValueIPAddress To, ushort Port, ushort OtherPort, Vni Vni, int LinkMtu)
{
    /// <summary>Looks up how a target is reached.</summary>
    /// <exception cref="LinuxException">It is not.</exception>
    public static UnderlayTarget Find(ValueIPAddress to, ValueIPAddress? from, ushort port, ushort otherPort, Vni vni)
    {
        using var netlink = RouteNetlink.Open();
        if (from is not null && !netlink.GetAddresses().Any(entry => entry.Address == from))
        {
            throw new LinuxException(Errno.EADDRNOTAVAIL, "bind", from.Value.ToString(), "'ip address' shows the addresses of this host");
        }

        RouteInfo route = netlink.GetRoute(to, from);
        LinkInfo link = netlink.GetLink(route.InterfaceIndex);
        ValueIPAddress source = from ?? route.Source ?? throw new LinuxException(Errno.EADDRNOTAVAIL, "route", to.ToString(), "give the source address by --from");
        return new UnderlayTarget(source, to, port, otherPort, vni, Math.Min(link.Mtu, ushort.MaxValue));
    }
}
