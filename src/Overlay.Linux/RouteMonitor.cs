using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// Hears that interfaces, addresses or routes of a network namespace have changed (rtnetlink(7), its multicast groups). It says that something has, not what: whoever
/// wants to know asks <see cref="RouteNetlink"/>, and what was lost because changes came faster than they were read loses nothing. The namespace is that of the
/// thread that opens it. One thread waits at a time.
/// </summary>
public sealed class RouteMonitor : IDisposable
{
    private const uint Groups = Rtnetlink.RTMGRP_LINK | Rtnetlink.RTMGRP_IPV4_IFADDR | Rtnetlink.RTMGRP_IPV6_IFADDR |
        Rtnetlink.RTMGRP_IPV4_ROUTE | Rtnetlink.RTMGRP_IPV6_ROUTE;

    private readonly FileDescriptor _socket;
    private readonly byte[] _buffer = new byte[8];

    private RouteMonitor(FileDescriptor socket) => _socket = socket;

    /// <summary>For who waits for this and for something else.</summary>
    internal int Handle => _socket.Value;

    /// <summary>Begins to listen: what changes from now on is heard.</summary>
    /// <exception cref="LinuxException">The kernel gives no socket.</exception>
    public static RouteMonitor Open() => new(NetlinkCalls.OpenMonitor(Groups));

    /// <summary>Waits until something has changed since the last call.</summary>
    /// <param name="timeout">For how long at most; zero only looks.</param>
    /// <returns>Whether something has.</returns>
    /// <exception cref="LinuxException">The kernel answered what it is not known to answer here.</exception>
    public unsafe bool Wait(TimeSpan timeout)
    {
        ObjectDisposedException.ThrowIf(_socket.IsClosed, this);
        PollDescriptor descriptor = new() { Handle = _socket.Value, Events = Libc.POLLIN };
        TimeSpec bound = new() { Seconds = (long)timeout.TotalSeconds, Nanoseconds = timeout.Ticks % TimeSpan.TicksPerSecond * 100 };
        int ready = Libc.ppoll(&descriptor, 1, &bound, null);
        Errno error = ready < 0 ? Libc.LastError : Errno.None;
        return error is Errno.None or Errno.EINTR ? ready > 0 && Drain() : throw new LinuxException(error, "ppoll", "rtnetlink groups");
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    // The news are thrown away: each is longer than the buffer, and the kernel drops the rest.
    private unsafe bool Drain()
    {
        bool any = false;
        fixed (byte* start = _buffer)
        {
            while (true)
            {
                if (NetlinkCalls.recv(_socket.Value, start, (nuint)_buffer.Length, NetlinkCalls.MSG_DONTWAIT) >= 0)
                {
                    any = true;
                    continue;
                }

                switch (Libc.LastError)
                {
                    case Errno.ENOBUFS:
                        // The kernel could not keep all of them.
                        any = true;
                        break;
                    case Errno.EINTR:
                        break;
                    case Errno.EAGAIN:
                        return any;
                    case Errno error:
                        throw new LinuxException(error, "recv", "rtnetlink groups");
                }
            }
        }
    }
}
