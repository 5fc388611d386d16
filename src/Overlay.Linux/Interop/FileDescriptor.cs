using Microsoft.Win32.SafeHandles;

namespace Overlay.Linux.Interop;

/// <summary>Owns a file descriptor and closes it once.</summary>
internal sealed class FileDescriptor : SafeHandleMinusOneIsInvalid
{
    public FileDescriptor(int value)
        : base(ownsHandle: true) => SetHandle(value);

    /// <summary>The number for system calls; the caller keeps this object alive and undisposed meanwhile.</summary>
    public int Value => (int)handle;

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}
