using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>The call that hands datagrams to the kernel: the one place where tests can put another kernel.</summary>
internal unsafe class DatagramSender
{
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
