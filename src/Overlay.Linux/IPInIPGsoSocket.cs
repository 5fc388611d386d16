using Overlay.DataPath;
using Overlay.Linux.Bpf;
using Overlay.Linux.Interop;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>
/// An IP-in-IP endpoint whose TCP and UDP superpackets leave whole: this port writes the outer header itself and hands the kernel one packet of up to
/// 64 KB through a TAP with a BPF program of its own, for the kernel or the network card to cut (Linux 6.6). It receives, and sends plain packets and
/// what cannot go that way, by a <see cref="RawTunnelSocket"/>, which it owns.
/// </summary>
/// <remarks>
/// <para>
/// Frames go straight to the interface that the kernel's routes name for the remote: past policy routing by mark, past netfilter, past IPsec. Who
/// needs those for the outer packets takes the socket alone. Forwarding need not be switched on, and no setting of the host is changed.
/// </para>
/// <para>
/// By the socket go: packets to remotes on this host or without a unicast route, superpackets with IP options, extension headers or an encapsulation limit, superpackets of
/// more than 65 535 bytes with the outer header, and what the TAP has refused. Neither way overtakes the other.
/// </para>
/// <para>
/// Losses behind the TAP, in the queue of an interface or of a neighbour that does not answer, the kernel does not report here.
/// </para>
/// </remarks>
public sealed class IPInIPGsoSocket : SuperpacketSocket
{
    private const int MaxOuterPacket = 65_535;

    private readonly UnderlayRoutes<IPInIPPath> _routes;
    private readonly IPInIPGsoSender _sender;

    private IPInIPGsoSocket(RawTunnelSocket socket, UnderlayTap tap, UnderlayRoutes<IPInIPPath> routes, FrameWriter writer)
        : base(socket, tap, routes, writer)
    {
        Socket = socket;
        _routes = routes;
        _sender = new IPInIPGsoSender(Output);
    }

    /// <summary>The sockets under it.</summary>
    public RawTunnelSocket Socket { get; }

    /// <inheritdoc/>
    public override long Superpackets => Frames;

    /// <summary>Makes the TAP of an endpoint, in the network namespace of this thread, which must be the socket's.</summary>
    /// <param name="socket">The endpoint. Belongs to the new port; if this throws it stays the caller's, and can be used alone.</param>
    /// <param name="deviceName">The name of the TAP; with <c>%d</c> in it the kernel chooses a number.</param>
    /// <exception cref="ArgumentException">No interface can have this name, or the endpoint is none of IP in IP.</exception>
    /// <exception cref="LinuxException">EPERM: CAP_BPF or CAP_NET_ADMIN is missing. EINVAL: a kernel before 6.6.</exception>
    /// <exception cref="PlatformNotSupportedException">There are no BPF programs for this kind of machine.</exception>
    public static IPInIPGsoSocket Open(RawTunnelSocket socket, string deviceName = UnderlayTap.DefaultName) => Open(socket, deviceName, new FrameWriter());

    /// <inheritdoc cref="Open(RawTunnelSocket, string)"/>
    internal static IPInIPGsoSocket Open(RawTunnelSocket socket, string deviceName, FrameWriter writer)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (socket.Kind != TunnelKind.IPInIP)
        {
            throw new ArgumentException($"{socket.Name} does not speak IP in IP.", nameof(socket));
        }

        UnderlayTap tap = UnderlayTap.Open(deviceName, "overlay_ipip", EncapsulationFrame.Program(), VnetHeader.Length, UnderlayTap.PlainOffloads);
        UnderlayRoutes<IPInIPPath>? routes = null;
        try
        {
            int link = (int)TunnelSocketOptions.InterfaceIndex(socket.Link);
            routes = new UnderlayRoutes<IPInIPPath>(socket.Local, link, static (remote, _) => new IPInIPPath(remote));
            return new IPInIPGsoSocket(socket, tap, routes, writer);
        }
        catch
        {
            routes?.Dispose();
            tap.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override PortResult Send(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ReadOnlySpan<int> selection = batch.Selection;
        long now = Environment.TickCount64;
        _routes.Trim();
        int start = 0;
        for (int i = 0; i < selection.Length && Active; i++)
        {
            int index = selection[i];
            if (batch.Meta(index).State != PacketState.Pending || batch.Meta(index).Segmentation == SegmentationKind.None)
            {
                continue;
            }

            Way way = Choose(batch, index, now, out IPInIPPath path, out int segments);
            if (way == Way.Tap)
            {
                // What came before goes before, so that no packet overtakes another of its flow.
                PortResult result = Socket.Send(batch, selection[start..i]);
                if (result != PortResult.Ok)
                {
                    return result;
                }

                start = i + 1;
                result = SendWhole(batch, index, path, segments);
                if (result != PortResult.Ok)
                {
                    return result;
                }
            }
        }

        return Socket.Send(batch, selection[start..]);
    }

    private PortResult SendWhole(PacketBatch batch, int index, IPInIPPath path, int segments)
    {
        ref PacketMeta meta = ref batch.Meta(index);
        switch (_sender.Send(path, batch.Data(index), meta, segments))
        {
            case Errno.None:
                meta.State = PacketState.Sent;
                return PortResult.Ok;
            case Errno.EAGAIN:
                return PortResult.WouldBlock;
            case Errno.ENOBUFS or Errno.ENOMEM:
                batch.Drop(index, DropReason.QueueFull);
                return PortResult.Ok;
            default:
                return Socket.Send(batch, new ReadOnlySpan<int>(in index));
        }
    }

    private Way Choose(PacketBatch batch, int index, long now, out IPInIPPath path, out int segments)
    {
        ref readonly PacketMeta meta = ref batch.Meta(index);
        ReadOnlySpan<byte> packet = batch.Data(index);
        segments = 0;
        path = _routes.Find(meta.Remote, 0, now);
        if (!path.IsOpen)
        {
            return Way.Socket;
        }

        int overhead = path.Encapsulator!.Overhead;
        if (overhead + packet.Length > MaxOuterPacket || !CanStayWhole(packet, meta) || !Segmentation.TryPlan(packet, meta, out SegmentPlan plan))
        {
            return Way.Socket;
        }

        if (overhead + plan.MaximumLength > path.Mtu)
        {
            // The kernel would drop it in silence.
            batch.Drop(index, DropReason.TooBig);
            return Way.Dropped;
        }

        segments = plan.Count;
        return Way.Tap;
    }

    // The kernel looks for the inner transport header right behind a plain IP header, and for that right behind the outer one.
    private static bool CanStayWhole(ReadOnlySpan<byte> packet, in PacketMeta meta) =>
        meta.Checksum == ChecksumState.Partial && meta.EncapsulationLimit is null && meta.NetworkStart == 0 && packet.Length > 0 &&
        meta.ChecksumStart == ((packet[0] >> 4) == 4 ? IPv4Packet.MinimumHeaderLength : IPv6Packet.HeaderLength);
}
