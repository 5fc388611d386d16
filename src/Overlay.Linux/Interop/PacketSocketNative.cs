using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>Numbers and structures of packet sockets (packet(7), linux/if_packet.h, linux/if_arp.h), under their own names.</summary>
internal static unsafe class PacketSocketNative
{
    public const int AF_PACKET = 17;
    public const ushort ETH_P_ALL = 3;

    // On 64-bit Linux the old and the new form have the same layout; the number is that of the control message, too.
    public const int SO_TIMESTAMPNS = 35;

    public const int SOL_PACKET = 263;
    public const int PACKET_ADD_MEMBERSHIP = 1;
    public const int PACKET_STATISTICS = 6;
    public const int PACKET_AUXDATA = 8;
    public const ushort PACKET_MR_PROMISC = 1;
    public const byte PACKET_OUTGOING = 4;

    public const uint TP_STATUS_VLAN_VALID = 0x10;
    public const uint TP_STATUS_VLAN_TPID_VALID = 0x40;

    public const ushort ARPHRD_ETHER = 1;
    public const ushort ARPHRD_PPP = 512;
    public const ushort ARPHRD_TUNNEL = 768;
    public const ushort ARPHRD_TUNNEL6 = 769;
    public const ushort ARPHRD_LOOPBACK = 772;
    public const ushort ARPHRD_SIT = 776;
    public const ushort ARPHRD_NONE = 0xFFFE;

    /// <summary>struct sockaddr_ll: 20 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct LinkLayerAddress
    {
        public ushort Family;
        /// <summary>In network byte order.</summary>
        public ushort Protocol;
        public int InterfaceIndex;
        public ushort HardwareType;
        public byte PacketType;
        public byte AddressLength;
        public fixed byte Address[8];
    }

    /// <summary>struct tpacket_auxdata, 20 bytes: what the kernel took out of the bytes, for instance the outermost VLAN tag.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct AuxiliaryData
    {
        public uint Status;
        public uint Length;
        public uint SnapLength;
        public ushort MacStart;
        public ushort NetworkStart;
        public ushort VlanTag;
        public ushort VlanProtocol;
    }

    /// <summary>struct tpacket_stats, 8 bytes: since the last time it was read.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Statistics
    {
        /// <summary>Packets that were for the socket, dropped ones included.</summary>
        public uint Packets;
        public uint Drops;
    }

    /// <summary>struct packet_mreq: 16 bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Membership
    {
        public int InterfaceIndex;
        public ushort Type;
        public ushort AddressLength;
        public fixed byte Address[8];
    }
}
