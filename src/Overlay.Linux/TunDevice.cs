using System.Runtime.CompilerServices;
using Overlay.DataPath;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// A TUN or TAP device of Linux as a port: what the kernel routes or bridges to the device is received, what is sent comes out of it. With vnet
/// headers (the default) packets cross whole, as superpackets with partial checksums: one system call for up to 64 KB.
/// </summary>
/// <remarks>
/// The device belongs to the network namespace of the thread that opens it, and vanishes when the last open of it is disposed. It starts down and
/// without addresses: <see cref="RouteNetlink"/> sets them. No packet is read before the link is up.
/// </remarks>
public sealed class TunDevice : IPacketPort
{
    private const string DevicePath = "/dev/net/tun";
    private const int EthernetLength = 14;
    private const int MaxIPLength = 65_535;
    // MAX_TAP_QUEUES of the kernel.
    private const int MaxQueues = 256;
    private const long MtuAgeMilliseconds = 100;
    private const PortCapabilities Superpackets = PortCapabilities.TcpSuperpackets | PortCapabilities.UdpSuperpackets;

    private readonly FileDescriptor _device;
    private readonly FileDescriptor _control;
    private readonly int _handle;
    private readonly int _burst;
    private readonly int _burstBytes;
    private readonly bool _vnetHeader;
    private readonly Output _output;
    private readonly DeviceCalls _calls;
    private readonly SuperpacketUse _tcp;
    private readonly SuperpacketUse _udp;
    private readonly bool _coalesce;
    private Coalescer? _coalescer;
    private byte[]? _piece;
    private bool _disposed;
    private int _mtu;
    private long _mtuRead;

    private TunDevice(FileDescriptor device, FileDescriptor control, string name, int index, TunDeviceOptions options, DeviceCalls calls)
    {
        _device = device;
        _control = control;
        _calls = calls;
        _handle = device.Value;
        _burst = options.ReceiveBurst;
        _burstBytes = options.ReceiveBurstBytes;
        _vnetHeader = options.VnetHeader;
        Layer = options.Layer;
        Name = name;
        InterfaceIndex = index;
        _tcp = new SuperpacketUse();
        _udp = new SuperpacketUse();
        _output = new Output(this);
        _coalesce = options.Coalesce;
    }

    /// <summary>The interface's name; with a pattern, the one the kernel chose.</summary>
    public string Name { get; }

    /// <summary>The interface's index in its network namespace, for <see cref="RouteNetlink"/>.</summary>
    public int InterfaceIndex { get; }

    /// <summary>What the device carries.</summary>
    public DeviceLayer Layer { get; }

    /// <summary>1: each system call takes one packet, so that a batch of any capacity will do.</summary>
    public int BatchSize => 1;

    /// <inheritdoc/>
    public PortCapabilities Capabilities { get; private set; }

    /// <summary>Whether TCP superpackets are exchanged. Ends if the kernel, which agreed to take them, refuses several in a row.</summary>
    public OffloadState Tso => _tcp.State;

    /// <summary>Whether UDP superpackets are exchanged; see <see cref="Tso"/>.</summary>
    public OffloadState Uso => _udp.State;

    /// <summary>Whether packets are put together before they are handed to the kernel.</summary>
    public OffloadState Coalescing => !_coalesce ? OffloadState.NotAsked
        : (Capabilities & Superpackets) == 0 ? OffloadState.Impossible("the device takes no superpackets")
        : OffloadState.Active;

    /// <summary>TCP superpackets that the kernel refused whole, and took in pieces.</summary>
    public long TsoFallbacks => _tcp.Fallbacks;

    /// <summary>UDP superpackets that the kernel refused whole, and took in pieces.</summary>
    public long UsoFallbacks => _udp.Fallbacks;

    /// <summary>
    /// The interface's MTU in bytes: the largest IP packet, without the Ethernet header. Read again from the kernel if the last reading is older than
    /// 100 ms, so that a change is seen without a system call per batch; of a device that is gone it is the last known one.
    /// </summary>
    public int Mtu
    {
        get
        {
            if (Environment.TickCount64 - _mtuRead >= MtuAgeMilliseconds)
            {
                RefreshMtu();
            }

            return _mtu;
        }
    }

    /// <inheritdoc/>
    public int PollHandle => _disposed ? -1 : _handle;

