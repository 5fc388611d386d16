using System.Security.Cryptography;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// The sockets that a UDP endpoint sends from, one for each source port: sendmsg cannot choose a source port, so entropy takes sockets.
/// </summary>
/// <remarks>
/// Each carries a filter that drops whatever arrives, so that the endpoint's own port is the only entrance: an answer to a source port, or
/// something sent to it by an attacker, goes nowhere and fills no queue.
/// <para>
/// The members of a group (<see cref="UdpTunnelSocket.BindGroup"/>) have sockets of their own on the same ports, so that a flow leaves from
/// one port whichever worker sends it. Were the ports of the workers different, a flow that changes its worker would change its outer
/// addresses too, and with them the worker at the other end, which answers from another port …: of two such ends one flow in eight would
/// wander to and fro for ever. And a socket that two threads share would have its DF and its errors changed by the other.
/// </para>
/// </remarks>
internal sealed class SourcePortSockets : IDisposable
{
    private readonly NativeSocket[] _sockets;
    private readonly ushort[] _ports;
    private readonly bool[] _dontFragment;
    private readonly bool _ipv4;

    private SourcePortSockets(NativeSocket[] sockets, ushort[] ports, bool ipv4)
    {
        _sockets = sockets;
        _ports = ports;
        _dontFragment = new bool[sockets.Length];
        _ipv4 = ipv4;
    }

    /// <summary>How many there are: at least one, at most as many as were asked for.</summary>
    public int Count => _sockets.Length;

    /// <summary>The source ports.</summary>
    public ReadOnlySpan<ushort> Ports => _ports;

    /// <summary>Opens the sockets on free ports of the range.</summary>
    /// <param name="options">The endpoint.</param>
    /// <param name="name">The endpoint in messages.</param>
    /// <param name="scope">The interface's number for a link-local address.</param>
    /// <param name="group">Whether <see cref="Join"/> will follow.</param>
    /// <exception cref="LinuxException">No port of the range is free, or the kernel refused a socket.</exception>
    public static SourcePortSockets Open(UdpTunnelOptions options, string name, uint scope, bool group)
    {
        List<NativeSocket> sockets = [];
        List<ushort> ports = [];
        int range = options.SourcePortMaximum - options.SourcePortMinimum + 1;
        int wanted = Math.Min(options.SourcePortCount, range);
        // A random start, so that two hosts, or two runs, do not use the same ports, and an attacker off the path has to guess them.
        int start = RandomNumberGenerator.GetInt32(range);
        NativeSocket? socket = null;
        try
        {
            for (int i = 0; i < range && sockets.Count < wanted; i++)
            {
                ushort port = (ushort)(options.SourcePortMinimum + ((start + i) % range));
                if (port == options.Port)
                {
                    continue;
                }

                socket ??= Open(options, name);
                Errno errno = socket.TryBind(options.Local, port, scope);
                if (errno == Errno.None)
                {
                    if (group)
                    {
                        // Only after the bind, which had to find the port free.
                        SharePort(socket);
                    }

                    sockets.Add(socket);
                    ports.Add(port);
                    socket = null;
                }
                else if (errno is not (Errno.EADDRINUSE or Errno.EACCES))
                {
                    throw new LinuxException(errno, "bind", $"UDP source port {port} of {name}");
                }
            }

            if (sockets.Count == 0)
            {
                string ranges = $"{options.SourcePortMinimum}-{options.SourcePortMaximum}";
                throw new LinuxException(Errno.EADDRINUSE, "bind", name, $"no source port of {ranges} is free on {options.Local}");
            }

            return new SourcePortSockets([.. sockets], [.. ports], options.Local.IsIPv4);
        }
        catch
        {
            sockets.ForEach(opened => opened.Dispose());
            throw;
        }
        finally
        {
            // The one that found no port.
            socket?.Dispose();
        }
    }

    /// <summary>Opens sockets on the ports of another member of the group.</summary>
    /// <param name="first">The member, opened for a group.</param>
    /// <param name="options">The endpoint, as the other had it.</param>
    /// <param name="name">The endpoint in messages.</param>
    /// <param name="scope">The interface's number for a link-local address.</param>
    /// <exception cref="LinuxException">The kernel refused a socket.</exception>
    public static SourcePortSockets Join(SourcePortSockets first, UdpTunnelOptions options, string name, uint scope)
    {
        List<NativeSocket> sockets = [];
        try
        {
            foreach (ushort port in first._ports)
            {
                NativeSocket socket = Open(options, name);
                sockets.Add(socket);
                SharePort(socket);
                Errno errno = socket.TryBind(options.Local, port, scope);
                if (errno != Errno.None)
                {
                    throw new LinuxException(errno, "bind", $"UDP source port {port} of {name}");
                }
            }

            return new SourcePortSockets([.. sockets], first._ports, options.Local.IsIPv4);
        }
        catch
        {
            sockets.ForEach(opened => opened.Dispose());
            throw;
        }
    }

