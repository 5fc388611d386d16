using System.Globalization;
using Overlay.Testing;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// The peer of a lab as flannel sets a host up: a vxlan device that learns nothing, a permanent neighbour for the other VTEP, its MAC in the FDB,
/// and routes to the other hosts' networks that are on-link by that neighbour. Its own networks are 10.245.2.0/24 and fd45:2::/64, ours 1 instead of 2.
/// </summary>
internal static class FlannelPeer
{
    private const string Device = "flannel.1";

    public static void Add(PeerLab lab, int vni, int port)
    {
        Netns peer = lab.Them;
        peer.Ip(
            "link", "add", Device, "address", PeerLab.PeerMac, "type", "vxlan", "id", Number(vni), "local", lab.Remote, "dstport", Number(port),
            "dev", "u1", "nolearning");
        peer.Configure(Device, "10.245.2.0/32");
        peer.Configure(Device, "fd45:2::/128");
        peer.Exec("bridge", "fdb", "append", PeerLab.OurMac, "dev", Device, "dst", lab.Local);
        peer.Ip("neigh", "replace", "10.245.1.0", "lladdr", PeerLab.OurMac, "dev", Device, "nud", "permanent");
        peer.Ip("route", "add", "10.245.1.0/24", "via", "10.245.1.0", "dev", Device, "onlink");
        peer.Ip("neigh", "replace", "fd45:1::", "lladdr", PeerLab.OurMac, "dev", Device, "nud", "permanent");
        peer.Ip("route", "add", "fd45:1::/64", "via", "fd45:1::", "dev", Device, "onlink");
        // Two hosts of those networks.
        peer.Ip("address", "add", "10.245.2.1/32", "dev", "lo");
        peer.Ip("address", "add", "fd45:2::1/128", "dev", "lo");
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
