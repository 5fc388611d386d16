using System.Buffers.Binary;
using Overlay.DataPath;
using Overlay.Encapsulation;
using Overlay.Linux.Interop;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>
/// A UDP tunnel endpoint whose superpackets leave whole: this port writes the outer headers itself and hands the kernel one packet of up to 64 KB
/// through a TAP of its own, for the kernel or the network card to cut (Linux 6.17). It receives, and sends what cannot go that way, by a
/// <see cref="UdpTunnelSocket"/>, which it owns.
/// </summary>
/// <remarks>
/// <para>
/// Frames go straight to the interface that the kernel's routes name for the remote: past policy routing by mark or port, past netfilter, past IPsec.
/// Who needs those for the outer packets takes the socket alone. Forwarding need not be switched on, and no setting of the host is changed.
/// </para>
/// <para>
/// The source port is one for each flow hash, of all ports of the range, not of a few sockets' only. Packets that go by the socket have the source
/// port of a socket: to remotes on this host or without a unicast route, superpackets with VLAN tags, IP options or extension headers, superpackets
/// of more than 65 535 bytes with the outer headers, and what the TAP has refused.
/// </para>
/// <para>
/// Losses behind the TAP, in the queue of an interface or of a neighbour that does not answer, the kernel does not report here; nor do ICMP errors
/// about packets that went through it come back to a socket.
/// </para>
/// </remarks>
public sealed class TunnelGsoSocket : SuperpacketSocket
{
    /// <summary>The name of the TAP unless another is asked for: the kernel puts the first free number.</summary>
    public const string DefaultDeviceName = UnderlayTap.DefaultName;

    private const int EthernetLength = EthernetFrame.MinimumHeaderLength;
    private const int IPv4TransportStart = EthernetLength + IPv4Packet.MinimumHeaderLength;
    private const int IPv6TransportStart = EthernetLength + IPv6Packet.HeaderLength;
    private const int EtherTypeOffset = 12;

    private readonly UnderlayRoutes<VxlanPath> _routes;
    private readonly TunnelGsoSender _sender;
    private readonly UdpTrainBuilder _builder;

    private TunnelGsoSocket(UdpTunnelSocket socket, UnderlayTap tap, UnderlayRoutes<VxlanPath> routes, FrameWriter writer)
        : base(socket, tap, routes, writer)
    {
        Socket = socket;
        _routes = routes;
        _sender = new TunnelGsoSender(Output, routes, socket);
        _builder = new UdpTrainBuilder(_sender, _sender, socket.Options.Headers, socket.Port, socket.Local.IsIPv4);
    }

    /// <summary>The sockets under it.</summary>
    public UdpTunnelSocket Socket { get; }

    /// <inheritdoc/>
    public override long Superpackets => _sender.Superpackets;

    /// <summary>Makes the TAP of an endpoint, in the network namespace of this thread, which must be the socket's.</summary>
    /// <param name="socket">The endpoint. Belongs to the new port; if this throws it stays the caller's, and can be used alone.</param>
    /// <param name="deviceName">The name of the TAP; with <c>%d</c> in it the kernel chooses a number.</param>
    /// <exception cref="ArgumentException">The socket's local address is unspecified or its headers are not those of plain VXLAN, or no interface can have this name.</exception>
    /// <exception cref="LinuxException">EPERM: CAP_BPF or CAP_NET_ADMIN is missing. EINVAL: a kernel before 6.17.</exception>
    /// <exception cref="PlatformNotSupportedException">There are no BPF programs for this kind of machine.</exception>
    public static TunnelGsoSocket Open(UdpTunnelSocket socket, string deviceName = DefaultDeviceName) => Open(socket, deviceName, new FrameWriter());

    /// <inheritdoc cref="Open(UdpTunnelSocket, string)"/>
    internal static TunnelGsoSocket Open(UdpTunnelSocket socket, string deviceName, FrameWriter writer)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (socket.Local.IsUnspecified)
        {
            throw new ArgumentException($"{socket.Name} has no local address to write into outer headers.", nameof(socket));
        }

