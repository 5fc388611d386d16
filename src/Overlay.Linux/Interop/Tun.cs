namespace Overlay.Linux.Interop;

/// <summary>Numbers of linux/if_tun.h and linux/sockios.h.</summary>
internal static class Tun
{
    public const nuint TUNSETIFF = 0x4004_54CA;
    public const nuint TUNSETOFFLOAD = 0x4004_54D0;
    public const nuint TUNSETVNETHDRSZ = 0x4004_54D8;

    /// <summary>Whether the interface has a carrier: a pointer to 0 or 1 (Linux 5.0).</summary>
    public const nuint TUNSETCARRIER = 0x4004_54E2;

    public const nuint SIOCGIFMTU = 0x8921;

    public const ushort IFF_TUN = 0x0001;
    public const ushort IFF_TAP = 0x0002;
    public const ushort IFF_MULTI_QUEUE = 0x0100;
    public const ushort IFF_NO_PI = 0x1000;
    public const ushort IFF_VNET_HDR = 0x4000;

    public const uint TUN_F_CSUM = 0x01;
    public const uint TUN_F_TSO4 = 0x02;
    public const uint TUN_F_TSO6 = 0x04;
    public const uint TUN_F_TSO_ECN = 0x08;
    public const uint TUN_F_USO4 = 0x20;
    public const uint TUN_F_USO6 = 0x40;
    public const uint TUN_F_UDP_TUNNEL_GSO = 0x80;
    public const uint TUN_F_UDP_TUNNEL_GSO_CSUM = 0x100;
}
