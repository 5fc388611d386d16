using System.Net.Sockets;

namespace Overlay.Daemon.Control;

/// <summary>The listening Unix socket: never taken from a live daemon, replaced after a dead one.</summary>
internal static class ControlSocket
{
    private const UnixFileMode SocketMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode DirectoryMode = SocketMode | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute |
                                               UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    // open(2) of a socket: ENXIO. It is how a socket is told from a file without a call of our own.
    private const int NoSuchDevice = 6;

    /// <summary>Makes the directory if it is missing, binds, restricts and listens.</summary>
    /// <exception cref="IOException">It cannot be made, or another daemon answers there.</exception>
    public static Socket Listen(string path, int backlog)
    {
        Socket? socket = null;
        try
        {
            if (Path.GetDirectoryName(path) is { Length: > 0 } directory && !Directory.Exists(directory))
            {
                Directory.CreateDirectory(directory, DirectoryMode);
            }

            socket = Bind(path);
            // Between bind and listen nobody can connect, so nobody ever can without the right to.
            File.SetUnixFileMode(path, SocketMode);
            socket.Listen(backlog);
            return socket;
        }
        catch (Exception e) when (e is SocketException or UnauthorizedAccessException or ArgumentException)
        {
            socket?.Dispose();
            throw new IOException($"control socket {path}: {e.Message}", e);
        }
    }

    private static Socket Bind(string path)
    {
        var endPoint = new UnixDomainSocketEndPoint(path);
        for (bool replaced = false; ; replaced = true)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                socket.Bind(endPoint);
                return socket;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse && !replaced)
            {
                socket.Dispose();
                RemoveStale(path, endPoint);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private static void RemoveStale(string path, UnixDomainSocketEndPoint endPoint)
    {
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            probe.Connect(endPoint);
            throw new IOException($"another overlayd answers on {path}; stop it or give this one another control.socket");
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.TryAgain or SocketError.InProgress)
        {
            // Its queue is full: busy, but alive.
            throw new IOException($"another overlayd holds {path}; stop it or give this one another control.socket", e);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            if (!IsSocket(path))
            {
                throw new IOException($"control socket {path}: something that is not a socket lies there; remove it or choose another path", e);
            }

            File.Delete(path);
        }
    }

    private static bool IsSocket(string path)
    {
        try
        {
            // Reading and writing: that does not wait for the other end of a pipe.
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            return false;
        }
        catch (IOException e)
        {
            return e.HResult == NoSuchDevice;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }
}