        if (socket.Options.Headers.Any(header => header is not { Kind: TunnelKind.Vxlan, GroupPolicyId: null }))
        {
            throw new ArgumentException($"{socket.Name} writes other headers than those of plain VXLAN, which alone leave whole.", nameof(socket));
        }

        UnderlayTap tap = UnderlayTap.Open(
            deviceName, "overlay_out", RedirectFrame.Program(), VnetTunnelHeader.Length, UnderlayTap.TunnelOffloads);
        UnderlayRoutes<VxlanPath>? routes = null;
        try
        {
            routes = new UnderlayRoutes<VxlanPath>(
                socket.Local, (int)TunnelSocketOptions.InterfaceIndex(socket.Options.Link), static (remote, port) => new VxlanPath(remote, port));
            return new TunnelGsoSocket(socket, tap, routes, writer);
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
        if (!Active)
        {
            return Socket.Send(batch);
        }

        ReadOnlySpan<int> selection = batch.Selection;
        long now = Environment.TickCount64;
        _routes.Trim();
        int start = 0;
        Way run = Way.Tap;
        for (int i = 0; i < selection.Length; i++)
        {
            if (batch.Meta(selection[i]).State != PacketState.Pending)
            {
                continue;
            }

            Way way = Choose(batch, selection[i], now);
            if (way != Way.Dropped && way != run)
            {
                // In turns, so that no packet overtakes another of its flow.
                PortResult result = Send(batch, selection[start..i], run);
                if (result != PortResult.Ok)
                {
                    return result;
                }

                start = i;
                run = way;
            }
        }

        return Send(batch, selection[start..], run);
    }

    private PortResult Send(PacketBatch batch, ReadOnlySpan<int> descriptors, Way way) => descriptors.IsEmpty ? PortResult.Ok
        : way == Way.Tap ? _builder.Send(batch, descriptors)
        : Socket.Send(batch, descriptors);

    private Way Choose(PacketBatch batch, int index, long now)
    {
        ref readonly PacketMeta meta = ref batch.Meta(index);
        if (Socket.Options.Headers[meta.Header].IsBare)
        {
            // It has no room for the header that the path would write, and what is measured is the way of the sockets.
            return Way.Socket;
        }

        VxlanPath path = _routes.Find(meta.Remote, meta.DestinationPort != 0 ? meta.DestinationPort : Socket.Port, now);
        if (!path.IsOpen)
        {
            return Way.Socket;
        }

        VxlanEncapsulator encapsulator = path.Encapsulator!;
        ReadOnlySpan<byte> frame = batch.Data(index);
        int longest = frame.Length;
        if (meta.Segmentation != SegmentationKind.None)
        {
            if (frame.Length > encapsulator.MaxFrameLength || !CanStayWhole(frame, meta) || !Segmentation.TryPlan(frame, meta, out SegmentPlan plan))
            {
                return Way.Socket;
            }

            longest = plan.MaximumLength;
        }

        if (longest + encapsulator.Overhead - EthernetLength > path.Mtu)
        {
            // The kernel would fragment the outer packet or drop it in silence.
            batch.Drop(index, DropReason.TooBig);
            return Way.Dropped;
        }

        return Way.Tap;
    }

    // The kernel looks for the inner transport header right behind a plain IP header, and for that right behind a plain Ethernet header.
    private static bool CanStayWhole(ReadOnlySpan<byte> frame, in PacketMeta meta)
    {
        if (meta.Checksum != ChecksumState.Partial || meta.NetworkStart != EthernetLength || frame.Length < EthernetLength)
        {
            return false;
        }

        EtherType type = (EtherType)BinaryPrimitives.ReadUInt16BigEndian(frame[EtherTypeOffset..]);
        return meta.ChecksumStart == IPv4TransportStart ? type == EtherType.IPv4 : meta.ChecksumStart == IPv6TransportStart && type == EtherType.IPv6;
    }
}
