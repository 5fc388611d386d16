namespace Overlay.Linux;

/// <summary>
/// The error numbers of Linux that this library names (asm-generic/errno.h; the same on every architecture .NET runs on).
/// A number without a name is still a valid value.
/// </summary>
public enum Errno
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>Operation not permitted: a capability is missing.</summary>
    EPERM = 1,

    /// <summary>No such file, namespace or interface name.</summary>
    ENOENT = 2,

    /// <summary>No such process; from rtnetlink: no such route.</summary>
    ESRCH = 3,

    /// <summary>A signal came in between.</summary>
    EINTR = 4,

    /// <summary>Input/output error; from a TUN device: the link is down.</summary>
    EIO = 5,

    /// <summary>No such device or address.</summary>
    ENXIO = 6,

    /// <summary>Argument list too long; from a TUN device: no more queues.</summary>
    E2BIG = 7,

    /// <summary>Bad file descriptor.</summary>
    EBADF = 9,

    /// <summary>Nothing there now, or no room now (EWOULDBLOCK).</summary>
    EAGAIN = 11,

    /// <summary>Out of memory.</summary>
    ENOMEM = 12,

    /// <summary>Permission denied.</summary>
    EACCES = 13,

    /// <summary>Bad address: a bug in the caller.</summary>
    EFAULT = 14,

    /// <summary>Device or resource busy.</summary>
    EBUSY = 16,

    /// <summary>It exists already.</summary>
    EEXIST = 17,

    /// <summary>No such device.</summary>
    ENODEV = 19,

    /// <summary>Not a directory.</summary>
    ENOTDIR = 20,

    /// <summary>Invalid argument.</summary>
    EINVAL = 22,

    /// <summary>Too many open files in the system.</summary>
    ENFILE = 23,

    /// <summary>Too many open files in this process.</summary>
    EMFILE = 24,

    /// <summary>Inappropriate ioctl for the device.</summary>
    ENOTTY = 25,

    /// <summary>No space left.</summary>
    ENOSPC = 28,

    /// <summary>Broken pipe.</summary>
    EPIPE = 32,

    /// <summary>A number is out of range.</summary>
    ERANGE = 34,

    /// <summary>A name is too long.</summary>
    ENAMETOOLONG = 36,

    /// <summary>The kernel does not have this system call.</summary>
    ENOSYS = 38,

    /// <summary>File descriptor in bad state; from a TUN device: the interface was deleted.</summary>
    EBADFD = 77,

    /// <summary>The descriptor is not a socket.</summary>
    ENOTSOCK = 88,

    /// <summary>Message too long: it exceeds the link's or the path's MTU.</summary>
    EMSGSIZE = 90,

    /// <summary>Protocol option not available.</summary>
    ENOPROTOOPT = 92,

    /// <summary>Protocol not supported.</summary>
    EPROTONOSUPPORT = 93,

    /// <summary>Operation not supported.</summary>
    EOPNOTSUPP = 95,

    /// <summary>Address family not supported.</summary>
    EAFNOSUPPORT = 97,

    /// <summary>Address already in use.</summary>
    EADDRINUSE = 98,

    /// <summary>Cannot assign the requested address: it is not local.</summary>
    EADDRNOTAVAIL = 99,

    /// <summary>The network is down.</summary>
    ENETDOWN = 100,

    /// <summary>No route leads to the network.</summary>
    ENETUNREACH = 101,

    /// <summary>Connection reset.</summary>
    ECONNRESET = 104,

    /// <summary>No buffer space available.</summary>
    ENOBUFS = 105,

    /// <summary>The socket is not connected.</summary>
    ENOTCONN = 107,

    /// <summary>Timed out.</summary>
    ETIMEDOUT = 110,

    /// <summary>Connection refused: the other end answered with port unreachable.</summary>
    ECONNREFUSED = 111,

    /// <summary>The other end is down.</summary>
    EHOSTDOWN = 112,

    /// <summary>No route to the host.</summary>
    EHOSTUNREACH = 113,
}
