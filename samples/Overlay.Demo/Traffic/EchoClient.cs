using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Overlay.Testing;
using Overlay.Wire;

namespace Overlay.Demo.Traffic;

/// <summary>A ping of our own over a raw socket (RFC 792, RFC 4443 §4): it measures in microseconds and needs no program.</summary>
internal sealed class EchoClient : IDisposable
{
    private const ushort Identifier = 0x4F56;
    private const int PollMicroseconds = 100_000;

    private static readonly TimeSpan ReplyBound = TimeSpan.FromSeconds(1);

    private readonly Socket _socket;
    private readonly IPEndPoint _remote;
    private readonly bool _isIPv4;
    private readonly byte[] _request = new byte[IcmpPacket.HeaderLength + ushort.MaxValue];
    private readonly byte[] _received = new byte[ushort.MaxValue];
    private ushort _sequence;

    /// <summary>Opens the socket in a namespace.</summary>
    public EchoClient(Netns netns, IPAddress remote)
    {
        _remote = new IPEndPoint(remote, 0);
        _isIPv4 = remote.AddressFamily == AddressFamily.InterNetwork;
        _socket = netns.Run(() => new Socket(remote.AddressFamily, SocketType.Raw, _isIPv4 ? ProtocolType.Icmp : ProtocolType.IcmpV6));
        // A packet that fills the MTU must cross whole; IPv6 has no router that would cut it.
        if (_isIPv4)
        {
            _socket.DontFragment = true;
        }
    }

    /// <summary>How many bytes of payload make an IP packet of a length.</summary>
    public static int PayloadOf(int packetLength, AddressFamily family) =>
        packetLength - IcmpPacket.HeaderLength - (family == AddressFamily.InterNetwork ? IPv4Packet.MinimumHeaderLength : IPv6Packet.HeaderLength);

    /// <summary>Sends requests, each after the reply to the one before.</summary>
    public EchoResult Run(int count, int payloadLength, CancellationToken cancellation)
    {
        List<double> microseconds = [];
        for (int i = 0; i < count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (TryEcho(payloadLength) is TimeSpan time)
            {
                microseconds.Add(time.TotalMicroseconds);
            }
        }

        microseconds.Sort();
        return new EchoResult(count, microseconds.Count, microseconds.Count == 0 ? null : Math.Round(microseconds[microseconds.Count / 2], 1));
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private TimeSpan? TryEcho(int payloadLength)
    {
        int length = WriteRequest(++_sequence, payloadLength);
        long start = Stopwatch.GetTimestamp();
        _socket.SendTo(_request.AsSpan(0, length), _remote);
        while (Stopwatch.GetElapsedTime(start) < ReplyBound)
        {
            if (_socket.Poll(PollMicroseconds, SelectMode.SelectRead) && IsReply(_received.AsSpan(0, _socket.Receive(_received)), payloadLength))
            {
                return Stopwatch.GetElapsedTime(start);
            }
        }

        return null;
    }

    private int WriteRequest(ushort sequence, int payloadLength)
    {
        ReadOnlySpan<byte> payload = Pattern.At(sequence, payloadLength).Span;
        if (_isIPv4)
        {
            IcmpHeader.Echo(reply: false, Identifier, sequence).TryWriteMessage(_request, payload, out int length);
            return length;
        }

        // The kernel computes the checksum of what a raw ICMPv6 socket sends (RFC 3542 §3.1).
        IcmpV6Header.Echo(reply: false, Identifier, sequence).TryWrite(_request, out int headerLength);
        payload.CopyTo(_request.AsSpan(headerLength));
        return headerLength + payloadLength;
    }

    // A raw IPv4 socket is handed the IP header too, an IPv6 one is not.
    private bool IsReply(ReadOnlySpan<byte> packet, int payloadLength) => _isIPv4
        ? IPv4Packet.TryParse(packet, out IPv4Packet ip) && IcmpPacket.TryParse(ip.Payload, out IcmpPacket icmp) && icmp.Type == IcmpType.EchoReply &&
            icmp.IsChecksumValid && IsOurs(icmp.Identifier, icmp.SequenceNumber, icmp.Payload, payloadLength)
        : IcmpV6Packet.TryParse(packet, out IcmpV6Packet icmp6) && icmp6.Type == IcmpV6Type.EchoReply &&
            IsOurs(icmp6.Identifier, icmp6.SequenceNumber, icmp6.Payload, payloadLength);

    private bool IsOurs(ushort identifier, ushort sequence, ReadOnlySpan<byte> payload, int payloadLength) =>
        identifier == Identifier && sequence == _sequence && payload.Length == payloadLength && Pattern.IsAt(sequence, payload);
}
