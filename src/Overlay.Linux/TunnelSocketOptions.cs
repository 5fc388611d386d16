using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>What all sockets of the underlay have in common.</summary>
internal static class TunnelSocketOptions
{
    /// <summary>Sets what holds for sending and receiving: the link, binding before the address is there, and never the kernel's path MTU.</summary>
    /// <remarks>
    /// A socket with the default IP_MTU_DISCOVER fragments the outer packet, and one forged ICMP message stops its trains for ten minutes. INTERFACE
    /// takes the link's MTU alone: what exceeds it is refused with EMSGSIZE, and DF stays clear.
    /// </remarks>
    public static void SetUnderlay(NativeSocket socket, bool ipv4, string? link)
    {
        if (ipv4)
        {
            socket.Set(SocketConstants.IPPROTO_IP, SocketConstants.IP_FREEBIND, 1, "IP_FREEBIND");
            socket.Set(SocketConstants.IPPROTO_IP, SocketConstants.IP_MTU_DISCOVER, SocketConstants.IP_PMTUDISC_INTERFACE, "IP_MTU_DISCOVER");
        }
        else
        {
            socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_FREEBIND, 1, "IPV6_FREEBIND");
            socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_MTU_DISCOVER, SocketConstants.IP_PMTUDISC_INTERFACE, "IPV6_MTU_DISCOVER");
        }

        if (link is not null)
        {
            socket.BindToDevice(link);
        }
    }

    /// <summary>Sets the receive buffer, and that the socket tells what it dropped because that was full.</summary>
    public static void SetReceiveBuffer(NativeSocket socket, int bytes)
    {
        socket.SetBuffer(SocketConstants.SO_RCVBUFFORCE, SocketConstants.SO_RCVBUF, bytes);
        socket.Set(SocketConstants.SOL_SOCKET, SocketConstants.SO_RXQ_OVFL, 1, "SO_RXQ_OVFL");
    }

    /// <summary>Lets a receiving socket tell what stood in the outer header.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="ipv4">Its family.</param>
    /// <param name="ttl">Whether TTL or hop limit are wanted.</param>
    /// <param name="local">Whether the address is wanted that the packet went to.</param>
    public static void SetOuterHeader(NativeSocket socket, bool ipv4, bool ttl, bool local)
    {
        if (ipv4)
        {
            socket.Set(SocketConstants.IPPROTO_IP, SocketConstants.IP_PKTINFO, local ? 1 : 0, "IP_PKTINFO");
            socket.Set(SocketConstants.IPPROTO_IP, SocketConstants.IP_RECVTOS, 1, "IP_RECVTOS");
            socket.Set(SocketConstants.IPPROTO_IP, SocketConstants.IP_RECVTTL, ttl ? 1 : 0, "IP_RECVTTL");
        }
        else
        {
            socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_RECVPKTINFO, local ? 1 : 0, "IPV6_RECVPKTINFO");
            socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_RECVTCLASS, 1, "IPV6_RECVTCLASS");
            socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_RECVHOPLIMIT, ttl ? 1 : 0, "IPV6_RECVHOPLIMIT");
        }
    }

    /// <summary>The number of an interface.</summary>
    /// <returns>0 if <paramref name="link"/> is null.</returns>
    public static unsafe uint InterfaceIndex(string? link)
    {
        if (link is null)
        {
            return 0;
        }

        Span<byte> name = stackalloc byte[64];
        name.Clear();
        if (!System.Text.Encoding.ASCII.TryGetBytes(link, name[..^1], out _))
        {
            throw new LinuxException(Errno.ENAMETOOLONG, "if_nametoindex", link);
        }

        fixed (byte* pointer = name)
        {
            uint index = Libc.if_nametoindex(pointer);
            return index != 0 ? index : throw LinuxException.Last("if_nametoindex", link, "there is no such interface");
        }
    }
}
