using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Overlay.Daemon.Control;

/// <summary>Who is at the other end of a Unix socket, by the kernel's word (SO_PEERCRED, unix(7)); what a client says of itself does not count.</summary>
/// <param name="ProcessId">The process that connected; 0 if it lives in another PID namespace.</param>
/// <param name="UserId">Its effective user when it connected, or 65 534 if that one is not mapped in our user namespace.</param>
internal readonly record struct ControlPeer(int ProcessId, uint UserId)
{
    private const int SolSocket = 1;
    private const int SoPeercred = 17;

    /// <summary>Whether it is root.</summary>
    public bool IsRoot => UserId == 0;

    /// <summary>Reads who connected; of a listening socket, who listens.</summary>
    /// <exception cref="SocketException">The kernel does not say.</exception>
    public static ControlPeer Of(Socket socket)
    {
        // struct ucred: pid, uid, gid.
        Span<int> credentials = stackalloc int[3];
        int length = socket.GetRawSocketOption(SolSocket, SoPeercred, MemoryMarshal.AsBytes(credentials));
        return length == credentials.Length * sizeof(int)
            ? new ControlPeer(credentials[0], (uint)credentials[1])
            : throw new SocketException((int)SocketError.ProtocolOption);
    }
}
