using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>
/// struct virtio_net_hdr (linux/virtio_net.h), what stands in front of each packet with IFF_VNET_HDR. Offsets count from the first byte
/// of the packet: the IP header on a TUN, the MAC header on a TAP. Byte order of the machine.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct VnetHeader
{
    public const int Length = 10;

    /// <summary>The transport checksum holds the pseudo-header sum only.</summary>
    public const byte NeedsChecksum = 1;

    /// <summary>The transport checksum was verified.</summary>
    public const byte DataValid = 2;

    public const byte GsoNone = 0;
    public const byte GsoTcpIPv4 = 1;
    public const byte GsoTcpIPv6 = 4;
    public const byte GsoUdp = 5;

    /// <summary>Added to a TCP type: the first segment carries CWR.</summary>
    public const byte GsoEcn = 0x80;

    public byte Flags;
    public byte GsoType;
    public ushort HeaderLength;
    public ushort GsoSize;
    public ushort ChecksumStart;
    public ushort ChecksumOffset;
}
