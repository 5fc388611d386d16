using Overlay.DataPath;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>The receiving half of a UDP endpoint over one socket: message by message into a batch, trains taken apart (UDP_GRO).</summary>
internal sealed class UdpReceiver
{
    /// <summary>The most datagrams of one received train, and so the descriptors that must be free before a receive.</summary>
    public const int MaxTrain = 128;

    // A call ends when about so many packets are there, so that they are worked on while they are in the cache.
    private const int Burst = 200;

    private const int MaxMessage = 65_535;
    private const int IPv4UdpLength = 28;
    private const int IPv6UdpLength = 48;
    private const int EthernetLength = 14;

    private readonly int _handle;
    private readonly string _name;
    private readonly ushort _port;
    private readonly TunnelKind _kind;
    private readonly LinkMtu _mtu;
    private readonly int _outerLength;
    private readonly int _headerLength;
    private ReceivedMessage _received;

    /// <param name="socket">The socket.</param>
    /// <param name="options">The endpoint.</param>
    /// <param name="name">The port in messages.</param>
    /// <param name="mtu">The MTU of the link, which bounds what a sender can have put on it.</param>
    public UdpReceiver(NativeSocket socket, UdpTunnelOptions options, string name, LinkMtu mtu)
    {
        _handle = socket.Handle;
        _name = name;
        _port = options.Port;
        _kind = options.Kind;
        _mtu = mtu;
        _outerLength = options.Local.IsIPv4 ? IPv4UdpLength : IPv6UdpLength;
        _headerLength = options.Headers.Max(header => header.Length + (header.HasInnerEthernet ? EthernetLength : 0));
        InnerMtu = options.InnerMtu;
    }

    /// <summary>The MTU of the inner network, see <see cref="UdpTunnelOptions.InnerMtu"/>.</summary>
    public ushort InnerMtu { get; set; }

    /// <summary>Datagrams that the kernel dropped because the receive buffer was full (SO_RXQ_OVFL).</summary>
    public long KernelDrops => _received.KernelDrops;

    /// <summary>Datagrams of received trains for which the batch had no descriptor. More than 128 in one train: no kernel sends that.</summary>
    public long TrainOverflow { get; private set; }

    /// <summary>Receive calls that failed for another reason than that there is nothing.</summary>
    public long Errors { get; private set; }

    /// <summary>Opens a socket that tells all that is received with a packet, not bound yet.</summary>
    /// <param name="options">The endpoint.</param>
    /// <param name="link">The interface that packets must come by; null for any.</param>
    /// <param name="name">The port in messages.</param>
    /// <param name="kernel">Sets UDP_GRO.</param>
    /// <param name="gro">Whether trains are received.</param>
    /// <exception cref="LinuxException">The kernel refused the socket or an option.</exception>
    public static NativeSocket Open(UdpTunnelOptions options, string? link, string name, DatagramSender kernel, out OffloadState gro)
    {
        bool ipv4 = options.Local.IsIPv4;
        NativeSocket socket = NativeSocket.Open(ipv4 ? SocketConstants.AF_INET : SocketConstants.AF_INET6, SocketConstants.SOCK_DGRAM, 0, name);
        try
        {
            TunnelSocketOptions.SetUnderlay(socket, ipv4, link);
            TunnelSocketOptions.SetReceiveBuffer(socket, options.ReceiveBufferBytes);
            TunnelSocketOptions.SetOuterHeader(socket, ipv4, options.ReceiveTtl, local: true);
            gro = OffloadState.NotAsked;
            if (options.Gro)
            {
                // Unknown before Linux 5.0; then datagrams come one by one.
                Errno refusal = kernel.TrySet(socket, SocketConstants.UDP_GRO, 1);
                gro = refusal == Errno.None ? OffloadState.Active : OffloadState.Refused(refusal);
            }

            if (!ipv4)
            {
                // An IPv6 socket would take IPv4 as well, and then the port would not be free for the IPv4 endpoint.
                socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_V6ONLY, 1, "IPV6_V6ONLY");
            }

            if (!ipv4 && options.ZeroChecksumIPv6)
            {
                socket.Set(SocketConstants.IPPROTO_UDP, SocketConstants.UDP_NO_CHECK6_RX, 1, "UDP_NO_CHECK6_RX");
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc cref="IPacketPort.Receive"/>
    public PortResult Receive(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (batch.Capacity < MaxTrain)
        {
            throw new ArgumentException($"A batch for {_name} needs a capacity of {MaxTrain}, not {batch.Capacity}.", nameof(batch));
        }

        int before = batch.Count;
        int maxDatagram = _mtu.Value - _outerLength;
        int innerMtu = InnerMtu != 0 ? InnerMtu : maxDatagram - _headerLength;
        while (batch.Capacity - batch.Count >= MaxTrain && batch.Count - before < Burst && batch.TryReserve(MaxMessage, out Span<byte> buffer))
        {
            int index = _received.Receive(_handle, batch, buffer, out Errno errno);
            if (index < 0)
            {
                if (errno != Errno.EAGAIN)
                {
                    Errors++;
                }

                break;
            }

            ref PacketMeta meta = ref batch.Meta(index);
            meta.DestinationPort = _port;
            meta.Protocol = IPProtocol.Udp;
            TrainOverflow += ReceiveClassifier.Split(_kind, batch, index, _received.GroSegmentSize, maxDatagram, innerMtu);
        }

        return batch.Count > before ? PortResult.Ok : PortResult.Empty;
    }
}
