using Overlay.Linux.Interop;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>
/// What there is to hear of the paths to remotes in a network namespace: ICMP errors, with as much of the packets that they quote as routers sent, and that
/// interfaces, addresses or routes changed. Belongs to one thread; <see cref="Wake"/> is for any.
/// </summary>
/// <remarks>
/// Raw sockets hear ICMP for every kind of tunnel and whatever sent the packet, tunnel GSO included; the error queues of the sockets, which know only what
/// they sent themselves and tell it at the next send, go on keeping their books. The kernel's own path MTUs (route exceptions) are not used: it believes
/// whoever quotes an open port.
/// </remarks>
public sealed unsafe class UnderlayMonitor : IDisposable
{
    private const int ControlLength = 64;
    private const int PacketInfoLength = 16;

    // linux/icmp.h: ICMP_FILTER, a bit for each type that is kept out. linux/icmpv6.h: ICMPV6_FILTER, the same in 256 bits.
    private const int SolRaw = 255;
    private const int IcmpFilter = 1;
    private const int IcmpV6Filter = 1;
    private const uint PassIPv4 = (1u << (int)IcmpType.DestinationUnreachable) | (1u << (int)IcmpType.TimeExceeded);
    private const uint PassIPv6 = (1u << (int)IcmpV6Type.DestinationUnreachable) | (1u << (int)IcmpV6Type.PacketTooBig) | (1u << (int)IcmpV6Type.TimeExceeded);

    private readonly FileDescriptor _wake;
    private readonly RouteMonitor _changes;
    private readonly NativeSocket? _icmp4;
    private readonly NativeSocket? _icmp6;

    private UnderlayMonitor(FileDescriptor wake, RouteMonitor changes, NativeSocket? icmp4, NativeSocket? icmp6, string? failure)
    {
        _wake = wake;
        _changes = changes;
        _icmp4 = icmp4;
        _icmp6 = icmp6;
        IcmpFailure = failure;
    }

    /// <summary>Why ICMP is not heard, of one family at least; null if it is.</summary>
    public string? IcmpFailure { get; }

    /// <summary>Begins to listen in the network namespace of this thread.</summary>
    /// <param name="ipv4">Whether ICMP is of interest.</param>
    /// <param name="ipv6">Whether ICMPv6 is.</param>
    /// <exception cref="LinuxException">The kernel gives no netlink socket; that it gives no raw one is <see cref="IcmpFailure"/>.</exception>
    public static UnderlayMonitor Open(bool ipv4, bool ipv6)
    {
        int handle = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
        if (handle < 0)
        {
            throw LinuxException.Last("eventfd", "wake-up of the underlay's monitor");
        }

        FileDescriptor wake = new(handle);
        try
        {
            RouteMonitor changes = RouteMonitor.Open();
            string? failure = null;
            NativeSocket? icmp4 = ipv4 ? TryOpen(SocketConstants.AF_INET, IPProtocol.Icmp, ref failure) : null;
            NativeSocket? icmp6 = ipv6 ? TryOpen(SocketConstants.AF_INET6, IPProtocol.IcmpV6, ref failure) : null;
            return new UnderlayMonitor(wake, changes, icmp4, icmp6, failure);
        }
        catch
        {
            wake.Dispose();
            throw;
        }
    }

    /// <summary>Waits until there is something to hear, somebody calls <see cref="Wake"/>, or the time is over.</summary>
    public void Wait(int timeoutMilliseconds)
    {
        const int Count = 4;
        PollDescriptor* descriptors = stackalloc PollDescriptor[Count];
        descriptors[0] = new PollDescriptor { Handle = _wake.Value, Events = Libc.POLLIN };
        descriptors[1] = new PollDescriptor { Handle = _changes.Handle, Events = Libc.POLLIN };
        descriptors[2] = new PollDescriptor { Handle = _icmp4?.Handle ?? -1, Events = Libc.POLLIN };
        descriptors[3] = new PollDescriptor { Handle = _icmp6?.Handle ?? -1, Events = Libc.POLLIN };
        if (Libc.poll(descriptors, Count, timeoutMilliseconds) < 0 && Libc.LastError != Errno.EINTR)
        {
            throw LinuxException.Last("poll", "the underlay's monitor");
        }
    }

    /// <summary>Has <see cref="Wait"/> return, now and from now on.</summary>
    public void Wake()
    {
        ulong one = 1;
        _ = Libc.write(_wake.Value, &one, sizeof(ulong));
    }

