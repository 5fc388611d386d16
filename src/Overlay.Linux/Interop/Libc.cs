using System.Runtime.InteropServices;

namespace Overlay.Linux.Interop;

/// <summary>
/// The calls of the C library that this assembly makes, under their own names. All arguments are blittable, so each is a bare call;
/// the error number is to be read by <see cref="LastError"/> before anything else is called.
/// </summary>
internal static unsafe partial class Libc
{
    public const int O_RDONLY = 0;
    public const int O_RDWR = 2;
    public const int O_NONBLOCK = 0x800;
    public const int O_CLOEXEC = 0x8_0000;

    public const int F_GETFL = 3;
    public const int F_SETFL = 4;

    public const short POLLIN = 0x1;
    public const short POLLOUT = 0x4;
    public const short POLLERR = 0x8;
    public const short POLLHUP = 0x10;
    public const short POLLNVAL = 0x20;

    public const int EFD_CLOEXEC = O_CLOEXEC;
    public const int EFD_NONBLOCK = O_NONBLOCK;

    public const int CLONE_NEWNET = 0x4000_0000;

    private const string Library = "libc";

    /// <summary>errno of this thread, as the last of these calls left it (the runtime keeps it across a collection on the way back).</summary>
    public static Errno LastError => (Errno)Marshal.GetLastSystemError();

    [LibraryImport(Library)]
    public static partial int open(byte* path, int flags, uint mode);

    [LibraryImport(Library)]
    public static partial int close(int handle);

    [LibraryImport(Library)]
    public static partial nint read(int handle, void* buffer, nuint length);

    [LibraryImport(Library)]
    public static partial nint write(int handle, void* buffer, nuint length);

    [LibraryImport(Library)]
    public static partial nint readv(int handle, IoVector* vectors, int count);

    [LibraryImport(Library)]
    public static partial nint writev(int handle, IoVector* vectors, int count);

    [LibraryImport(Library)]
    public static partial int ioctl(int handle, nuint request, void* argument);

    [LibraryImport(Library)]
    public static partial int fcntl(int handle, int command, nint argument);

    [LibraryImport(Library)]
    public static partial int poll(PollDescriptor* descriptors, nuint count, int timeoutMilliseconds);

    [LibraryImport(Library)]
    public static partial int ppoll(PollDescriptor* descriptors, nuint count, TimeSpec* timeout, void* signalMask);

    [LibraryImport(Library)]
    public static partial int eventfd(uint initialValue, int flags);

    [LibraryImport(Library)]
    public static partial int setns(int handle, int namespaceType);

    [LibraryImport(Library)]
    public static partial int unshare(int flags);

    [LibraryImport(Library)]
    public static partial int gettid();

    [LibraryImport(Library)]
    public static partial uint if_nametoindex(byte* name);

    [LibraryImport(Library)]
    public static partial int uname(UtsName* name);
}
