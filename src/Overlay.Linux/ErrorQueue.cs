using Overlay.Linux.Interop;

namespace Overlay.Linux;

/// <summary>
/// Reads the error queues of the send sockets (IP_RECVERR, IPV6_RECVERR) and keeps the books on what they said.
/// </summary>
/// <remarks>
/// With these options one ICMP error about one remote makes the <em>next</em> send fail, whoever that is to. So a failed send is no verdict
/// on its own packet before the queue was read and the packet tried again.
/// </remarks>
internal sealed unsafe class ErrorQueue
{
    // More than the kernel keeps with the default receive buffer; a bound, so that a flood of ICMP cannot hold a sender here.
    private const int MaxDrain = 512;

    // The quoted packet is not needed: what counts is in the control message and the name.
    private const int ControlLength = 256;

    // struct sock_extended_err (linux/errqueue.h): errno 4, origin 1, type 1, code 1, pad 1, info 4, data 4; the offender's address follows.
    private const int ExtendedErrorLength = 16;
    private const byte OriginIcmp = 2;
    private const byte OriginIcmpV6 = 3;

    private readonly long[] _counts = new long[(int)IcmpErrorKind.Other + 1];

    /// <summary>The last error; null before the first.</summary>
    public IcmpError? Last { get; private set; }

    /// <summary>How many errors of a kind there were.</summary>
    public long Count(IcmpErrorKind kind) => Volatile.Read(ref _counts[(int)kind]);

    /// <summary>Empties a socket's queue.</summary>
    /// <returns>How many ICMP errors were in it; errors that this host made itself do not count.</returns>
    public int Drain(int socket)
    {
        byte* name = stackalloc byte[SocketAddress.MaxLength];
        byte* control = stackalloc byte[ControlLength];
        byte quoted;
        IoVector vector = new() { Base = &quoted, Length = 1 };
        int found = 0;
        for (int i = 0; i < MaxDrain; i++)
        {
            MessageHeader message = new()
            {
                Name = name,
                NameLength = SocketAddress.MaxLength,
                Vectors = &vector,
                VectorCount = 1,
                Control = control,
                ControlLength = ControlLength,
            };
            if (SocketCalls.recvmsg(socket, &message, SocketConstants.MSG_ERRQUEUE | SocketConstants.MSG_DONTWAIT) < 0)
            {
                if (Libc.LastError == Errno.EINTR)
                {
                    continue;
                }

                break;
            }

            SocketAddress.TryRead(new ReadOnlySpan<byte>(name, (int)Math.Min(message.NameLength, SocketAddress.MaxLength)), out ValueIPAddress remote, out _);
            if (Attribute(remote, new ReadOnlySpan<byte>(control, (int)Math.Min(message.ControlLength, ControlLength))))
            {
                found++;
            }
        }

        return found;
    }

    private bool Attribute(ValueIPAddress remote, ReadOnlySpan<byte> control)
    {
        ControlMessageReader reader = new(control);
        while (reader.Next())
        {
            bool error = (reader.Level, reader.Type) is (SocketConstants.IPPROTO_IP, SocketConstants.IP_RECVERR)
                or (SocketConstants.IPPROTO_IPV6, SocketConstants.IPV6_RECVERR);
            if (!error || reader.Data.Length < ExtendedErrorLength || reader.Data[4] is not (OriginIcmp or OriginIcmpV6))
            {
                continue;
            }

            IcmpErrorKind kind = Classify(reader.Data[4], reader.Data[5], reader.Data[6]);
            SocketAddress.TryRead(reader.Data[ExtendedErrorLength..], out ValueIPAddress reporter, out _);
            Last = new IcmpError(remote, reporter, kind);
            Volatile.Write(ref _counts[(int)kind], _counts[(int)kind] + 1);
            return true;
        }

        return false;
    }

    /// <summary>RFC 792 and RFC 1812 §5.2.7.1 for ICMP, RFC 4443 §3 for ICMPv6.</summary>
    internal static IcmpErrorKind Classify(byte origin, byte type, byte code) => (origin, type, code) switch
    {
        (OriginIcmp, 3, 0 or 5 or 6 or 11) => IcmpErrorKind.NetworkUnreachable,
        (OriginIcmp, 3, 1 or 7 or 8 or 12) => IcmpErrorKind.HostUnreachable,
        (OriginIcmp, 3, 3) => IcmpErrorKind.PortUnreachable,
        (OriginIcmp, 3, 4) => IcmpErrorKind.TooBig,
        (OriginIcmp, 3, 9 or 10 or 13) => IcmpErrorKind.Prohibited,
        (OriginIcmp, 11, _) => IcmpErrorKind.TimeExceeded,
        (OriginIcmpV6, 1, 0) => IcmpErrorKind.NetworkUnreachable,
        (OriginIcmpV6, 1, 1 or 5 or 6) => IcmpErrorKind.Prohibited,
        (OriginIcmpV6, 1, 2 or 3) => IcmpErrorKind.HostUnreachable,
        (OriginIcmpV6, 1, 4) => IcmpErrorKind.PortUnreachable,
        (OriginIcmpV6, 2, _) => IcmpErrorKind.TooBig,
        (OriginIcmpV6, 3, _) => IcmpErrorKind.TimeExceeded,
        _ => IcmpErrorKind.Other,
    };
}
