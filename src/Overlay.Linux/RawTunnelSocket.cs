using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Linux.Interop;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>
/// An endpoint on raw sockets: IP in IP, where the version of the inner packet decides the protocol number, 4 or 41, so that an IPv4 address gives 4in4
/// and 6in4 and an IPv6 one 4in6 and 6in6; or GRE, protocol 47, with IP packets or Ethernet frames. Needs CAP_NET_RAW.
/// </summary>
/// <remarks>
/// <para>
/// Sending: <see cref="PacketMeta.Remote"/>, <see cref="PacketMeta.TrafficClass"/>, <see cref="PacketMeta.Ttl"/>, <see cref="PacketMeta.DontFragment"/> and
/// <see cref="PacketMeta.FlowLabel"/> go into the outer header, which this port writes, with the GRE header that <see cref="PacketMeta.GreFields"/> and
/// <see cref="PacketMeta.GreKey"/> ask for, or the encapsulation limit in <see cref="PacketMeta.EncapsulationLimit"/>. A packet that exceeds the link is
/// dropped as <see cref="DropReason.TooBig"/>, never fragmented. Sequence numbers count from 0 for each (remote, fields, key).
/// </para>
/// <para>
/// Received packets begin with the inner IP header, or with the GRE header. Only packets to the local address come in. The kernel may have merged TCP packets to one of
/// up to 64 KB: see <see cref="ReceiveClassifier"/>.
/// </para>
/// </remarks>
public sealed unsafe class RawTunnelSocket : IPacketPort
{
    // A call ends when about so many packets are there, so that they are worked on while they are in the cache.
    private const int Burst = 200;

    private readonly NativeSocket[] _sockets;
    private readonly FileDescriptor _poll;
    private readonly EndpointLock _lock;
    private readonly LinkMtu _mtu;
    private readonly RawPacketSender _sender;
    private readonly int _overhead;
    private readonly RawPacketReceiver[] _receivers;
    private int _first;

