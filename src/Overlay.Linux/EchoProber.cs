using System.Diagnostics;
using System.Runtime.InteropServices;
using Overlay.Linux.Interop;
using Overlay.Wire;

namespace Overlay.Linux;

/// <summary>
/// Sends ICMP echo requests of chosen lengths that no router may fragment, and says what became of each: the way to measure the MTU of a path. The
/// namespace is that of the thread that opens it. Belongs to one thread at a time.
/// </summary>
/// <remarks>
/// The kernel's own record of path MTUs is neither asked nor believed (IP_PMTUDISC_PROBE): a message that ICMP forged does not change what is measured.
/// </remarks>
public sealed unsafe class EchoProber : IDisposable
{
    private const int HeaderLength = IcmpPacket.HeaderLength;
    private const int ReceiveLength = 65_536;
    private const int ControlLength = 512;

    // struct sock_extended_err (linux/errqueue.h): errno 4, origin 1, type 1, code 1, pad 1, info 4, data 4; the offender's address follows.
    private const int ExtendedErrorLength = 16;
    private const int OriginOffset = 4;
    private const int InfoOffset = 8;
    private const byte OriginLocal = 1;

    private readonly NativeSocket _socket;
    private readonly ValueIPAddress _target;
    private readonly ushort _identifier;
    private readonly byte[] _request = new byte[ReceiveLength];
    private readonly byte[] _answer = new byte[ReceiveLength];
    private ushort _sequence;

    private EchoProber(NativeSocket socket, ValueIPAddress target)
    {
        _socket = socket;
        _target = target;
        _identifier = Identifier(socket);
    }

    private int IPHeaderLength => _target.IsIPv4 ? IPv4Packet.MinimumHeaderLength : IPv6Packet.HeaderLength;

    /// <summary>The shortest packet that can be sent: 28 or 48 bytes.</summary>
    public int MinimumLength => IPHeaderLength + HeaderLength;

    /// <summary>Opens a socket in the network namespace of this thread.</summary>
    /// <param name="target">Who is to answer.</param>
    /// <param name="source">The source address; null for the kernel's choice.</param>
    /// <exception cref="ArgumentException">The addresses are of different families.</exception>
    /// <exception cref="LinuxException">EPERM without CAP_NET_RAW; EADDRNOTAVAIL: the source is no address of this namespace.</exception>
    public static EchoProber Open(ValueIPAddress target, ValueIPAddress? source = null)
    {
        if (source is ValueIPAddress other && other.IsIPv4 != target.IsIPv4)
        {
            throw new ArgumentException($"{source} and {target} are of different families.", nameof(source));
        }

        string name = $"echo to {target}";
        NativeSocket socket = target.IsIPv4
            ? NativeSocket.Open(SocketConstants.AF_INET, SocketConstants.SOCK_RAW, (int)IPProtocol.Icmp, name)
            : NativeSocket.Open(SocketConstants.AF_INET6, SocketConstants.SOCK_RAW, (int)IPProtocol.IcmpV6, name);
        try
        {
            if (target.IsIPv4)
            {
                socket.Set(SocketConstants.IPPROTO_IP, SocketConstants.IP_MTU_DISCOVER, SocketConstants.IP_PMTUDISC_PROBE, "IP_MTU_DISCOVER");
                socket.Set(SocketConstants.IPPROTO_IP, SocketConstants.IP_RECVERR, 1, "IP_RECVERR");
            }
            else
            {
                socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_MTU_DISCOVER, SocketConstants.IP_PMTUDISC_PROBE, "IPV6_MTU_DISCOVER");
                socket.Set(SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_RECVERR, 1, "IPV6_RECVERR");
            }

            AdmitOwn(socket, target.IsIPv4);
            if (source is ValueIPAddress address && socket.TryBind(address, 0, 0) is not Errno.None and Errno errno)
            {
                throw new LinuxException(errno, "bind", $"{name} from {address}");
            }

            return new EchoProber(socket, target);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends one request and waits for what becomes of it.</summary>
    /// <param name="length">The whole IP packet in bytes, from <see cref="MinimumLength"/> to 65 535.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <exception cref="ArgumentOutOfRangeException">Another length.</exception>
    public EchoResult Probe(int length, TimeSpan timeout)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, MinimumLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, ushort.MaxValue);
        int message = length - IPHeaderLength;
        // What came too late the last time, and own requests to this host itself.
        Receive(message);
        Write(++_sequence, message);
        long begin = Stopwatch.GetTimestamp();
        if (Refusal() is EchoResult stale && stale.Outcome == EchoOutcome.Unreachable)
        {
            // Of an earlier request: read so that it does not fail this one.
            begin = Stopwatch.GetTimestamp();
        }

