using Overlay.DataPath;
using Overlay.Tables;
using Overlay.Testing;
using Overlay.Tests.DataPath;

namespace Overlay.Tests.Conformance;

/// <summary>An IP-in-IP tunnel with routes to one remote for both inner families.</summary>
internal static class IPInIPRig
{
    public static readonly ValueIPAddress Local6 = ValueIPAddress.Parse("2001:db8::1");
    public static readonly ValueIPAddress Remote6 = ValueIPAddress.Parse("2001:db8::2");

    /// <summary>Makes the tunnel.</summary>
    /// <param name="policy">Its policy.</param>
    /// <param name="outer6">Whether it lies over IPv6.</param>
    public static TunnelRig Create(TunnelPolicy? policy = null, bool outer6 = false)
    {
        TunnelRig rig = new(TunnelKind.IPInIP, DeviceLayer.IP, policy, local: outer6 ? Local6 : TunnelRig.Local);
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("10.244.0.0"), 16, new RouteEntry(Remote(outer6))));
        rig.Tables.Apply(OverlayUpdate.SetRoute(ValueIPAddress.Parse("fd00:244::"), 64, new RouteEntry(Remote(outer6))));
        return rig;
    }

    /// <summary>The remote.</summary>
    public static ValueIPAddress Remote(bool outer6) => outer6 ? Remote6 : TunnelRig.Remote;

    /// <summary>The protocol number of an inner packet: 4 or 41.</summary>
    public static IPProtocol Protocol(bool inner6) => inner6 ? IPProtocol.IPv6 : IPProtocol.IPv4;

    /// <summary>An inner packet from here.</summary>
    public static byte[] Outgoing(bool inner6, byte trafficClass = 0, byte ttl = 64, bool dontFragment = false) => inner6
        ? PacketBuilder.Udp(TunnelRig.InnerA6, TunnelRig.InnerB6, 1000, 2000, "hello"u8, trafficClass, ttl)
        : PacketBuilder.Udp(TunnelRig.InnerA, TunnelRig.InnerB, 1000, 2000, "hello"u8, trafficClass, ttl, dontFragment);

    /// <summary>An inner packet from the other end.</summary>
    public static byte[] Incoming(bool inner6, byte trafficClass = 0, byte ttl = 64) => inner6
        ? PacketBuilder.Udp(TunnelRig.InnerB6, TunnelRig.InnerA6, 1000, 2000, "hello"u8, trafficClass, ttl)
        : PacketBuilder.Udp(TunnelRig.InnerB, TunnelRig.InnerA, 1000, 2000, "hello"u8, trafficClass, ttl);
}
