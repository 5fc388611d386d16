using System.Text;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// Makes an endpoint exclusive within a network namespace: an abstract unix socket name, which the kernel keeps per namespace and releases
/// with the last descriptor, whatever becomes of the process. Sockets of one group share one lock.
/// </summary>
internal sealed class EndpointLock : IDisposable
{
    private readonly NativeSocket _socket;
    private int _holders = 1;

    private EndpointLock(NativeSocket socket) => _socket = socket;

    /// <summary>Takes the lock.</summary>
    /// <param name="name">The endpoint in messages and in the name of the lock: <c>UDP 192.0.2.1:4789</c>.</param>
    /// <param name="advice">Who may hold it.</param>
    /// <exception cref="LinuxException">EADDRINUSE: somebody holds it.</exception>
    public static EndpointLock Take(string name, string advice)
    {
        // struct sockaddr_un with a leading NUL in the path: the abstract namespace (unix(7)).
        byte[] path = Encoding.ASCII.GetBytes($"overlay {name}");
        byte[] address = new byte[3 + path.Length];
        BitConverter.TryWriteBytes(address, (ushort)SocketConstants.AF_UNIX);
        path.CopyTo(address, 3);
        NativeSocket socket = NativeSocket.Open(SocketConstants.AF_UNIX, SocketConstants.SOCK_DGRAM, 0, name);
        Errno errno = socket.TryBind(address);
        if (errno != Errno.None)
        {
            socket.Dispose();
            throw new LinuxException(errno, "bind", name, errno == Errno.EADDRINUSE ? advice : null);
        }

        return new EndpointLock(socket);
    }

    /// <summary>One more holder, that disposes too.</summary>
    public EndpointLock Share()
    {
        Interlocked.Increment(ref _holders);
        return this;
    }

    /// <summary>Releases the lock with its last holder.</summary>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            _socket.Dispose();
        }
    }
}
