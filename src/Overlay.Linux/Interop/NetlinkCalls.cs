using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>The socket calls that rtnetlink and interface ioctls need.</summary>
internal static unsafe partial class NetlinkCalls
{
    public const int SOL_NETLINK = 270;
    public const int NETLINK_CAP_ACK = 10;
    public const int NETLINK_EXT_ACK = 11;
    public const int NETLINK_GET_STRICT_CHK = 12;
    public const int MSG_TRUNC = 0x20;
    public const int MSG_DONTWAIT = 0x40;

    private const int AF_INET = 2;
    private const int AF_NETLINK = 16;
    private const int SOCK_DGRAM = 2;
    private const int SOCK_RAW = 3;
    private const int SOCK_CLOEXEC = Libc.O_CLOEXEC;
    private const int NETLINK_ROUTE = 0;
    private const int SOL_SOCKET = 1;
    private const int SO_RCVTIMEO = 20;

    /// <summary>A socket for interface ioctls (netdevice(7)): any will do.</summary>
    public static FileDescriptor OpenControlSocket() => Open(AF_INET, SOCK_DGRAM, 0, "control socket");

    /// <summary>An rtnetlink socket in the namespace of this thread, with extended acknowledgements where the kernel has them.</summary>
    public static FileDescriptor OpenRouteSocket(int timeoutSeconds)
    {
        FileDescriptor socket = Open(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, "rtnetlink");
        int one = 1;
        // Both only make errors easier to read; kernels before 4.12 do without.
        _ = setsockopt(socket.Value, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(int));
        _ = setsockopt(socket.Value, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(int));
        TimeSpec timeout = new() { Seconds = timeoutSeconds };
        if (setsockopt(socket.Value, SOL_SOCKET, SO_RCVTIMEO, &timeout, (uint)sizeof(TimeSpec)) != 0)
        {
            LinuxException exception = LinuxException.Last("SO_RCVTIMEO", "rtnetlink");
            socket.Dispose();
            throw exception;
        }

        return socket;
    }

    /// <summary>An rtnetlink socket in the namespace of this thread that hears of changes.</summary>
    /// <param name="groups">Of which: RTMGRP_*.</param>
    public static FileDescriptor OpenMonitor(uint groups)
    {
        FileDescriptor socket = Open(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, "rtnetlink");
        NetlinkAddress address = new() { Family = AF_NETLINK, Groups = groups };
        if (bind(socket.Value, &address, (uint)sizeof(NetlinkAddress)) != 0)
        {
            LinuxException exception = LinuxException.Last("bind", "rtnetlink groups");
            socket.Dispose();
            throw exception;
        }

        return socket;
    }

    /// <summary>Whether dumps go by what the request's header says, beyond its family; kernels before 4.20 do without.</summary>
    public static void SetStrict(FileDescriptor socket, bool isStrict)
    {
        int value = isStrict ? 1 : 0;
        _ = setsockopt(socket.Value, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &value, sizeof(int));
    }

    [LibraryImport("libc")]
    public static partial nint send(int handle, void* buffer, nuint length, int flags);

    [LibraryImport("libc")]
    public static partial nint recv(int handle, void* buffer, nuint length, int flags);

    [LibraryImport("libc")]
    private static partial int bind(int handle, NetlinkAddress* address, uint length);

    [LibraryImport("libc")]
    private static partial int socket(int family, int type, int protocol);

    [LibraryImport("libc")]
    private static partial int setsockopt(int handle, int level, int option, void* value, uint length);

    private static FileDescriptor Open(int family, int type, int protocol, string name)
    {
        int handle = socket(family, type | SOCK_CLOEXEC, protocol);
        if (handle < 0)
        {
            throw LinuxException.Last("socket", name);
        }

        return new FileDescriptor(handle);
    }
}