        // An error that waits on the socket fails one call without sending: the second tells.
        for (int attempt = 0; ; attempt++)
        {
            Errno errno = Send(message);
            if (errno == Errno.None)
            {
                break;
            }

            if (errno == Errno.EMSGSIZE)
            {
                EchoResult here = Refusal() ?? new EchoResult(EchoOutcome.TooBigHere, 0, null, TimeSpan.Zero);
                if (here.Outcome == EchoOutcome.TooBigHere || attempt > 0)
                {
                    return here;
                }
            }
            else if (attempt > 0)
            {
                return new EchoResult(EchoOutcome.Unreachable, 0, null, TimeSpan.Zero);
            }
        }

        while (true)
        {
            TimeSpan left = timeout - Stopwatch.GetElapsedTime(begin);
            if (left <= TimeSpan.Zero)
            {
                return new EchoResult(EchoOutcome.Lost, 0, null, TimeSpan.Zero);
            }

            PollDescriptor poll = new() { Handle = _socket.Handle, Events = Libc.POLLIN };
            _ = Libc.poll(&poll, 1, (int)Math.Ceiling(left.TotalMilliseconds));
            if ((poll.ReturnedEvents & Libc.POLLERR) != 0 && Refusal() is EchoResult refusal)
            {
                return refusal;
            }

            if (Receive(message))
            {
                return new EchoResult(EchoOutcome.Answered, 0, null, Stopwatch.GetElapsedTime(begin));
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private void Write(ushort sequence, int length)
    {
        Span<byte> message = _request.AsSpan(0, length);
        // The same in each byte: what is lost is lost for its length, not for its content.
        message.Fill(0x5A);
        if (_target.IsIPv4)
        {
            IcmpHeader.Echo(reply: false, _identifier, sequence).TryWriteMessage(message, message[HeaderLength..], out _);
            return;
        }

        // The kernel writes the checksum of ICMPv6 (RFC 3542 §3.1).
        IcmpV6Header.Echo(reply: false, _identifier, sequence).TryWrite(message, out _);
    }

    private Errno Send(int length)
    {
        Span<byte> address = stackalloc byte[SocketAddress.MaxLength];
        int addressLength = SocketAddress.Write(address, _target, 0, 0, 0);
        fixed (byte* request = _request, name = address)
        {
            IoVector vector = new() { Base = request, Length = (nuint)length };
            MessageHeader header = new() { Name = name, NameLength = (uint)addressLength, Vectors = &vector, VectorCount = 1 };
            return SocketCalls.sendmsg(_socket.Handle, &header, SocketConstants.MSG_DONTWAIT) < 0 ? Libc.LastError : Errno.None;
        }
    }

    // Reads all that waits: what is no answer to the last request is of no use any more.
    private bool Receive(int length)
    {
        fixed (byte* buffer = _answer)
        {
            IoVector vector = new() { Base = buffer, Length = ReceiveLength };
            while (true)
            {
                MessageHeader header = new() { Vectors = &vector, VectorCount = 1 };
                nint received = SocketCalls.recvmsg(_socket.Handle, &header, SocketConstants.MSG_DONTWAIT);
                if (received < 0)
                {
                    return false;
                }

                ReadOnlySpan<byte> packet = _answer.AsSpan(0, (int)received);
                if (_target.IsIPv4 ? IsAnswer4(packet, length) : IsAnswer6(packet, length))
                {
                    return true;
                }
            }
        }
    }

    private bool IsAnswer4(ReadOnlySpan<byte> packet, int length) =>
        IPv4Packet.TryParse(packet, out IPv4Packet ip) && ip.Source == _target && IcmpPacket.TryParse(ip.Payload, out IcmpPacket icmp) &&
        icmp.Type == IcmpType.EchoReply && icmp.Identifier == _identifier && icmp.SequenceNumber == _sequence && ip.Payload.Length == length;

    private bool IsAnswer6(ReadOnlySpan<byte> message, int length) =>
        IcmpV6Packet.TryParse(message, out IcmpV6Packet icmp) && icmp.Type == IcmpV6Type.EchoReply &&
        icmp.Identifier == _identifier && icmp.SequenceNumber == _sequence && message.Length == length;

    /// <summary>Empties the error queue.</summary>
    /// <returns>The last refusal about the target; null if there is none.</returns>
    private EchoResult? Refusal()
    {
        EchoResult? result = null;
        byte* name = stackalloc byte[SocketAddress.MaxLength];
        byte* control = stackalloc byte[ControlLength];
        byte quoted;
        IoVector vector = new() { Base = &quoted, Length = 1 };
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
            if (SocketCalls.recvmsg(_socket.Handle, &header, SocketConstants.MSG_ERRQUEUE | SocketConstants.MSG_DONTWAIT) < 0)
            {
                return result;
            }

            bool isAboutTarget =
                SocketAddress.TryRead(new ReadOnlySpan<byte>(name, (int)Math.Min(header.NameLength, SocketAddress.MaxLength)), out ValueIPAddress remote, out _) && remote == _target;
            result = isAboutTarget ? Read(new ReadOnlySpan<byte>(control, (int)Math.Min(header.ControlLength, ControlLength))) ?? result : result;
        }
    }

    // Other probers of this process have another one, and other processes most likely.
    private static ushort Identifier(NativeSocket socket) => (ushort)(Environment.ProcessId + (socket.Handle << 8));

    // A raw socket gets the ICMP messages of the whole host: with those of others its queue would be full when the answer comes.
    private static void AdmitOwn(NativeSocket socket, bool ipv4)
    {
        const int IdentifierOffset = 4;
        SocketFilter compare = new() { Code = SocketFilter.JumpIfEqual, JumpTrue = 0, JumpFalse = 1, Constant = Identifier(socket) };
        SocketFilter admit = new() { Code = SocketFilter.ReturnConstant, Constant = uint.MaxValue };
        SocketFilter refuse = new() { Code = SocketFilter.ReturnConstant, Constant = 0 };
        // Of IPv4 the kernel hands over the IP header, too.
        socket.Filter(ipv4
            ?
            [
                new SocketFilter { Code = SocketFilter.LoadHeaderLength },
                new SocketFilter { Code = SocketFilter.LoadHalfBehindHeader, Constant = IdentifierOffset },
                compare, admit, refuse,
            ]
            : [new SocketFilter { Code = SocketFilter.LoadHalf, Constant = IdentifierOffset }, compare, admit, refuse]);
    }

    private static EchoResult? Read(ReadOnlySpan<byte> control)
    {
        ControlMessageReader reader = new(control);
        while (reader.Next())
        {
            bool isError = (reader.Level, reader.Type) is (SocketConstants.IPPROTO_IP, SocketConstants.IP_RECVERR) or (SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_RECVERR);
            if (!isError || reader.Data.Length < ExtendedErrorLength)
            {
                continue;
            }

            var errno = (Errno)MemoryMarshal.Read<int>(reader.Data);
            int mtu = errno == Errno.EMSGSIZE ? MemoryMarshal.Read<int>(reader.Data[InfoOffset..]) : 0;
            if (reader.Data[OriginOffset] == OriginLocal)
            {
                return errno == Errno.EMSGSIZE ? new EchoResult(EchoOutcome.TooBigHere, mtu, null, TimeSpan.Zero) : null;
            }

            ValueIPAddress? reporter = SocketAddress.TryRead(reader.Data[ExtendedErrorLength..], out ValueIPAddress address, out _) ? address : (ValueIPAddress?)null;
            return new EchoResult(errno == Errno.EMSGSIZE ? EchoOutcome.TooBig : EchoOutcome.Unreachable, mtu, reporter, TimeSpan.Zero);
        }

        return null;
    }
}