    /// <summary>The socket of a flow: all packets of a flow leave from one port.</summary>
    public int Select(uint flowHash) => (int)(((ulong)flowHash * (uint)_sockets.Length) >> 32);

    /// <summary>The source port of a socket.</summary>
    public ushort Port(int index) => _ports[index];

    /// <summary>The descriptor of a socket.</summary>
    public int Handle(int index) => _sockets[index].Handle;

    /// <summary>Whether the kernel knows an option of UDP for which 0 is what is.</summary>
    public Errno Ask(DatagramSender kernel, int option) => kernel.TrySet(_sockets[0], option, 0);

    /// <summary>
    /// Makes a socket send with or without DF. It is an option of the socket, not of the message; the socket remembers it, because nearly all
    /// packets of a tunnel want the same.
    /// </summary>
    public void SetDontFragment(int index, bool dontFragment)
    {
        if (_ipv4 && _dontFragment[index] != dontFragment)
        {
            int mode = dontFragment ? SocketConstants.IP_PMTUDISC_PROBE : SocketConstants.IP_PMTUDISC_INTERFACE;
            _sockets[index].Set(SocketConstants.IPPROTO_IP, SocketConstants.IP_MTU_DISCOVER, mode, "IP_MTU_DISCOVER");
            _dontFragment[index] = dontFragment;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (NativeSocket socket in _sockets)
        {
            socket.Dispose();
        }
    }

    private static void SharePort(NativeSocket socket) => socket.Set(SocketConstants.SOL_SOCKET, SocketConstants.SO_REUSEPORT, 1, "SO_REUSEPORT");

    // The TTL comes with each packet. Over IPv4 the kernel takes the interface that has the source address; over IPv6 it must be told.
    private static void SetMulticast(NativeSocket socket, UdpTunnelOptions options, string name)
    {
        if (options.Local.IsIPv4)
        {
            socket.Set(SocketConstants.IPPROTO_IP, SocketConstants.IP_MULTICAST_LOOP, 0, "IP_MULTICAST_LOOP");
            return;
        }

        int link = (int)TunnelSocketOptions.InterfaceIndex(options.MulticastLink(name));
        socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_MULTICAST_LOOP, 0, "IPV6_MULTICAST_LOOP");
        socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_MULTICAST_IF, link, "IPV6_MULTICAST_IF");
    }

    private static NativeSocket Open(UdpTunnelOptions options, string name)
    {
        bool ipv4 = options.Local.IsIPv4;
        NativeSocket socket = NativeSocket.Open(ipv4 ? SocketConstants.AF_INET : SocketConstants.AF_INET6, SocketConstants.SOCK_DGRAM, 0, name);
        try
        {
            socket.DropAll();
            TunnelSocketOptions.SetUnderlay(socket, ipv4, options.Link);
            socket.SetBuffer(SocketConstants.SO_SNDBUFFORCE, SocketConstants.SO_SNDBUF, options.SendBufferBytes);
            if (ipv4)
            {
                socket.Set(SocketConstants.IPPROTO_IP, SocketConstants.IP_RECVERR, 1, "IP_RECVERR");
            }
            else
            {
                socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_V6ONLY, 1, "IPV6_V6ONLY");
                socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_RECVERR, 1, "IPV6_RECVERR");
                // The flow label comes with each packet; without these the kernel would take one of its own for each socket.
                socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_FLOWINFO_SEND, 1, "IPV6_FLOWINFO_SEND");
                socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_AUTOFLOWLABEL, 0, "IPV6_AUTOFLOWLABEL");
            }

            if (options.Groups.Count > 0)
            {
                SetMulticast(socket, options, name);
            }

            if (!options.OuterChecksum)
            {
                int level = ipv4 ? SocketConstants.SOL_SOCKET : SocketConstants.IPPROTO_UDP;
                int option = ipv4 ? SocketConstants.SO_NO_CHECK : SocketConstants.UDP_NO_CHECK6_TX;
                socket.Set(level, option, 1, ipv4 ? "SO_NO_CHECK" : "UDP_NO_CHECK6_TX");
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
