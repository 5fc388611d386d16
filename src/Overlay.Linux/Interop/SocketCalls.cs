using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>The socket calls of the C library, under their own names, blittable like those of <see cref="Libc"/>.</summary>
internal static unsafe partial class SocketCalls
{
    private const string Library = "libc";

    [LibraryImport(Library)]
    public static partial int socket(int family, int type, int protocol);

    [LibraryImport(Library)]
    public static partial int bind(int handle, void* address, uint length);

    [LibraryImport(Library)]
    public static partial int getsockname(int handle, void* address, uint* length);

    [LibraryImport(Library)]
    public static partial int setsockopt(int handle, int level, int option, void* value, uint length);

    [LibraryImport(Library)]
    public static partial int getsockopt(int handle, int level, int option, void* value, uint* length);

    [LibraryImport(Library)]
    public static partial nint recvmsg(int handle, MessageHeader* message, int flags);

    [LibraryImport(Library)]
    public static partial int recvmmsg(int handle, MultiMessageHeader* messages, uint count, int flags, TimeSpec* timeout);

    [LibraryImport(Library)]
    public static partial nint sendmsg(int handle, MessageHeader* message, int flags);

    [LibraryImport(Library)]
    public static partial int sendmmsg(int handle, MultiMessageHeader* messages, uint count, int flags);

    [LibraryImport(Library)]
    public static partial int epoll_create1(int flags);

    [LibraryImport(Library)]
    public static partial int epoll_ctl(int handle, int operation, int member, EpollEvent* description);

    [LibraryImport(Library)]
    public static partial int socketpair(int family, int type, int protocol, int* handles);
}