    /// <summary>
    /// Packets and superpackets handed to the kernel so far. With <see cref="TunDeviceOptions.Coalesce"/> fewer than were sent, since several packets
    /// of a flow become one.
    /// </summary>
    public long Writes { get; private set; }

    /// <summary>Opens a device, which is made unless it exists already.</summary>
    /// <param name="name">The interface's name; one with <c>%d</c> in it (<c>vx%d</c>) lets the kernel choose a number.</param>
    /// <param name="options">What it carries and how; null for a TAP with all offloads.</param>
    /// <exception cref="ArgumentException">No interface can have this name, or the options contradict each other.</exception>
    /// <exception cref="LinuxException">
    /// EPERM or EACCES without CAP_NET_ADMIN; EBUSY if another process holds the device; EINVAL if it exists as something else; ENOENT without the driver.
    /// </exception>
    public static TunDevice Open(string name, TunDeviceOptions? options = null) => 
        Open(name, options ?? new TunDeviceOptions(), new DeviceCalls());

    /// <summary>
    /// Makes a device with several queues, each a port for a worker of its own. The kernel puts the packets of a flow into the queue by which
    /// the flow's other direction was last written, and those of a flow it does not know into one chosen by hash. A queue that nobody reads
    /// loses what is put into it.
    /// </summary>
    /// <param name="name">As with <see cref="Open(string, TunDeviceOptions?)"/>; no interface may have it yet.</param>
    /// <param name="options">The options of each.</param>
    /// <param name="count">How many, 1 to 256. One is the same as <see cref="Open(string, TunDeviceOptions?)"/>.</param>
    /// <exception cref="ArgumentException">No interface can have this name, or the options contradict each other.</exception>
    /// <exception cref="LinuxException">
    /// EBUSY if there is an interface of this name: whoever holds it would get a share of its packets only. Else as with
    /// <see cref="Open(string, TunDeviceOptions?)"/>.
    /// </exception>
    public static TunDevice[] OpenQueues(string name, TunDeviceOptions options, int count)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaxQueues);
        if (count == 1)
        {
            return [Open(name, options)];
        }

        options = options with { MultiQueue = true };
        List<TunDevice> queues = [Open(name, options, new DeviceCalls(), exclusive: true)];
        try
        {
            while (queues.Count < count)
            {
                queues.Add(Open(queues[0].Name, options, new DeviceCalls(), exclusive: false));
            }

            return [.. queues];
        }
        catch
        {
            queues.ForEach(queue => queue.Dispose());
            throw;
        }
    }

    /// <inheritdoc cref="Open(string, TunDeviceOptions?)"/>
    internal static TunDevice Open(string name, TunDeviceOptions options, DeviceCalls calls, bool exclusive = false)
    {
        InterfaceName.Check(name, nameof(name));
        CheckOptions(options);
        FileDescriptor? control = null;
        FileDescriptor device = OpenClone();
        try
        {
            string actualName = Attach(device, name, options, exclusive);
            control = NetlinkCalls.OpenControlSocket();
            TunDevice opened = new(device, control, actualName, SetQueue(actualName, options.TxQueueLength), options, calls);
            opened.Capabilities = opened.SetOffloads(options);
            opened._coalescer = opened.MakeCoalescer();
            opened.RefreshMtu();
            return opened;
        }
        catch
        {
            control?.Dispose();
            device.Dispose();
            throw;
        }
    }

    /// <summary>A device without interface: what the other end of a socket writes is received, with vnet headers, and all offloads are agreed on.</summary>
    internal static TunDevice OverSocket(FileDescriptor socket, DeviceLayer layer)
    {
        TunDevice device = new(socket, NetlinkCalls.OpenControlSocket(), "none", 0, new TunDeviceOptions { Layer = layer }, new DeviceCalls())
        {
            Capabilities = Superpackets | PortCapabilities.PartialChecksums | (layer == DeviceLayer.Ethernet ? PortCapabilities.Ethernet : 0),
        };
        device._coalescer = device.MakeCoalescer();
        return device;
    }

    /// <summary>Reads the MTU from the kernel now; see <see cref="Mtu"/>.</summary>
    public unsafe void RefreshMtu()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        InterfaceRequest request = new(Name);
        // Fails only when the interface is gone, which Receive and Send report.
        if (Libc.ioctl(_control.Value, Tun.SIOCGIFMTU, &request) == 0)
        {
            _mtu = request.Value;
        }

        _mtuRead = Environment.TickCount64;
    }

    /// <summary>
    /// Takes packets until there are no more, the batch is full or the burst is over. A packet whose vnet header contradicts it is appended as
    /// dropped, so that it is counted.
    /// </summary>
    /// <returns>
    /// <see cref="PortResult.Ok"/>; <see cref="PortResult.Empty"/> if there was nothing (or no room in the batch), also while the link is down;
    /// <see cref="PortResult.Gone"/> after the interface was deleted.
    /// </returns>
    /// <exception cref="LinuxException">The kernel answered what it is not known to answer here.</exception>
    public unsafe PortResult Receive(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ObjectDisposedException.ThrowIf(_disposed, this);
        VnetHeader header = default;
        IoVector* vectors = stackalloc IoVector[2];
        vectors[0] = new IoVector { Base = &header, Length = VnetHeader.Length };
        int headerLength = _vnetHeader ? VnetHeader.Length : 0;
        int bytes = 0;
        int packets = 0;
        while (packets < _burst && bytes < _burstBytes && batch.TryReserve(PacketBatch.MaxPacketLength, out Span<byte> buffer))
        {
            nint length;
            fixed (byte* start = buffer)
            {
                vectors[1] = new IoVector { Base = start, Length = (nuint)buffer.Length };
                length = _vnetHeader ? Libc.readv(_handle, vectors, 2) : Libc.read(_handle, start, (nuint)buffer.Length);
            }

            if (length < 0)
            {
                Errno error = Libc.LastError;
                if (error == Errno.EINTR)
                {
                    continue;
                }

                return packets != 0 ? PortResult.Ok : ReceiveFailure(error);
            }

            int packetLength = Math.Max(0, (int)length - headerLength);
            int index = batch.Commit(packetLength);
            packets++;
            bytes += packetLength;
            if (_vnetHeader)
            {
                DropReason reason = VnetOffload.Decode(in header, buffer[..packetLength], Layer, ref batch.Meta(index));
                if (reason != DropReason.None)
                {
                    batch.Drop(index, reason);
                }
            }

            if (packetLength == buffer.Length)
            {
                // The kernel cuts what does not fit and does not say so; only what is larger than any IP packet can fill the room.
                batch.Drop(index, DropReason.TooBig);
            }
        }

        return packets != 0 ? PortResult.Ok : PortResult.Empty;
    }

    /// <summary>
    /// Hands the selected packets to the kernel, as if they had come in by the interface. Packets the kernel or this port cannot take
    /// (<see cref="Capabilities"/>) are dropped one by one; a superpacket must have a partial checksum. A superpacket that the kernel refuses as
    /// such is sent in pieces; after several in a row the port takes no more of that kind.
    /// </summary>
    /// <returns>
    /// <see cref="PortResult.Ok"/>; <see cref="PortResult.Down"/> while the link is down and <see cref="PortResult.Gone"/> after the interface was
    /// deleted, both with what was not sent still pending.
    /// </returns>
    public PortResult Send(PacketBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_coalescer is not null)
        {
            return _coalescer.Send(batch, _output) ? PortResult.Ok : _output.Result;
        }

        foreach (int index in batch.Selection)
        {
            if (!_output.Write(batch, new ReadOnlySpan<int>(in index), batch.Data(index), batch.Meta(index)))
            {
                return _output.Result;
            }
        }

        return PortResult.Ok;
    }

    /// <summary>Closes the device; the interface goes with its last open, unless it was made persistent elsewhere.</summary>
    public void Dispose()
    {
        _disposed = true;
        _device.Dispose();
        _control.Dispose();
    }

    private static void CheckOptions(TunDeviceOptions options)
    {
        if (options.Layer is not (DeviceLayer.Ethernet or DeviceLayer.IP))
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.Layer, "A device carries Ethernet frames or IP packets.");
        }

        if (options.TxQueueLength is < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.TxQueueLength, "The transmit queue holds at least one packet.");
        }

        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.ReceiveBurst, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.ReceiveBurstBytes, nameof(options));
    }

    internal static unsafe FileDescriptor OpenClone()
    {
        int handle;
        fixed (byte* path = "/dev/net/tun"u8)
        {
            handle = Libc.open(path, Libc.O_RDWR | Libc.O_NONBLOCK | Libc.O_CLOEXEC, 0);
        }

        if (handle >= 0)
        {
            return new FileDescriptor(handle);
        }

        Errno error = Libc.LastError;
        throw OpenFailure(error);
    }

    /// <summary>What to tell of a device file that cannot be opened; apart, so that its words can be tested without losing privileges.</summary>
    internal static LinuxException OpenFailure(Errno error) => new(error, "open", DevicePath, error switch
    {
        Errno.EPERM or Errno.EACCES => "needs CAP_NET_ADMIN, and read and write access to the device file",
        Errno.ENOENT or Errno.ENODEV or Errno.ENXIO => "load the driver (modprobe tun) or make the device file (mknod /dev/net/tun c 10 200)",
        Errno.EMFILE => "raise the limit of open files (ulimit -n)",
        _ => null,
    });

    /// <summary>What to tell of an interface that cannot be made or attached.</summary>
    internal static LinuxException AttachFailure(Errno error, string name, TunDeviceOptions options) => new(error, nameof(Tun.TUNSETIFF), name, error switch
    {
        Errno.EPERM or Errno.EACCES => "needs CAP_NET_ADMIN in this network namespace",
        Errno.EBUSY => $"another process holds the interface {name}; end it or choose another name",
        Errno.EINVAL => $"an interface {name} exists that is not a {(options.Layer == DeviceLayer.Ethernet ? "TAP" : "TUN")} device " +
            $"{(options.MultiQueue ? "with" : "without")} multiple queues; delete it or choose another name",
        Errno.E2BIG => "the device has no more queues",
        _ => null,
    });

    internal static unsafe string Attach(FileDescriptor device, string name, TunDeviceOptions options, bool exclusive = false)
    {
        int flags = Tun.IFF_NO_PI | (options.Layer == DeviceLayer.Ethernet ? Tun.IFF_TAP : Tun.IFF_TUN) |
            (options.VnetHeader ? Tun.IFF_VNET_HDR : 0) | (options.MultiQueue ? Tun.IFF_MULTI_QUEUE : 0) | (exclusive ? Tun.IFF_TUN_EXCL : 0);
        InterfaceRequest request = new(name) { Flags = (short)flags };
        if (Libc.ioctl(device.Value, Tun.TUNSETIFF, &request) != 0)
        {
            Errno error = Libc.LastError;
            throw exclusive && error == Errno.EBUSY
                ? new LinuxException(error, nameof(Tun.TUNSETIFF), name, $"an interface {name} exists, and one with several queues must be new; delete it or choose another name")
                : AttachFailure(error, name, options);
        }

        return InterfaceName.Read(request.Name);
    }

    /// <summary>Agrees on the vnet header and on the most that kernel and options allow, from the top down.</summary>
    private unsafe PortCapabilities SetOffloads(TunDeviceOptions options)
    {
        PortCapabilities capabilities = options.Layer == DeviceLayer.Ethernet ? PortCapabilities.Ethernet : PortCapabilities.None;
        if (!_vnetHeader)
        {
            // A persistent device may still have what its last owner set, and would then hand over superpackets with nothing to tell them by.
            RequireOffloads(0);
            OffloadState without = OffloadState.Impossible("no vnet header");
            _tcp.Agree(options.Tso ? without : OffloadState.NotAsked);
            _udp.Agree(options.Uso ? without : OffloadState.NotAsked);
            return capabilities;
        }

        int length = VnetHeader.Length;
        if (Libc.ioctl(_handle, Tun.TUNSETVNETHDRSZ, &length) != 0)
        {
            throw LinuxException.Last(nameof(Tun.TUNSETVNETHDRSZ), Name);
        }

        bool faulty = _calls.Release.BreaksEqualSegments;
        uint tcp = options.Tso ? Tun.TUN_F_TSO4 | Tun.TUN_F_TSO6 : 0;
        uint udp = options.Uso && !faulty ? Tun.TUN_F_USO4 | Tun.TUN_F_USO6 : 0;
        _tcp.Agree(options.Tso ? OffloadState.Active : OffloadState.NotAsked);
        _udp.Agree(!options.Uso ? OffloadState.NotAsked : faulty ? OffloadState.Impossible($"kernel {_calls.Release} breaks UDP segments") : OffloadState.Active);
        Errno error = _calls.SetOffloads(_handle, Tun.TUN_F_CSUM | tcp | udp);
        if (error != Errno.None && udp != 0)
        {
            // Before Linux 6.2 these bits are unknown.
            udp = 0;
            _udp.Agree(OffloadState.Refused(error));
            error = _calls.SetOffloads(_handle, Tun.TUN_F_CSUM | tcp);
        }

        if (error != Errno.None && tcp != 0)
        {
            tcp = 0;
            _tcp.Agree(OffloadState.Refused(error));
            error = _calls.SetOffloads(_handle, Tun.TUN_F_CSUM);
        }

        if (error != Errno.None)
        {
            RequireOffloads(0);
            return capabilities;
        }

        return capabilities | PortCapabilities.PartialChecksums |
            (tcp != 0 ? PortCapabilities.TcpSuperpackets : 0) | (udp != 0 ? PortCapabilities.UdpSuperpackets : 0);
    }

    private void RequireOffloads(uint offloads)
    {
        Errno error = _calls.SetOffloads(_handle, offloads);
        if (error != Errno.None)
        {
            throw new LinuxException(error, nameof(Tun.TUNSETOFFLOAD), Name);
        }
    }

    private Coalescer? MakeCoalescer() => _coalesce && (Capabilities & Superpackets) != 0 ? new Coalescer(Capabilities) : null;

    private SuperpacketUse Use(SegmentationKind kind) => kind == SegmentationKind.Udp ? _udp : _tcp;

    internal static unsafe bool SetOffload(FileDescriptor device, uint offloads) =>
        Libc.ioctl(device.Value, Tun.TUNSETOFFLOAD, (void*)offloads) == 0;

    /// <summary>Sets the queue's length and returns the interface's index.</summary>
    private static int SetQueue(string name, int? length)
    {
        // Not by ioctl, which root of a user namespace may not do (SIOCSIFTXQLEN asks for the capability in the initial one).
        using RouteNetlink netlink = RouteNetlink.Open();
        LinkInfo link = netlink.GetLink(name);
        if (length is not null && length != link.TxQueueLength)
        {
            netlink.SetLink(link.Index, new LinkSettings { TxQueueLength = length });
        }

        return link.Index;
    }

    private void GiveUp(SegmentationKind kind)
    {
        Capabilities &= ~(kind == SegmentationKind.Udp ? PortCapabilities.UdpSuperpackets : PortCapabilities.TcpSuperpackets);
        _coalescer = MakeCoalescer();
    }

    private PortResult ReceiveFailure(Errno error) => error switch
    {
        Errno.EAGAIN => PortResult.Empty,
        Errno.EIO => PortResult.Down,
        Errno.EBADFD => PortResult.Gone,
        _ => throw new LinuxException(error, "readv", Name),
    };

    private unsafe Errno Write(in VnetHeader header, ReadOnlySpan<byte> packet)
    {
        Errno error;
        fixed (VnetHeader* front = &header)
        fixed (byte* start = packet)
        {
            IoVector* vectors = stackalloc IoVector[2];
            vectors[0] = new IoVector { Base = front, Length = VnetHeader.Length };
            vectors[1] = new IoVector { Base = start, Length = (nuint)packet.Length };
            do
            {
                error = _vnetHeader ? _calls.Write(_handle, vectors, 2) : _calls.Write(_handle, vectors + 1, 1);
            }
            while (error == Errno.EINTR);
        }

        return error;
    }

    /// <summary>What the kernel would refuse, or take although it must not (it accepts more than 65 535 bytes).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private DropReason Check(ReadOnlySpan<byte> packet)
    {
        if (Layer == DeviceLayer.Ethernet)
        {
            return packet.Length < EthernetLength ? DropReason.InnerTruncated
                : packet.Length > PacketBatch.MaxPacketLength ? DropReason.TooBig
                : DropReason.None;
        }

        return packet.Length == 0 ? DropReason.InnerTruncated
            : packet.Length > MaxIPLength ? DropReason.TooBig
            : (packet[0] >> 4) is not (4 or 6) ? DropReason.NotIP
            : DropReason.None;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool CanTake(in PacketMeta meta) => meta.Segmentation switch
    {
        SegmentationKind.None => meta.Checksum != ChecksumState.Partial || (Capabilities & PortCapabilities.PartialChecksums) != 0,
        SegmentationKind.Udp => (Capabilities & PortCapabilities.UdpSuperpackets) != 0,
        _ => (Capabilities & PortCapabilities.TcpSuperpackets) != 0,
    };

    /// <summary>The way into the kernel: one system call for each packet or superpacket.</summary>
    private sealed class Output(TunDevice device) : ICoalescerOutput
    {
        /// <summary>Why the last packet was not taken.</summary>
        public PortResult Result { get; private set; }

        public bool Write(PacketBatch batch, ReadOnlySpan<int> descriptors, ReadOnlySpan<byte> packet, in PacketMeta meta)
        {
            VnetHeader header = default;
            DropReason reason = device.Check(packet);
            if (meta.Segmentation != SegmentationKind.None && device.Use(meta.Segmentation).IsGivenUp)
            {
                return WriteInPieces(batch, descriptors, packet, meta, out _);
            }

            if (reason == DropReason.None && (!device.CanTake(meta) || !VnetOffload.TryEncode(packet, meta, out header)))
            {
                reason = DropReason.SendFailed;
            }

            if (reason == DropReason.None)
            {
                Errno error = device.Write(in header, packet);
                switch (error)
                {
                    case Errno.None:
                        device.Writes++;
                        if (meta.Segmentation != SegmentationKind.None)
                        {
                            device.Use(meta.Segmentation).Taken();
                        }

                        foreach (int index in descriptors)
                        {
                            batch.Meta(index).State = PacketState.Sent;
                        }

                        return true;
                    case Errno.EAGAIN:
                        Result = PortResult.WouldBlock;
                        return false;
                    case Errno.EIO:
                        Result = PortResult.Down;
                        return false;
                    case Errno.EBADFD:
                        Result = PortResult.Gone;
                        return false;
                    default:
                        if (meta.Segmentation != SegmentationKind.None && SuperpacketUse.MayBeOfForm(error))
                        {
                            bool all = WriteInPieces(batch, descriptors, packet, meta, out bool any);
                            if (any && device.Use(meta.Segmentation).Refused(error))
                            {
                                device.GiveUp(meta.Segmentation);
                            }

                            return all;
                        }

                        reason = DropReason.SendFailed;
                        break;
                }
            }

            foreach (int index in descriptors)
            {
                batch.Drop(index, reason);
            }

            return true;
        }

        // Packets that were merged here go as they came, a superpacket that came as such is cut.
        private bool WriteInPieces(PacketBatch batch, ReadOnlySpan<int> descriptors, ReadOnlySpan<byte> packet, in PacketMeta meta, out bool any)
        {
            any = false;
            if (descriptors.Length == 1)
            {
                return Cut(batch, descriptors[0], packet, meta, out any);
            }

            foreach (int index in descriptors)
            {
                if (!Write(batch, new ReadOnlySpan<int>(in index), batch.Data(index), batch.Meta(index)))
                {
                    return false;
                }

                any |= batch.Meta(index).State == PacketState.Sent;
            }

            return true;
        }

        private bool Cut(PacketBatch batch, int index, ReadOnlySpan<byte> packet, in PacketMeta meta, out bool any)
        {
            any = false;
            if (!Segmentation.TryPlan(packet, meta, out SegmentPlan plan))
            {
                batch.Drop(index, DropReason.SendFailed);
                return true;
            }

            byte[] piece = device._piece ??= GC.AllocateUninitializedArray<byte>(PacketBatch.MaxPacketLength, pinned: true);
            ref PacketMeta whole = ref batch.Meta(index);
            for (int i = 0; i < plan.Count; i++)
            {
                int length = plan.WriteSegment(i, piece);
                Errno error = device.Write(default, piece.AsSpan(0, length));
                switch (error)
                {
                    case Errno.None:
                        device.Writes++;
                        any = true;
                        whole.State = PacketState.Sent;
                        break;
                    case Errno.EAGAIN or Errno.EIO or Errno.EBADFD:
                        Result = error == Errno.EAGAIN ? PortResult.WouldBlock : error == Errno.EIO ? PortResult.Down : PortResult.Gone;
                        if (any)
                        {
                            // A part of it is on its way; the whole cannot be sent a second time.
                            Refusals.Book(ref whole, plan.Count - i, error == Errno.EAGAIN ? DropReason.QueueFull : DropReason.PortDown);
                        }
                        else
                        {
                            whole.RefusedSegments = 0;
                        }

                        return false;
                    default:
                        Refusals.Book(ref whole, 1, DropReason.SendFailed);
                        break;
                }
            }

            if (!any)
            {
                whole.RefusedSegments = 0;
                batch.Drop(index, DropReason.SendFailed);
            }

            return true;
        }
    }
}
