using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>
/// struct virtio_net_hdr_v1_hash_tunnel (linux/virtio_net.h), the vnet header of a TAP with TUNSETVNETHDRSZ of 24: what also describes a UDP tunnel
/// with a superpacket inside (Linux 6.17). Byte order of the machine; offsets count from the MAC header.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Length)]
internal struct VnetTunnelHeader
{
    public const int Length = 24;

    /// <summary>A flag: the outer UDP header has a checksum, and its field holds the pseudo-header sum.</summary>
    public const byte UdpTunnelChecksum = 8;

    /// <summary>Added to the inner type: the tunnel runs over IPv4.</summary>
    public const byte GsoUdpTunnelIPv4 = 0x20;

    /// <summary>Added to the inner type: the tunnel runs over IPv6.</summary>
    public const byte GsoUdpTunnelIPv6 = 0x40;

    /// <summary>The part that all vnet headers have; of a tunnel it describes the inner packet.</summary>
    [FieldOffset(0)]
    public VnetHeader Basic;

    /// <summary>Where the outer UDP header begins.</summary>
    [FieldOffset(20)]
    public ushort OuterTransportStart;

    /// <summary>Where the inner IP header begins.</summary>
    [FieldOffset(22)]
    public ushort InnerNetworkStart;
}
