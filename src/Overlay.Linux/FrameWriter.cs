using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>The call that hands a frame to a TAP: the one place where tests can put another kernel.</summary>
internal unsafe class FrameWriter
{
    /// <summary>Writes one frame that lies in pieces.</summary>
    /// <returns>What the kernel answered.</returns>
    public virtual Errno Write(int device, IoVector* vectors, int count)
    {
        Errno errno;
        do
        {
            errno = Libc.writev(device, vectors, count) < 0 ? Libc.LastError : Errno.None;
        }
        while (errno == Errno.EINTR);
        return errno;
    }
}
