using System.Net.Sockets;

namespace Overlay.Daemon.DataPlane;

/// <summary>
/// Held by a daemon that makes direct routes: who gets it knows that the ones there are nobody's. A name in the abstract namespace of unix sockets, which the kernel
/// keeps for each network namespace, and releases with the process whatever becomes of that.
/// </summary>
internal sealed class DirectRouteLock : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    /// <summary>Takes it.</summary>
    /// <returns>false if another daemon has it.</returns>
    public bool TryTake()
    {
        try
        {
            _socket.Bind(new UnixDomainSocketEndPoint("\0overlay direct routes"));
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
