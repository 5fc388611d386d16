using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Overlay.Capture;
using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// Captures what passes one network interface, in both directions, and writes it as pcapng: a packet socket and a thread of its own.
/// </summary>
/// <remarks>
/// <para>Times are the kernel's, in nanoseconds. A VLAN tag that the kernel took out of the bytes is put back. On a loopback interface, where each
/// packet is seen twice, only the received one is written.</para>
/// <para>While the stream is slow packets wait in the socket's buffer; what finds no room there the kernel drops, and <see cref="Dropped"/> and the
/// statistics at the end of the file say how many.</para>
/// </remarks>
public sealed class PacketCapture : IDisposable
{
    // More than the largest superpacket that IPv4 and usual BIG TCP settings make.
    private const int BufferLength = 256 * 1024;
    private const int VlanTagLength = 4;
    private const int MacAddressesLength = 2 * MacAddress.Length;
    private const int ControlLength = 256;
    private const int PacketsPerFlush = 256;
    private const int DrainMilliseconds = 50;
    private const int DownPollMilliseconds = 100;
    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly NativeSocket _socket;
    private readonly FileDescriptor _wake;
    private readonly CaptureWriter _writer;
    private readonly bool _loopback;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _statisticsLock = new();
    private readonly Thread _thread;
    private volatile bool _stop;
    private bool _down;
    private bool _closed;
    private long _captured;
    private long _seen;
    private long _dropped;

    private PacketCapture(string interfaceName, NativeSocket socket, FileDescriptor wake, Stream stream, LinkType linkType, bool loopback, PacketCaptureOptions options)
    {
        InterfaceName = interfaceName;
        LinkType = linkType;
        _socket = socket;
        _wake = wake;
        _loopback = loopback;
        _writer = new CaptureWriter(stream, new CaptureWriterOptions { Application = "Overlay PacketCapture" }, options.LeaveOpen);
        _writer.AddInterface(linkType, interfaceName, snapLength: options.SnapLength);
        _thread = new Thread(Run) { IsBackground = true, Name = $"capture {interfaceName}" };
    }

    /// <summary>The interface.</summary>
    public string InterfaceName { get; }

    /// <summary>What its packets begin with: <see cref="LinkType.Ethernet"/>, or <see cref="LinkType.Raw"/> for a TUN or an IP tunnel.</summary>
    public LinkType LinkType { get; }

    /// <summary>Packets written so far.</summary>
    public long Captured => Volatile.Read(ref _captured);

    /// <summary>Packets that the kernel dropped so far, since the socket's buffer was full (PACKET_STATISTICS).</summary>
    public long Dropped
    {
        get
        {
            ReadStatistics();
            return Volatile.Read(ref _dropped);
        }
    }

    /// <summary>Ends with the capture: in success after <see cref="Stop"/>, else with why it ended by itself.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Begins to capture an interface of the calling thread's network namespace.</summary>
    /// <param name="interfaceName">The interface; it may be down.</param>
    /// <param name="stream">Where pcapng goes; it belongs to the capture until that ends.</param>
    /// <param name="options">How to capture.</param>
    /// <exception cref="ArgumentException">An argument is out of its range.</exception>
    /// <exception cref="LinuxException">EPERM: CAP_NET_RAW is missing. ENODEV: there is no such interface here.</exception>
    /// <exception cref="NotSupportedException">The interface carries neither Ethernet nor IP.</exception>
    public static PacketCapture Start(string interfaceName, Stream stream, PacketCaptureOptions? options = null)
    {
        Overlay.Linux.InterfaceName.Check(interfaceName, nameof(interfaceName));
        ArgumentNullException.ThrowIfNull(stream);
        options ??= new PacketCaptureOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(options.SnapLength, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.ReceiveBufferLength, nameof(options));
        if (!stream.CanWrite)
        {
            throw new ArgumentException("The stream cannot be written.", nameof(stream));
        }

        NativeSocket? socket = null;
        FileDescriptor? wake = null;
        try
        {
            socket = OpenSocket(interfaceName, options, out ushort hardwareType);
            wake = OpenWake(interfaceName);
            LinkType linkType = ToLinkType(hardwareType, interfaceName);
            var capture = new PacketCapture(interfaceName, socket, wake, stream, linkType, hardwareType == PacketSocketNative.ARPHRD_LOOPBACK, options);
            capture._thread.Start();
            socket = null;
            wake = null;
            return capture;
        }
        finally
        {
            socket?.Dispose();
            wake?.Dispose();
        }
    }

