using Overlay.DataPath;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// A multicast group of a UDP tunnel endpoint (RFC 7348 §4.2): joined for as long as this lives, and received on the endpoint's port. What an endpoint sends to
/// a group it sends as all else, see <see cref="UdpTunnelOptions.Groups"/>.
/// </summary>
/// <remarks>
/// The endpoint's own sockets are bound to its address and see nothing that goes to a group. Of several workers one serves the group: the kernel gives every
/// socket of a group a copy of each datagram. Packets are received by the interface only on which the group was joined: the endpoint's link, or the one that had
/// its local address when it was joined.
/// </remarks>
public sealed class UdpGroupSocket : IPacketPort
{
    private readonly UdpTunnelSocket _endpoint;
    private readonly NativeSocket _socket;
    private readonly UdpReceiver _receiver;

    private UdpGroupSocket(UdpTunnelSocket endpoint, ValueIPAddress group, string link, string name, NativeSocket socket)
    {
        _endpoint = endpoint;
        _socket = socket;
        Group = group;
        Link = link;
        Name = name;
        PollHandle = socket.Handle;
        _receiver = new UdpReceiver(socket, endpoint.Options, name, new LinkMtu(socket, link, endpoint.Local));
    }

    /// <summary>The group.</summary>
    public ValueIPAddress Group { get; }

    /// <summary>The interface on which it is joined.</summary>
    public string Link { get; }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int BatchSize => _endpoint.BatchSize;

    /// <inheritdoc/>
    public PortCapabilities Capabilities => _endpoint.Capabilities;

    /// <inheritdoc/>
    public int Mtu => _endpoint.Mtu;

    /// <inheritdoc/>
    public int PollHandle { get; }

    /// <summary>Datagrams that the kernel dropped because the receive buffer was full (SO_RXQ_OVFL).</summary>
    public long KernelDrops => _receiver.KernelDrops;

    /// <summary>Receive calls that failed for another reason than that there is nothing.</summary>
    public long ReceiveErrors => _receiver.Errors;

    /// <summary>Joins a group.</summary>
    /// <param name="endpoint">The endpoint; it must outlive this.</param>
    /// <param name="group">A multicast address of the endpoint's family.</param>
    /// <exception cref="ArgumentException">The address is no group, or of the other family.</exception>
    /// <exception cref="LinuxException">
    /// ENODEV: the endpoint has no link, and no interface has its local address. EADDRINUSE: another program holds group and port.
    /// </exception>
    public static UdpGroupSocket Join(UdpTunnelSocket endpoint, ValueIPAddress group)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        bool ipv4 = endpoint.Local.IsIPv4;
        if (!group.IsMulticast || group.IsIPv4 != ipv4)
        {
            throw new ArgumentException($"{group} is not an {(ipv4 ? "IPv4" : "IPv6")} multicast address.", nameof(group));
        }

        string name = ipv4 ? $"UDP group {group}:{endpoint.Port}" : $"UDP group [{group}]:{endpoint.Port}";
        string link = endpoint.Options.MulticastLink(name);
        NativeSocket socket = UdpReceiver.Open(endpoint.Options, link, name, new DatagramSender(), out _);
        try
        {
            // Endpoints with other local addresses may have joined the group too: each socket gets a copy, and none takes another's away.
            socket.Set(SocketConstants.SOL_SOCKET, SocketConstants.SO_REUSEADDR, 1, "SO_REUSEADDR");
            Errno errno = socket.TryBind(group, endpoint.Port, 0);
            if (errno != Errno.None)
            {
                throw new LinuxException(errno, "bind", name, errno == Errno.EADDRINUSE ? "a kernel vxlan device or another process holds it" : null);
            }

            socket.JoinGroup(group, TunnelSocketOptions.InterfaceIndex(link));
            return new UdpGroupSocket(endpoint, group, link, name, socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public PortResult Receive(PacketBatch batch) => _receiver.Receive(batch);

    /// <summary>Sends by the endpoint.</summary>
    public PortResult Send(PacketBatch batch) => _endpoint.Send(batch);

    /// <summary>Leaves the group.</summary>
    public void Dispose() => _socket.Dispose();
}
