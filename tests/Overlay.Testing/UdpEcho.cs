using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Overlay.Testing;

/// <summary>A UDP socket in a namespace that sends back what comes, until it is disposed.</summary>
[SupportedOSPlatform("linux")]
public sealed class UdpEcho : IDisposable
{
    private readonly Socket _socket;
    private readonly Thread _thread;

    /// <summary>Binds the socket and begins to answer.</summary>
    /// <param name="netns">Where.</param>
    /// <param name="address">Its address.</param>
    public UdpEcho(Netns netns, string address)
    {
        ArgumentNullException.ThrowIfNull(netns);
        Address = address;
        var local = IPAddress.Parse(address);
        _socket = netns.Run(() => new Socket(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 * 1024 * 1024 });
        _socket.Bind(new IPEndPoint(local, 0));
        _thread = new Thread(Answer) { IsBackground = true, Name = "udp echo" };
        _thread.Start();
    }

    /// <summary>Its address.</summary>
    public string Address { get; }

    /// <summary>Its port.</summary>
    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket.Dispose();
        _thread.Join();
    }

    private void Answer()
    {
        byte[] buffer = new byte[ushort.MaxValue];
        SocketAddress from = new(_socket.AddressFamily);
        while (true)
        {
            try
            {
                int length = _socket.ReceiveFrom(buffer, SocketFlags.None, from);
                _socket.SendTo(buffer.AsSpan(0, length), SocketFlags.None, from);
            }
            catch (Exception exception) when (exception is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted or SocketError.Interrupted or SocketError.NotSocket })
            {
                return;
            }
            catch (SocketException)
            {
                // An answer that cannot leave is one that does not come: whoever asked says so.
            }
        }
    }
}
