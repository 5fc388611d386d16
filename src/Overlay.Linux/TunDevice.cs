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
    private const long MtuAgeMilliseconds = 100;

    private readonly FileDescriptor _device;
    private readonly FileDescriptor _control;
    private readonly int _handle;
    private readonly int _burst;
    private readonly int _burstBytes;
    private readonly bool _vnetHeader;
    private readonly Output _output;
    private readonly Coalescer? _coalescer;
    private bool _disposed;
    private int _mtu;
    private long _mtuRead;

    private TunDevice(FileDescriptor device, FileDescriptor control, string name, int index, PortCapabilities capabilities, TunDeviceOptions options)
    {
        _device = device;
        _control = control;
        _handle = device.Value;
        _burst = options.ReceiveBurst;
        _burstBytes = options.ReceiveBurstBytes;
        _vnetHeader = options.VnetHeader;
        Layer = options.Layer;
        Name = name;
        InterfaceIndex = index;
        Capabilities = capabilities;
        _output = new Output(this);
        _coalescer = options.Coalesce && (capabilities & PortCapabilities.TcpSuperpackets) != 0 ? new Coalescer(capabilities) : null;
        RefreshMtu();
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
    public PortCapabilities Capabilities { get; }

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
    public static TunDevice Open(string name, TunDeviceOptions? options = null)
    {
        options ??= new TunDeviceOptions();
        InterfaceName.Check(name, nameof(name));
        CheckOptions(options);
        FileDescriptor? control = null;
        FileDescriptor device = OpenClone();
        try
        {
            string actualName = Attach(device, name, options);
            PortCapabilities capabilities = SetOffloads(device, actualName, options);
            control = NetlinkCalls.OpenControlSocket();
            return new TunDevice(device, control, actualName, SetQueue(actualName, options.TxQueueLength), capabilities, options);
        }
        catch
        {
            control?.Dispose();
            device.Dispose();
            throw;
        }
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
    /// (<see cref="Capabilities"/>) are dropped one by one; a superpacket must have a partial checksum. Packets that were merged into a superpacket
    /// (<see cref="TunDeviceOptions.Coalesce"/>) share its fate.
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

    internal static unsafe string Attach(FileDescriptor device, string name, TunDeviceOptions options)
    {
        int flags = Tun.IFF_NO_PI | (options.Layer == DeviceLayer.Ethernet ? Tun.IFF_TAP : Tun.IFF_TUN) |
            (options.VnetHeader ? Tun.IFF_VNET_HDR : 0) | (options.MultiQueue ? Tun.IFF_MULTI_QUEUE : 0);
        InterfaceRequest request = new(name) { Flags = (short)flags };
        if (Libc.ioctl(device.Value, Tun.TUNSETIFF, &request) != 0)
        {
            Errno error = Libc.LastError;
            throw AttachFailure(error, name, options);
        }

        return InterfaceName.Read(request.Name);
    }

    /// <summary>Agrees on the vnet header and on the most that kernel and options allow, from the top down.</summary>
    private static unsafe PortCapabilities SetOffloads(FileDescriptor device, string name, TunDeviceOptions options)
    {
        PortCapabilities capabilities = options.Layer == DeviceLayer.Ethernet ? PortCapabilities.Ethernet : PortCapabilities.None;
        if (!options.VnetHeader)
        {
            // A persistent device may still have what its last owner set, and would then hand over superpackets with nothing to tell them by.
            return SetOffload(device, 0) ? capabilities : throw LinuxException.Last(nameof(Tun.TUNSETOFFLOAD), name);
        }

        int length = VnetHeader.Length;
        if (Libc.ioctl(device.Value, Tun.TUNSETVNETHDRSZ, &length) != 0)
        {
            throw LinuxException.Last(nameof(Tun.TUNSETVNETHDRSZ), name);
        }

        const uint Tcp = Tun.TUN_F_CSUM | Tun.TUN_F_TSO4 | Tun.TUN_F_TSO6;
        if (options.Tso && options.Uso && SetOffload(device, Tcp | Tun.TUN_F_USO4 | Tun.TUN_F_USO6))
        {
            return capabilities | PortCapabilities.PartialChecksums | PortCapabilities.TcpSuperpackets | PortCapabilities.UdpSuperpackets;
        }

        if (options.Tso && SetOffload(device, Tcp))
        {
            return capabilities | PortCapabilities.PartialChecksums | PortCapabilities.TcpSuperpackets;
        }

        if (SetOffload(device, Tun.TUN_F_CSUM))
        {
            return capabilities | PortCapabilities.PartialChecksums;
        }

        return SetOffload(device, 0) ? capabilities : throw LinuxException.Last(nameof(Tun.TUNSETOFFLOAD), name);
    }

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
                nint written = _vnetHeader ? Libc.writev(_handle, vectors, 2) : Libc.write(_handle, start, (nuint)packet.Length);
                error = written < 0 ? Libc.LastError : Errno.None;
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
            if (reason == DropReason.None && (!device.CanTake(meta) || !VnetOffload.TryEncode(packet, meta, out header)))
            {
                reason = DropReason.SendFailed;
            }

            if (reason == DropReason.None)
            {
                switch (device.Write(in header, packet))
                {
                    case Errno.None:
                        device.Writes++;
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
    }
}
