using System.Net;
using System.Net.Sockets;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>A UDP application in a namespace: it sends, and a thread collects whatever comes, in order.</summary>
internal sealed class UdpApplication : IDisposable
{
    private const int SolSocket = 1;
    private const int ForcedReceiveBuffer = 33;
    private const int SolUdp = 17;
    private const int UdpSegment = 103;
    private const int BufferLength = 8 * 1024 * 1024;

    private readonly Socket _socket;
    private readonly Thread _thread;
    private readonly List<byte[]> _received = [];
    private readonly Lock _lock = new();
    private int _trains;

    /// <summary>Binds the socket and begins to collect.</summary>
    /// <param name="netns">Where.</param>
    /// <param name="address">Its address.</param>
    /// <param name="port">Its port.</param>
    /// <param name="gro">Whether the kernel may hand over several datagrams at once (UDP_GRO); they are taken apart here.</param>
    public UdpApplication(Netns netns, string address, int port, bool gro = false)
    {
        IPAddress local = IPAddress.Parse(address);
        _socket = netns.Run(() => new Socket(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { EnableBroadcast = true });
        Force(_socket);
        if (gro)
        {
            _socket.SetRawSocketOption(SolUdp, TrainMessage.Option, BitConverter.GetBytes(1));
        }

        _socket.Bind(new IPEndPoint(local, port));
        _thread = new Thread(Collect) { IsBackground = true, Name = $"UDP {address}:{port}" };
        _thread.Start();
    }

    /// <summary>How many datagrams came.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _received.Count;
            }
        }
    }

    /// <summary>How many messages held more than one datagram.</summary>
    public int Trains => Volatile.Read(ref _trains);

    /// <summary>Sends one datagram.</summary>
    public void Send(ReadOnlySpan<byte> data, string address, int port) => _socket.SendTo(data, new IPEndPoint(IPAddress.Parse(address), port));

    /// <summary>Sends with one call as many datagrams of a size as the data makes (UDP_SEGMENT).</summary>
    public void SendSegments(ReadOnlySpan<byte> data, int segmentSize, string address, int port)
    {
        _socket.SetRawSocketOption(SolUdp, UdpSegment, BitConverter.GetBytes(segmentSize));
        Send(data, address, port);
        _socket.SetRawSocketOption(SolUdp, UdpSegment, BitConverter.GetBytes(0));
    }

    /// <summary>Waits until so many datagrams have come since the last taking, and takes all that are there.</summary>
    public byte[][] Take(int count)
    {
        Wait.Until(() => Count >= count, () => $"{Count} datagrams of {count} at {_socket.LocalEndPoint}");
        lock (_lock)
        {
            byte[][] taken = [.. _received];
            _received.Clear();
            return taken;
        }
    }

    public void Dispose()
    {
        // A receive that blocks returns; closing alone would not end it.
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.NotConnected)
        {
            // So the kernel says of a UDP socket, and wakes the receiver all the same.
        }

        _socket.Dispose();
        Assert.True(_thread.Join(TcpTransfer.Patience));
    }

    private static void Force(Socket socket)
    {
        try
        {
            socket.SetRawSocketOption(SolSocket, ForcedReceiveBuffer, BitConverter.GetBytes(BufferLength));
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AccessDenied)
        {
            // Root of a user namespace may not; the ordinary buffer is enough on a machine that is not busy.
            socket.ReceiveBufferSize = BufferLength;
        }
    }

    private void Collect()
    {
        byte[] buffer = new byte[65_536];
        while (true)
        {
            int length;
            int segmentSize;
            try
            {
                length = TrainMessage.Receive(_socket, buffer, out segmentSize);
            }
            catch (ObjectDisposedException)
            {
                return;
            }

            if (length <= 0)
            {
                // Nobody here sends empty datagrams: the socket was shut down.
                return;
            }

            if (segmentSize != 0 && segmentSize < length)
            {
                Volatile.Write(ref _trains, _trains + 1);
            }

            lock (_lock)
            {
                _received.AddRange(buffer[..length].Chunk(segmentSize == 0 ? length : segmentSize));
            }
        }
    }
}
