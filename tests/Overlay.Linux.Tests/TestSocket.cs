using System.Net;
using System.Net.Sockets;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests;

/// <summary>A UDP socket of the base class library in a namespace: the kernel's own end of a test.</summary>
internal sealed class TestSocket : IDisposable
{
    private const int UdpSegment = 103;
    private readonly Socket _socket;

    public TestSocket(Netns netns, string address, int port = 0)
    {
        _socket = netns.Run(() =>
        {
            IPAddress local = IPAddress.Parse(address);
            Socket socket = new(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp)
            {
                ReceiveTimeout = 5_000,
                ReceiveBufferSize = 4 * 1024 * 1024,
                SendBufferSize = 4 * 1024 * 1024,
            };
            socket.Bind(new IPEndPoint(local, port));
            return socket;
        });
    }

    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    /// <summary>Lets the kernel cut what is sent into datagrams of this size (UDP_SEGMENT).</summary>
    public void SetSegmentSize(int size) => _socket.SetRawSocketOption(17, UdpSegment, BitConverter.GetBytes(size));

    /// <summary>Lets the kernel hand over several datagrams at once (UDP_GRO).</summary>
    public void TakeTrains() => _socket.SetRawSocketOption(17, TrainMessage.Option, BitConverter.GetBytes(1));

    public void SendTo(ReadOnlySpan<byte> data, string address, int port) => _socket.SendTo(data, new IPEndPoint(IPAddress.Parse(address), port));

    public byte[] Receive(int timeoutMilliseconds)
    {
        _socket.ReceiveTimeout = timeoutMilliseconds;
        return Receive();
    }

    public byte[] Receive()
    {
        byte[] buffer = new byte[65_536];
        int length = _socket.Receive(buffer);
        return buffer[..length];
    }

    /// <summary>Receives and says of which size the datagrams in it are; 0 if it is one.</summary>
    public byte[] Receive(out int segmentSize)
    {
        byte[] buffer = new byte[65_536];
        Assert.True(_socket.Poll(TimeSpan.FromSeconds(5), SelectMode.SelectRead), "Nothing came within 5 s.");
        int length = TrainMessage.Receive(_socket, buffer, out segmentSize);
        Assert.True(length >= 0, "recvmsg failed.");
        return buffer[..length];
    }

    public void Dispose() => _socket.Dispose();
}
