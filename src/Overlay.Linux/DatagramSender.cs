using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>The calls of a UDP endpoint whose answers depend on the kernel: the one place where tests can put another kernel.</summary>
internal unsafe class DatagramSender
{
    /// <summary>The kernel's release, by which known faults are avoided.</summary>
    public virtual KernelRelease Release { get; } = KernelRelease.Running();

    /// <summary>Sets an option of UDP that older kernels do not know.</summary>
    public virtual Errno TrySet(NativeSocket socket, int option, int value) => socket.TrySet(SocketConstants.IPPROTO_UDP, option, value);

    /// <summary>Sends up to <paramref name="count"/> messages, in order, until one is refused.</summary>
    /// <returns>How many were taken; 0 with the reason if the first was refused.</returns>
    public virtual int Send(int socket, MultiMessageHeader* messages, int count, out Errno errno)
    {
        // Both calls send one message alike; sendmsg does a little less around it.
        int sent = count == 1
            ? SocketCalls.sendmsg(socket, &messages->Header, SocketConstants.MSG_DONTWAIT) >= 0 ? 1 : -1
            : SocketCalls.sendmmsg(socket, messages, (uint)count, SocketConstants.MSG_DONTWAIT);
        errno = sent < 0 ? Libc.LastError : Errno.None;
        return Math.Max(0, sent);
    }
}
