using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Overlay.Testing;

/// <summary>The asking end of <see cref="UdpEcho"/>: each datagram must come back, once and unchanged.</summary>
[SupportedOSPlatform("linux")]
public sealed class UdpProbe : IDisposable
{
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[ushort.MaxValue];

    /// <summary>Connects to an echo.</summary>
    /// <param name="netns">Where this end is.</param>
    /// <param name="echo">The other end.</param>
    /// <param name="source">The address of this end; null leaves it to the kernel.</param>
    public UdpProbe(Netns netns, UdpEcho echo, string? source = null)
    {
        ArgumentNullException.ThrowIfNull(netns);
        ArgumentNullException.ThrowIfNull(echo);
        var remote = IPAddress.Parse(echo.Address);
        _socket = netns.Run(() => new Socket(remote.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 10_000, ReceiveBufferSize = 4 * 1024 * 1024 });
        if (source is not null)
        {
            _socket.Bind(new IPEndPoint(IPAddress.Parse(source), 0));
        }

        _socket.Connect(new IPEndPoint(remote, echo.Port));
    }

    /// <summary>Sends datagrams of these lengths, a window of them at a time, and waits for each to come back.</summary>
    /// <param name="lengths">Lengths of payload; within a window all different.</param>
    /// <param name="window">How many may be under way.</param>
    /// <exception cref="InvalidOperationException">One came back changed, or one came that was not sent.</exception>
    /// <exception cref="SocketException">One did not come back.</exception>
    public void Exchange(IEnumerable<int> lengths, int window = 16)
    {
        Dictionary<int, byte[]> underWay = [];
        foreach (int[] group in lengths.Chunk(window))
        {
            foreach (int length in group)
            {
                byte[] payload = PacketBuilder.Payload(length, seed: length);
                underWay.Add(length, payload);
                _socket.Send(payload);
            }

            while (underWay.Count > 0)
            {
                int received = Receive(underWay);
                if (!underWay.Remove(received, out byte[]? sent) || !sent.AsSpan().SequenceEqual(_buffer.AsSpan(0, received)))
                {
                    throw new InvalidOperationException($"A datagram of {received} bytes came back that was not sent, or not so.");
                }
            }
        }
    }

    /// <summary>Sends the same datagram again and again, a window at a time, and counts what comes back.</summary>
    /// <param name="count">How many; each must come back.</param>
    /// <param name="length">Bytes of payload.</param>
    /// <param name="window">How many may be under way.</param>
    public void Pump(int count, int length = 100, int window = 32)
    {
        byte[] payload = PacketBuilder.Payload(length);
        for (int done = 0; done < count;)
        {
            int group = Math.Min(window, count - done);
            for (int i = 0; i < group; i++)
            {
                _socket.Send(payload);
            }

            for (int i = 0; i < group; i++)
            {
                int received = _socket.Receive(_buffer);
                if (!payload.AsSpan().SequenceEqual(_buffer.AsSpan(0, received)))
                {
                    throw new InvalidOperationException($"Datagram {done + i} came back changed.");
                }
            }

            done += group;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private int Receive(Dictionary<int, byte[]> underWay)
    {
        try
        {
            return _socket.Receive(_buffer);
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            throw new InvalidOperationException($"Datagrams of {string.Join(", ", underWay.Keys)} bytes did not come back.", exception);
        }
    }
}
