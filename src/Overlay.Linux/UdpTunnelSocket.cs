using Overlay.DataPath;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// A UDP tunnel endpoint as the kernel's own: one local address and port that all its tunnels share. The kernel writes and reads outer IP and UDP;
/// this port writes the tunnel header, cuts superpackets and forms trains (UDP_SEGMENT), and takes trains apart (UDP_GRO).
/// </summary>
/// <remarks>
/// <para>
/// Sending: <see cref="PacketMeta.Remote"/>, <see cref="PacketMeta.Vni"/>, <see cref="PacketMeta.Header"/>, <see cref="PacketMeta.TrafficClass"/>, <see cref="PacketMeta.Ttl"/>,
/// <see cref="PacketMeta.DontFragment"/>, <see cref="PacketMeta.FlowLabel"/> and <see cref="PacketMeta.DestinationPort"/> are the path's decisions;
/// the source port follows <see cref="PacketMeta.FlowHash"/> and is written back to the meta. No outer packet is ever fragmented here, and
/// the path MTU that ICMP messages report is never used: they can be forged.
/// </para>
/// <para>
/// Received packets begin with the tunnel header. What can be known of checksums and segmentation is in the meta, see <see cref="ReceiveClassifier"/>.
/// </para>
/// <para>
/// A superpacket of which a part was sent when the kernel took no more is dropped as <see cref="DropReason.QueueFull"/>, for it cannot be sent twice.
/// </para>
/// </remarks>
public sealed class UdpTunnelSocket : IPacketPort
{
    private readonly NativeSocket _socket;
    private readonly EndpointLock _lock;
    private readonly SourcePortSockets _sources;
    private readonly ErrorQueue _errors = new();
    private readonly UdpTrainSender _sender;
    private readonly UdpTrainBuilder _builder;
    private readonly LinkMtu _mtu;
    private readonly int _handle;
    private readonly ushort _port;
    private readonly UdpReceiver _receiver;

    private UdpTunnelSocket(
        UdpTunnelOptions options, EndpointLock exclusive, NativeSocket socket, SourcePortSockets sources, DatagramSender sender, OffloadState gro)
    {
        bool ipv4 = options.Local.IsIPv4;
        uint scope = TunnelSocketOptions.InterfaceIndex(options.Link);
        _socket = socket;
        _lock = exclusive;
        _sources = sources;
        _handle = socket.Handle;
        _port = options.Port;
        _mtu = new LinkMtu(socket, options.Link, options.Local);
        _sender = new UdpTrainSender(sources, _errors, sender, _mtu, scope, ipv4, TrainState(options, sources, sender));
        Gro = gro;
        _builder = new UdpTrainBuilder(_sender, superpackets: null, options.Headers, options.Port, ipv4);
        Options = options;
        Local = options.Local;
        Name = FormatName(options);
        _receiver = new UdpReceiver(socket, options, Name, _mtu);
        ReceiveBufferBytes = socket.Get(SocketConstants.SOL_SOCKET, SocketConstants.SO_RCVBUF, "SO_RCVBUF");
    }

    /// <summary>How it was bound.</summary>
    internal UdpTunnelOptions Options { get; }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>The local address.</summary>
    public ValueIPAddress Local { get; }

    /// <summary>The UDP port that packets are received on.</summary>
    public ushort Port => _port;

    /// <inheritdoc/>
    public int BatchSize => UdpReceiver.MaxTrain;

    /// <inheritdoc/>
    public PortCapabilities Capabilities =>
        PortCapabilities.PartialChecksums | PortCapabilities.TcpSuperpackets | PortCapabilities.UdpSuperpackets | PortCapabilities.Ethernet;

    /// <summary>The MTU of the link under the local address, in bytes of outer IP packet; 1500 while no interface has the address.</summary>
    public int Mtu => _mtu.Value;

    /// <inheritdoc/>
    public int PollHandle => _handle;

    /// <summary>The source ports in use: as many as were asked for, or as were free in the range.</summary>
    public ReadOnlySpan<ushort> SourcePorts => _sources.Ports;