    private RawTunnelSocket(RawTunnelOptions options, EndpointLock exclusive, NativeSocket[] sockets, FileDescriptor poll, DatagramSender sender)
    {
        _lock = exclusive;
        _sockets = sockets;
        _poll = poll;
        IPProtocol[] protocols = Protocols(options.Kind);
        _receivers = [.. sockets.Select((socket, i) => new RawPacketReceiver(socket, protocols[i], options.Local))];
        _overhead = TunnelMtu.Overhead(options.Kind, options.Local.AddressFamily);
        _mtu = new LinkMtu(sockets[0], options.Link, options.Local);
        _sender = new RawPacketSender(sockets[0], sender, _mtu, options.Local, TunnelSocketOptions.InterfaceIndex(options.Link), TunnelFacts.Of(options.Kind));
        Kind = options.Kind;
        Local = options.Local;
        Link = options.Link;
        InnerMtu = options.InnerMtu;
        Name = FormatName(options);
        ReceiveBufferBytes = sockets[0].Get(SocketConstants.SOL_SOCKET, SocketConstants.SO_RCVBUF, "SO_RCVBUF");
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>The encapsulation.</summary>
    public TunnelKind Kind { get; }

    /// <summary>The local address.</summary>
    public ValueIPAddress Local { get; }

    /// <summary>The interface that packets go and come by; null for any.</summary>
    internal string? Link { get; }

    /// <inheritdoc/>
    public int BatchSize => 1;

    /// <inheritdoc/>
    public PortCapabilities Capabilities =>
        PortCapabilities.PartialChecksums | PortCapabilities.TcpSuperpackets | PortCapabilities.UdpSuperpackets;

    /// <summary>The MTU of the link under the local address, in bytes of outer IP packet; 1500 while no interface has the address.</summary>
    public int Mtu => _mtu.Value;

    /// <summary>An epoll descriptor over the sockets: it becomes readable when one of them is. It never tells that there is room to send.</summary>
    public int PollHandle => _poll.Value;

    /// <summary>The receive buffer that each socket got, in bytes as the kernel counts, which is twice the bytes that were asked for.</summary>
    public int ReceiveBufferBytes { get; }

    /// <summary>The MTU of the tunnel, see <see cref="RawTunnelOptions.InnerMtu"/>. Set by the thread that the port belongs to.</summary>
    public ushort InnerMtu { get; set; }

    /// <summary>Packets that the kernel dropped because a receive buffer was full (SO_RXQ_OVFL).</summary>
    public long KernelDrops => _receivers.Sum(receiver => receiver.KernelDrops);

    /// <summary>Receive calls that failed for another reason than that there is nothing.</summary>
    public long ReceiveErrors => _receivers.Sum(receiver => receiver.Errors);

    /// <summary>Receive calls that brought something: plain packets come several with one call.</summary>
    public long ReceiveCalls => _receivers.Sum(receiver => receiver.Calls);

    /// <summary>Binds an endpoint.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="LinuxException">
    /// EPERM: CAP_NET_RAW is missing. EAFNOSUPPORT: no IPv6 here. EADDRINUSE: another process serves this encapsulation on this
    /// address.
    /// </exception>
    public static RawTunnelSocket Bind(RawTunnelOptions options) => Bind(options, new DatagramSender());

    /// <inheritdoc cref="Bind(RawTunnelOptions)"/>
    internal static RawTunnelSocket Bind(RawTunnelOptions options, DatagramSender sender)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        string name = FormatName(options);
        EndpointLock exclusive = EndpointLock.Take(name, $"another process serves {KindName(options.Kind)} on this address");
        List<NativeSocket> sockets = [];
        FileDescriptor? poll = null;
        try
        {
            foreach (IPProtocol protocol in Protocols(options.Kind))
            {
                sockets.Add(Open(options, name, (int)protocol));
            }

            poll = OpenPoll(sockets, name);
            return new RawTunnelSocket(options, exclusive, [.. sockets], poll, sender);
        }
        catch
        {
            poll?.Dispose();
            sockets.ForEach(socket => socket.Dispose());
            exclusive.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public PortResult Receive(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int before = batch.Count;
        int linkMtu = Mtu;
        int innerMtu = InnerMtu != 0 ? InnerMtu : linkMtu - _overhead;
        // Each gets its part of the burst, and the one that came last comes first next time: a flood of one protocol does not starve the other.
        for (int i = 0; i < _receivers.Length; i++)
        {
            _receivers[(_first + i) % _receivers.Length].Receive(batch, Burst / _receivers.Length, linkMtu, innerMtu);
        }

        _first = (_first + 1) % _receivers.Length;
        return batch.Count > before ? PortResult.Ok : PortResult.Empty;
    }

    /// <inheritdoc/>
    public PortResult Send(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return _sender.Send(batch, batch.Selection);
    }

    /// <summary>Sends the descriptors named, as <see cref="Send(PacketBatch)"/> does those of the selection.</summary>
    internal PortResult Send(PacketBatch batch, ReadOnlySpan<int> descriptors) => _sender.Send(batch, descriptors);

    /// <inheritdoc/>
    public void Dispose()
    {
        _poll.Dispose();
        foreach (NativeSocket socket in _sockets)
        {
            socket.Dispose();
        }

        _lock.Dispose();
    }

    private static NativeSocket Open(RawTunnelOptions options, string name, int protocol)
    {
        bool ipv4 = options.Local.IsIPv4;
        NativeSocket socket = NativeSocket.Open(ipv4 ? SocketConstants.AF_INET : SocketConstants.AF_INET6, SocketConstants.SOCK_RAW, protocol, name);
        try
        {
            TunnelSocketOptions.SetUnderlay(socket, ipv4, options.Link);
            TunnelSocketOptions.SetReceiveBuffer(socket, options.ReceiveBufferBytes);
            if (!ipv4)
            {
                // A raw IPv4 socket hands over the outer header, which says the same; and either is bound to the one address.
                TunnelSocketOptions.SetOuterHeader(socket, ipv4, ttl: true, local: false);
            }

            socket.SetBuffer(SocketConstants.SO_SNDBUFFORCE, SocketConstants.SO_SNDBUF, options.SendBufferBytes);
            if (ipv4)
            {
                socket.Set(SocketConstants.IPPROTO_IP, SocketConstants.IP_HDRINCL, 1, "IP_HDRINCL");
            }
            else
            {
                socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_HDRINCL, 1, "IPV6_HDRINCL");
            }

            Errno errno = socket.TryBind(options.Local, 0, TunnelSocketOptions.InterfaceIndex(options.Link));
            if (errno != Errno.None)
            {
                throw new LinuxException(errno, "bind", name, errno == Errno.EADDRNOTAVAIL && !ipv4 ? "IPv6 is disabled in this network namespace" : null);
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static FileDescriptor OpenPoll(List<NativeSocket> sockets, string name)
    {
        int handle = SocketCalls.epoll_create1(SocketConstants.EPOLL_CLOEXEC);
        if (handle < 0)
        {
            throw LinuxException.Last("epoll_create1", name);
        }

        FileDescriptor poll = new(handle);
        foreach (NativeSocket socket in sockets)
        {
            EpollEvent description = new() { Events = SocketConstants.EPOLLIN };
            if (SocketCalls.epoll_ctl(handle, SocketConstants.EPOLL_CTL_ADD, socket.Handle, &description) != 0)
            {
                Errno errno = Libc.LastError;
                poll.Dispose();
                throw new LinuxException(errno, "epoll_ctl", name);
            }
        }

        return poll;
    }

    private static IPProtocol[] Protocols(TunnelKind kind) => kind == TunnelKind.IPInIP ? [IPProtocol.IPv4, IPProtocol.IPv6] : [IPProtocol.Gre];

    private static string KindName(TunnelKind kind) => kind == TunnelKind.IPInIP ? "IP in IP" : TunnelFacts.Of(kind).Name;

    private static string FormatName(RawTunnelOptions options)
    {
        string kind = options.Kind == TunnelKind.IPInIP ? "IP-in-IP" : TunnelFacts.Of(options.Kind).Name;
        return options.Link is null ? $"{kind} {options.Local}" : $"{kind} {options.Local}%{options.Link}";
    }
}