    /// <summary>Forgets what changed.</summary>
    /// <returns>Whether an interface, an address or a route has changed since the last call, or so much that the kernel could not keep it.</returns>
    /// <exception cref="LinuxException">The kernel answered what it is not known to answer here.</exception>
    public bool TakeChanges() => _changes.Wait(TimeSpan.Zero);

    /// <summary>Takes the next ICMP error.</summary>
    /// <param name="buffer">Room for it, and over IPv4 for the IP header in front of it; what is longer is cut.</param>
    /// <param name="message">Where it lies.</param>
    /// <returns>false if there is none.</returns>
    public bool TryReceive(Span<byte> buffer, out ReceivedIcmp message) =>
        TryReceiveIPv4(buffer, out message) || TryReceiveIPv6(buffer, out message);

    /// <inheritdoc/>
    public void Dispose()
    {
        _icmp4?.Dispose();
        _icmp6?.Dispose();
        _changes.Dispose();
        _wake.Dispose();
    }

    private bool TryReceiveIPv4(Span<byte> buffer, out ReceivedIcmp message)
    {
        message = default;
        while (_icmp4 is not null && Receive(_icmp4, buffer, out int length, out _, out _))
        {
            if (IPv4Packet.TryParseTruncated(buffer[..length], out IPv4Packet packet))
            {
                message = new ReceivedIcmp(packet.Source, packet.Destination, packet.HeaderLength, packet.Payload.Length);
                return true;
            }
        }

        return false;
    }

    private bool TryReceiveIPv6(Span<byte> buffer, out ReceivedIcmp message)
    {
        message = default;
        if (_icmp6 is null || !Receive(_icmp6, buffer, out int length, out ValueIPAddress source, out ValueIPAddress destination))
        {
            return false;
        }

        message = new ReceivedIcmp(source, destination, 0, length);
        return true;
    }

    private static bool Receive(NativeSocket socket, Span<byte> buffer, out int length, out ValueIPAddress source, out ValueIPAddress destination)
    {
        byte* name = stackalloc byte[SocketAddress.MaxLength];
        byte* control = stackalloc byte[ControlLength];
        source = default;
        destination = default;
        fixed (byte* bytes = buffer)
        {
            IoVector vector = new() { Base = bytes, Length = (nuint)buffer.Length };
            while (true)
            {
                MessageHeader header = new()
                {
                    Name = name,
                    NameLength = SocketAddress.MaxLength,
                    Vectors = &vector,
                    VectorCount = 1,
                    Control = control,
                    ControlLength = ControlLength,
                };
                length = (int)SocketCalls.recvmsg(socket.Handle, &header, SocketConstants.MSG_DONTWAIT);
                if (length < 0)
                {
                    if (Libc.LastError == Errno.EINTR)
                    {
                        continue;
                    }

                    return false;
                }

                _ = SocketAddress.TryRead(new ReadOnlySpan<byte>(name, (int)Math.Min(header.NameLength, SocketAddress.MaxLength)), out source, out _);
                ControlMessageReader reader = new(new ReadOnlySpan<byte>(control, (int)Math.Min(header.ControlLength, ControlLength)));
                while (reader.Next())
                {
                    if (reader.Level == SocketConstants.IPPROTO_IPV6 && reader.Type == SocketConstants.IPV6_PKTINFO && reader.Data.Length >= PacketInfoLength)
                    {
                        destination = new ValueIPAddress(reader.Data[..PacketInfoLength]);
                    }
                }

                return true;
            }
        }
    }

    private static NativeSocket? TryOpen(int family, IPProtocol protocol, ref string? failure)
    {
        NativeSocket? socket = null;
        try
        {
            socket = NativeSocket.Open(family, SocketConstants.SOCK_RAW, (int)protocol, protocol == IPProtocol.Icmp ? "ICMP" : "ICMPv6");
            uint* filter = stackalloc uint[8];
            new Span<uint>(filter, 8).Fill(uint.MaxValue);
            filter[0] = ~(protocol == IPProtocol.Icmp ? PassIPv4 : PassIPv6);
            (int level, int option, uint length) = protocol == IPProtocol.Icmp ? (SolRaw, IcmpFilter, sizeof(uint)) : ((int)IPProtocol.IcmpV6, IcmpV6Filter, 8u * sizeof(uint));
            if (SocketCalls.setsockopt(socket.Handle, level, option, filter, length) != 0)
            {
                throw LinuxException.Last("ICMP_FILTER", "ICMP");
            }

            if (protocol == IPProtocol.IcmpV6)
            {
                socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO");
            }

            return socket;
        }
        catch (LinuxException e)
        {
            socket?.Dispose();
            failure = e.Message;
            return null;
        }
    }
}