    /// <summary>The source port of a flow. Any thread.</summary>
    /// <param name="flowHash">Its hash, as <see cref="PacketMeta.FlowHash"/>.</param>
    public ushort SourcePortOf(uint flowHash) => _sources.Port(_sources.Select(flowHash));

    /// <summary>The receive buffer that was got, in bytes as the kernel counts, which is twice the bytes of payload that were asked for.</summary>
    public int ReceiveBufferBytes { get; }

    /// <summary>The MTU of the inner network, see <see cref="UdpTunnelOptions.InnerMtu"/>. Set by the thread that the port belongs to.</summary>
    public ushort InnerMtu
    {
        get => _receiver.InnerMtu;
        set => _receiver.InnerMtu = value;
    }

    /// <summary>
    /// Whether trains are sent (UDP_SEGMENT). Ends for good if the kernel says that the path under this socket cannot do it (EIO), or refuses several
    /// trains in a row whose datagrams it takes (EINVAL).
    /// </summary>
    public OffloadState Gso => _sender.Gso;

    /// <summary>Whether trains are received (UDP_GRO).</summary>
    public OffloadState Gro { get; }

    /// <summary>How often the kernel refused a train and its datagrams went one by one.</summary>
    public long GsoFallbacks => _sender.Fallbacks;

    /// <summary>How often a message was sent again because an ICMP error about another had failed it.</summary>
    public long Repeats => _sender.Repeats;

    /// <summary>Messages handed to the kernel: trains and single datagrams.</summary>
    public long SentMessages => _sender.Messages;

    /// <summary>Datagrams that the kernel dropped because the receive buffer was full (SO_RXQ_OVFL).</summary>
    public long KernelDrops => _receiver.KernelDrops;

    /// <summary>Datagrams of received trains for which the batch had no descriptor. More than 128 in one train: no kernel sends that.</summary>
    public long TrainOverflow => _receiver.TrainOverflow;

    /// <summary>Receive calls that failed for another reason than that there is nothing.</summary>
    public long ReceiveErrors => _receiver.Errors;

    /// <summary>The last ICMP error about a packet sent from here, as far as the kernel reported it; null if there was none.</summary>
    public IcmpError? LastIcmpError => _errors.Last;

    /// <summary>How many ICMP errors of a kind about packets sent from here were read.</summary>
    public long IcmpErrors(IcmpErrorKind kind) => _errors.Count(kind);

    /// <summary>Binds an endpoint.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="LinuxException">
    /// EADDRINUSE: a kernel vxlan device or another process holds address and port. EAFNOSUPPORT: no IPv6 here. EPERM, EACCES: a capability is missing.
    /// </exception>
    public static UdpTunnelSocket Bind(UdpTunnelOptions options) => Bind(options, new DatagramSender());

