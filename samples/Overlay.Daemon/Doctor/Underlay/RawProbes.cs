using System.Net;
using System.Net.Sockets;
using Overlay.Linux;
using Overlay.Wire;

namespace Overlay.Daemon.Doctor.Underlay;

/// <summary>The sockets of <c>doctor underlay</c>: what sends whole IP packets, and what hears answers and ICMP.</summary>
internal sealed class RawProbes : IDisposable
{
    private readonly Socket _raw;
    private readonly Socket _udp;
    private readonly Socket _icmp;
    private readonly byte[] _buffer = new byte[ushort.MaxValue + 1];

    private RawProbes(Socket raw, Socket udp, Socket icmp)
    {
        _raw = raw;
        _udp = udp;
        _icmp = icmp;
    }

    /// <summary>The port that answers come to.</summary>
    public ushort AnswerPort => (ushort)((IPEndPoint)_udp.LocalEndPoint!).Port;

    /// <summary>Opens the sockets.</summary>
    /// <param name="from">The source address.</param>
    /// <exception cref="LinuxException">The right to (CAP_NET_RAW) is missing, or there is no such address here.</exception>
    public static RawProbes Open(ValueIPAddress from)
    {
        Socket? raw = null, udp = null, icmp = null;
        try
        {
            raw = new Socket(from.AddressFamily, SocketType.Raw, ProtocolType.Raw);
            if (from.IsIPv4)
            {
                // On IPv6 a socket of that protocol takes whole packets anyway (raw(7)).
                raw.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.HeaderIncluded, true);
            }

            raw.SendBufferSize = 1024 * 1024;
            udp = new Socket(from.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            udp.Bind(new IPEndPoint(from.ToIPAddress(), 0));
            icmp = new Socket(from.AddressFamily, SocketType.Raw, from.IsIPv4 ? ProtocolType.Icmp : ProtocolType.IcmpV6) { ReceiveBufferSize = 1024 * 1024 };
            icmp.Bind(new IPEndPoint(from.ToIPAddress(), 0));
            return new RawProbes(raw, udp, icmp);
        }
        catch (SocketException e)
        {
            raw?.Dispose();
            udp?.Dispose();
            icmp?.Dispose();
            throw Explain(e, $"sockets from {from}");
        }
    }

    /// <summary>A failure of a socket, as the rest of overlayd says it.</summary>
    public static LinuxException Explain(SocketException exception, string name) => new(
        (Errno)exception.NativeErrorCode, "socket", name, exception.SocketErrorCode is SocketError.AccessDenied ? "raw sockets need root or CAP_NET_RAW" : null);

    /// <summary>Sends a whole IP packet.</summary>
    /// <returns>Why this host would not send it; null if it did.</returns>
    public string? Send(ValueIPAddress to, ReadOnlySpan<byte> packet)
    {
        try
        {
            _raw.SendTo(packet, SocketFlags.None, new IPEndPoint(to.ToIPAddress(), 0));
            return null;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode switch
            {
                SocketError.MessageSize => "it exceeds the MTU of the link",
                SocketError.AccessDenied => "a filter of this host forbids it",
                _ => e.Message,
            };
        }
    }

    /// <summary>Waits for what comes, and hands over each answer and each ICMP message.</summary>
    /// <param name="until">When to stop at the latest, by <see cref="Environment.TickCount64"/>.</param>
    /// <param name="isDone">Whether to stop sooner; asked after each.</param>
    /// <param name="onAnswer">Takes the payload of a datagram or of an echo reply.</param>
    /// <param name="onIcmp">Takes an ICMP message and who sent it.</param>
    public void Receive(long until, Func<bool> isDone, Action<byte[]> onAnswer, Action<ValueIPAddress, byte[]> onIcmp)
    {
        while (!isDone())
        {
            long left = until - Environment.TickCount64;
            if (left <= 0)
            {
                return;
            }

            List<Socket> ready = [_udp, _icmp];
            Socket.Select(ready, null, null, TimeSpan.FromMilliseconds(left));
            foreach (Socket socket in ready)
            {
                EndPoint from = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
                int length;
                try
                {
                    length = socket.ReceiveFrom(_buffer, ref from);
                }
                catch (SocketException)
                {
                    // The message has a wrong checksum, or the socket an error that is about somebody else: neither is an answer.
                    continue;
                }

                byte[] message = _buffer[..length];
                if (socket == _udp)
                {
                    onAnswer(message);
                    continue;
                }

                // A raw socket of IPv4 gets the IP header, too.
                if (socket.AddressFamily == AddressFamily.InterNetwork)
                {
                    message = IPv4Packet.TryParse(message, out IPv4Packet packet) ? packet.Payload.ToArray() : [];
                }

                if (message.Length > IcmpPacket.HeaderLength)
                {
                    onIcmp(((IPEndPoint)from).Address, message);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _raw.Dispose();
        _udp.Dispose();
        _icmp.Dispose();
    }
}
