using System.Net;
using System.Net.Sockets;
using Overlay.Testing;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>Datagrams both ways between two addresses, as fast as they are let, until it is disposed. Nobody answers, and nobody minds if the way ends.</summary>
internal sealed class Chatter : IDisposable
{
    private const int PayloadLength = 200;
    private readonly List<Socket> _sockets = [];
    private readonly List<Thread> _threads = [];
    private volatile bool _stop;
    private long _sent;

    public Chatter(Netns first, string firstAddress, Netns second, string secondAddress)
    {
        Socket one = Open(first, firstAddress);
        Socket other = Open(second, secondAddress);
        Start(one, other);
        Start(other, one);
    }

    /// <summary>Datagrams that the kernel took so far.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    public void Dispose()
    {
        _stop = true;
        _threads.ForEach(thread => thread.Join());
        _sockets.ForEach(socket => socket.Dispose());
    }

    private Socket Open(Netns netns, string address)
    {
        var local = IPAddress.Parse(address);
        Socket socket = netns.Run(() => new Socket(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false });
        socket.Bind(new IPEndPoint(local, 0));
        _sockets.Add(socket);
        return socket;
    }

    private void Start(Socket socket, Socket to)
    {
        SocketAddress address = to.LocalEndPoint!.Serialize();
        Thread thread = new(() => Send(socket, address)) { IsBackground = true, Name = "chatter" };
        _threads.Add(thread);
        thread.Start();
    }

    private void Send(Socket socket, SocketAddress address)
    {
        byte[] payload = new byte[PayloadLength];
        byte[] received = new byte[PayloadLength];
        while (!_stop)
        {
            try
            {
                socket.SendTo(payload, SocketFlags.None, address);
                Interlocked.Increment(ref _sent);
                while (socket.Available > 0)
                {
                    _ = socket.Receive(received);
                }
            }
            catch (SocketException)
            {
                // No route any more, or a full queue: what is tested is the daemon, not this way.
                Thread.Sleep(1);
            }
        }
    }
}