    /// <inheritdoc cref="Bind(UdpTunnelOptions)"/>
    internal static UdpTunnelSocket Bind(UdpTunnelOptions options, DatagramSender sender)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        EndpointLock exclusive = TakeLock(options);
        try
        {
            return Open(options, exclusive, first: null, group: false, sender);
        }
        catch
        {
            exclusive.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Binds one endpoint with several sockets, for as many workers; the kernel spreads flows over them by outer addresses and ports. Only
    /// sockets of this group share the port: the first is bound alone, and the endpoint's lock keeps others out. All of them send from the
    /// same source ports, so that the outer packets of a flow are the same whichever sends them.
    /// </summary>
    /// <param name="options">The options of each.</param>
    /// <param name="count">How many, 1 to 256.</param>
    /// <inheritdoc cref="Bind(UdpTunnelOptions)" path="/exception"/>
    public static UdpTunnelSocket[] BindGroup(UdpTunnelOptions options, int count)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, 256);
        options.Validate();
        EndpointLock exclusive = TakeLock(options);
        UdpTunnelSocket[] sockets = new UdpTunnelSocket[count];
        int opened = 0;
        try
        {
            for (; opened < count; opened++)
            {
                UdpTunnelSocket? first = opened == 0 ? null : sockets[0];
                sockets[opened] = Open(options, opened == 0 ? exclusive : exclusive.Share(), first, count > 1, new DatagramSender());
            }

            return sockets;
        }
        catch
        {
            foreach (UdpTunnelSocket socket in sockets.AsSpan(0, opened))
            {
                socket.Dispose();
            }

            // The share of the one that failed.
            exclusive.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public PortResult Receive(PacketBatch batch) => _receiver.Receive(batch);

    /// <inheritdoc/>
    public PortResult Send(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return _builder.Send(batch, batch.Selection);
    }

    /// <summary>Sends the descriptors named, as <see cref="Send(PacketBatch)"/> does those of the selection.</summary>
    internal PortResult Send(PacketBatch batch, ReadOnlySpan<int> descriptors) => _builder.Send(batch, descriptors);

    /// <inheritdoc/>
    public void Dispose()
    {
        _sources.Dispose();
        _socket.Dispose();
        _lock.Dispose();
    }

    private static EndpointLock TakeLock(UdpTunnelOptions options) => EndpointLock.Take(FormatName(options), InUse);

    private const string InUse = "a kernel vxlan device or another process holds it";

    private static string FormatName(UdpTunnelOptions options)
    {
        string link = options.Link is null ? string.Empty : $"%{options.Link}";
        return options.Local.IsIPv4 ? $"UDP {options.Local}{link}:{options.Port}" : $"UDP [{options.Local}{link}]:{options.Port}";
    }

    private static OffloadState TrainState(UdpTunnelOptions options, SourcePortSockets sources, DatagramSender sender)
    {
        if (!options.Gso)
        {
            return OffloadState.NotAsked;
        }

        if (!options.OuterChecksum)
        {
            return OffloadState.Impossible("no outer checksum");
        }

        // Unknown before Linux 4.18. The size goes with each message; 0 only asks.
        Errno refusal = sources.Ask(sender, SocketConstants.UDP_SEGMENT);
        return refusal == Errno.None ? OffloadState.Active : OffloadState.Refused(refusal);
    }

    private static UdpTunnelSocket Open(UdpTunnelOptions options, EndpointLock exclusive, UdpTunnelSocket? first, bool group, DatagramSender sender)
    {
        string name = FormatName(options);
        bool ipv4 = options.Local.IsIPv4;
        uint scope = TunnelSocketOptions.InterfaceIndex(options.Link);
        NativeSocket? socket = null;
        SourcePortSockets? sources = null;
        try
        {
            socket = UdpReceiver.Open(options, options.Link, name, sender, out OffloadState gro);
            if (first is not null)
            {
                socket.Set(SocketConstants.SOL_SOCKET, SocketConstants.SO_REUSEPORT, 1, "SO_REUSEPORT");
            }

            Errno errno = socket.TryBind(options.Local, options.Port, scope);
            if (errno != Errno.None)
            {
                string? advice = errno switch
                {
                    Errno.EADDRINUSE => InUse,
                    Errno.EACCES => "a port below 1024 needs CAP_NET_BIND_SERVICE",
                    Errno.EADDRNOTAVAIL when !ipv4 => "IPv6 is disabled in this network namespace",
                    _ => null,
                };
                throw new LinuxException(errno, "bind", name, advice);
            }

            if (first is null && group)
            {
                // Only after the bind, which had to find the port free.
                socket.Set(SocketConstants.SOL_SOCKET, SocketConstants.SO_REUSEPORT, 1, "SO_REUSEPORT");
            }

            sources = first is null
                ? SourcePortSockets.Open(options, name, scope, group)
                : SourcePortSockets.Join(first._sources, options, name, scope);
            return new UdpTunnelSocket(options, exclusive, socket, sources, sender, gro);
        }
        catch
        {
            sources?.Dispose();
            socket?.Dispose();
            throw;
        }
    }
}