    /// <summary>
    /// Ends the capture: writes what the socket holds now, as far as that takes no longer than 50 ms, and the statistics; then returns. A second call
    /// does nothing.
    /// </summary>
    /// <exception cref="IOException">The capture had ended by itself: the stream failed or the interface was removed.</exception>
    public void Stop()
    {
        End();
        _completion.Task.GetAwaiter().GetResult();
    }

    /// <summary>As <see cref="Stop"/>, but throws nothing; <see cref="Completion"/> has what went wrong.</summary>
    public void Dispose()
    {
        End();
        lock (_statisticsLock)
        {
            _closed = true;
            _socket.Dispose();
            _wake.Dispose();
        }
    }

    private static unsafe NativeSocket OpenSocket(string interfaceName, PacketCaptureOptions options, out ushort hardwareType)
    {
        // Protocol 0: nothing is received before the socket is bound to its interface.
        NativeSocket socket = NativeSocket.Open(PacketSocketNative.AF_PACKET, SocketConstants.SOCK_RAW, 0, $"packet socket on {interfaceName}");
        try
        {
            uint index;
            fixed (byte* name = Encoding.UTF8.GetBytes(interfaceName + '\0'))
            {
                index = Libc.if_nametoindex(name);
            }

            if (index == 0)
            {
                throw LinuxException.Last("if_nametoindex", interfaceName, "there is no such interface in this network namespace");
            }

            socket.SetBuffer(SocketConstants.SO_RCVBUFFORCE, SocketConstants.SO_RCVBUF, options.ReceiveBufferLength);
            socket.Set(SocketConstants.SOL_SOCKET, PacketSocketNative.SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS");
            socket.Set(PacketSocketNative.SOL_PACKET, PacketSocketNative.PACKET_AUXDATA, 1, "PACKET_AUXDATA");
            if (options.Promiscuous)
            {
                PacketSocketNative.Membership membership = new() { InterfaceIndex = (int)index, Type = PacketSocketNative.PACKET_MR_PROMISC };
                if (SocketCalls.setsockopt(
                    socket.Handle, PacketSocketNative.SOL_PACKET, PacketSocketNative.PACKET_ADD_MEMBERSHIP, &membership,
                    (uint)sizeof(PacketSocketNative.Membership)) != 0)
                {
                    throw LinuxException.Last("PACKET_ADD_MEMBERSHIP", interfaceName);
                }
            }

            PacketSocketNative.LinkLayerAddress address = new()
            {
                Family = PacketSocketNative.AF_PACKET,
                Protocol = BinaryPrimitives.ReverseEndianness(PacketSocketNative.ETH_P_ALL),
                InterfaceIndex = (int)index,
            };
            if (SocketCalls.bind(socket.Handle, &address, (uint)sizeof(PacketSocketNative.LinkLayerAddress)) != 0)
            {
                throw LinuxException.Last("bind(AF_PACKET)", interfaceName);
            }

            hardwareType = GetAddress(socket, interfaceName).HardwareType;
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static FileDescriptor OpenWake(string interfaceName)
    {
        int handle = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
        return handle >= 0 ? new FileDescriptor(handle) : throw LinuxException.Last("eventfd", $"wake-up of the capture of {interfaceName}");
    }

    private static LinkType ToLinkType(ushort hardwareType, string interfaceName) => hardwareType switch
    {
        PacketSocketNative.ARPHRD_ETHER or PacketSocketNative.ARPHRD_LOOPBACK => LinkType.Ethernet,
        PacketSocketNative.ARPHRD_NONE or PacketSocketNative.ARPHRD_PPP or PacketSocketNative.ARPHRD_TUNNEL or PacketSocketNative.ARPHRD_TUNNEL6
            or PacketSocketNative.ARPHRD_SIT => LinkType.Raw,
        _ => throw new NotSupportedException($"{interfaceName} has hardware type {hardwareType}; Ethernet and IP interfaces can be captured."),
    };

    private static unsafe PacketSocketNative.LinkLayerAddress GetAddress(NativeSocket socket, string interfaceName)
    {
        PacketSocketNative.LinkLayerAddress address = default;
        uint length = (uint)sizeof(PacketSocketNative.LinkLayerAddress);
        return SocketCalls.getsockname(socket.Handle, &address, &length) == 0 ? address : throw LinuxException.Last("getsockname", interfaceName);
    }

    private static long Now() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;

    private unsafe void End()
    {
        _stop = true;
        lock (_statisticsLock)
        {
            if (!_closed)
            {
                ulong one = 1;
                // It can fail only when it was written 2⁶⁴ − 2 times: the thread is awake then.
                _ = Libc.write(_wake.Value, &one, sizeof(ulong));
            }
        }

        _thread.Join();
    }

    private void Run()
    {
        // Whatever ends the capture, the file gets its statistics and is closed; the first failure is the one to be told.
        Exception? failure = Try(Capture);
        Exception? ending = Try(() =>
        {
            ReadStatistics();
            _writer.WriteStatistics(0, Now(), _seen, _dropped);
            _writer.DisposeAsync().AsTask().GetAwaiter().GetResult();
        });
        failure ??= ending;
        if (failure is null)
        {
            _completion.SetResult();
        }
        else
        {
            _completion.SetException(failure);
        }
    }

    private static Exception? Try(Action action)
    {
        try
        {
            action();
            return null;
        }
#pragma warning disable CA1031 // Nothing is swallowed: Completion and Stop throw it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return exception;
        }
    }

    private unsafe void Capture()
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(VlanTagLength + BufferLength, pinned: true);
        PollDescriptor* descriptors = stackalloc PollDescriptor[2];
        descriptors[0] = new PollDescriptor { Handle = _socket.Handle, Events = Libc.POLLIN };
        descriptors[1] = new PollDescriptor { Handle = _wake.Value, Events = Libc.POLLIN };
        Flush();
        while (!_stop)
        {
            // The kernel says that the interface went down, but not that it is gone for good: that is to be looked up.
            if (Libc.poll(descriptors, 2, _down ? DownPollMilliseconds : -1) < 0 && Libc.LastError is var error and not Errno.EINTR)
            {
                throw new LinuxException(error, "poll", InterfaceName);
            }

            Drain(buffer);
            Flush();
            if (_down && GetAddress(_socket, InterfaceName).InterfaceIndex < 0)
            {
                throw new LinuxException(Errno.ENODEV, "recvmsg", InterfaceName, "the interface was removed");
            }
        }

        Drain(buffer);
    }

    // Until the socket is empty; once the capture is to end, for a bounded time only.
    private void Drain(byte[] buffer)
    {
        long? end = null;
        int unflushed = 0;
        while (TryReceive(buffer))
        {
            if (++unflushed == PacketsPerFlush)
            {
                unflushed = 0;
                Flush();
            }

            if (_stop)
            {
                end ??= Environment.TickCount64 + DrainMilliseconds;
                if (Environment.TickCount64 >= end)
                {
                    return;
                }
            }
        }
    }

    private unsafe bool TryReceive(byte[] buffer)
    {
        PacketSocketNative.LinkLayerAddress address = default;
        byte* control = stackalloc byte[ControlLength];
        nint length;
        MessageHeader header = default;
        fixed (byte* start = buffer)
        {
            // Room in front, in which a VLAN tag can be put back without moving the packet.
            IoVector vector = new() { Base = start + VlanTagLength, Length = BufferLength };
            header.Name = &address;
            header.NameLength = (uint)sizeof(PacketSocketNative.LinkLayerAddress);
            header.Vectors = &vector;
            header.VectorCount = 1;
            header.Control = control;
            header.ControlLength = ControlLength;
            length = SocketCalls.recvmsg(_socket.Handle, &header, SocketConstants.MSG_TRUNC);
        }

        if (length < 0)
        {
            return HandleError(Libc.LastError);
        }

        _down = false;
        bool outgoing = address.PacketType == PacketSocketNative.PACKET_OUTGOING;
        if (outgoing && _loopback)
        {
            return true;
        }

        Span<byte> data = buffer.AsSpan(VlanTagLength, (int)Math.Min(length, BufferLength));
        long original = length;
        long time = ReadControl(new ReadOnlySpan<byte>(control, (int)header.ControlLength), out PacketSocketNative.AuxiliaryData auxiliary);
        if ((auxiliary.Status & PacketSocketNative.TP_STATUS_VLAN_VALID) != 0 && LinkType == LinkType.Ethernet && data.Length >= MacAddressesLength)
        {
            data = RestoreVlanTag(buffer, data.Length, auxiliary);
            original += VlanTagLength;
        }

        _writer.Write(0, time, data, outgoing ? PacketDirection.Outbound : PacketDirection.Inbound, originalLength: original);
        Volatile.Write(ref _captured, _captured + 1);
        return true;
    }

    private bool HandleError(Errno error)
    {
        switch (error)
        {
            case Errno.EAGAIN:
                return false;
            case Errno.EINTR:
                return true;
            case Errno.ENETDOWN:
                // Said once; packets come again when the interface is up again.
                _down = true;
                return true;
            default:
                throw new LinuxException(error, "recvmsg", InterfaceName);
        }
    }

    private static Span<byte> RestoreVlanTag(byte[] buffer, int length, PacketSocketNative.AuxiliaryData auxiliary)
    {
        buffer.AsSpan(VlanTagLength, MacAddressesLength).CopyTo(buffer);
        bool known = (auxiliary.Status & PacketSocketNative.TP_STATUS_VLAN_TPID_VALID) != 0;
        BinaryPrimitives.WriteUInt16BigEndian(buffer.AsSpan(MacAddressesLength), known ? auxiliary.VlanProtocol : (ushort)EtherType.Vlan);
        BinaryPrimitives.WriteUInt16BigEndian(buffer.AsSpan(MacAddressesLength + 2), auxiliary.VlanTag);
        return buffer.AsSpan(0, length + VlanTagLength);
    }

    private static unsafe long ReadControl(ReadOnlySpan<byte> control, out PacketSocketNative.AuxiliaryData auxiliary)
    {
        auxiliary = default;
        long? time = null;
        var reader = new ControlMessageReader(control);
        while (reader.Next())
        {
            if (reader is { Level: SocketConstants.SOL_SOCKET, Type: PacketSocketNative.SO_TIMESTAMPNS } && reader.Data.Length >= sizeof(TimeSpec))
            {
                TimeSpec stamp = MemoryMarshal.Read<TimeSpec>(reader.Data);
                time = (stamp.Seconds * NanosecondsPerSecond) + stamp.Nanoseconds;
            }
            else if (reader is { Level: PacketSocketNative.SOL_PACKET, Type: PacketSocketNative.PACKET_AUXDATA }
                && reader.Data.Length >= sizeof(PacketSocketNative.AuxiliaryData))
            {
                auxiliary = MemoryMarshal.Read<PacketSocketNative.AuxiliaryData>(reader.Data);
            }
        }

        return time ?? Now();
    }

    private unsafe void ReadStatistics()
    {
        lock (_statisticsLock)
        {
            if (_closed)
            {
                return;
            }

            PacketSocketNative.Statistics statistics = default;
            uint length = (uint)sizeof(PacketSocketNative.Statistics);
            // The kernel counts from zero after each reading.
            if (SocketCalls.getsockopt(_socket.Handle, PacketSocketNative.SOL_PACKET, PacketSocketNative.PACKET_STATISTICS, &statistics, &length) != 0)
            {
                throw LinuxException.Last("PACKET_STATISTICS", InterfaceName);
            }

            _seen += statistics.Packets;
            _dropped += statistics.Drops;
        }
    }

    private void Flush()
    {
        if (!_writer.FlushAsync().AsTask().GetAwaiter().GetResult())
        {
            throw new IOException($"{InterfaceName}: the reader of the capture is gone.");
        }
    }
}
