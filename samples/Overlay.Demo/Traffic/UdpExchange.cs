using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Overlay.Testing;

namespace Overlay.Demo.Traffic;

/// <summary>Numbered UDP datagrams that the peer sends back. Few are under way at a time: what is missing was lost, not crowded out.</summary>
internal static class UdpExchange
{
    private const int Port = 7007;
    private const int Window = 16;
    private const int NumberLength = 4;
    private const int ReplyMilliseconds = 1000;

    /// <summary>Sends datagrams to the peer and counts the right ones that come back.</summary>
    public static UdpResult Run(Netns here, Netns there, IPAddress address, int count, int datagramBytes, CancellationToken cancellation)
    {
        IPEndPoint peer = new(address, Port);
        using Socket server = there.Run(() => Bind(peer));
        using Socket client = here.Run(() => Connect(peer));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task echo = EchoAsync(server, peer, stop.Token);
        try
        {
            byte[] buffer = new byte[ushort.MaxValue];
            bool[] seen = new bool[count];
            for (int first = 0; first < count; first += Window)
            {
                cancellation.ThrowIfCancellationRequested();
                int size = Math.Min(Window, count - first);
                for (int i = first; i < first + size; i++)
                {
                    Write(buffer.AsSpan(0, datagramBytes), i);
                    client.Send(buffer.AsSpan(0, datagramBytes));
                }

                Receive(client, buffer, seen, datagramBytes, size);
            }

            return new UdpResult(count, seen.Count(came => came), datagramBytes);
        }
        finally
        {
            stop.Cancel();
            echo.GetAwaiter().GetResult();
        }
    }

    private static Socket Bind(IPEndPoint endPoint)
    {
        Socket socket = new(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(endPoint);
        return socket;
    }

    private static Socket Connect(IPEndPoint endPoint)
    {
        Socket socket = new(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = ReplyMilliseconds };
        socket.Connect(endPoint);
        return socket;
    }

    private static async Task EchoAsync(Socket server, IPEndPoint own, CancellationToken stop)
    {
        byte[] buffer = new byte[ushort.MaxValue];
        try
        {
            while (true)
            {
                SocketReceiveFromResult received = await server.ReceiveFromAsync(buffer, SocketFlags.None, own, stop).ConfigureAwait(false);
                Memory<byte> datagram = buffer.AsMemory(0, received.ReceivedBytes);
                await server.SendToAsync(datagram, SocketFlags.None, received.RemoteEndPoint, stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The client has all it waited for.
        }
    }

    // As many as were sent; a second without one ends the wait.
    private static void Receive(Socket client, byte[] buffer, bool[] seen, int datagramBytes, int expected)
    {
        try
        {
            for (int i = 0; i < expected; i++)
            {
                ReadOnlySpan<byte> datagram = buffer.AsSpan(0, client.Receive(buffer));
                if (datagram.Length != datagramBytes)
                {
                    continue;
                }

                int number = BinaryPrimitives.ReadInt32BigEndian(datagram);
                if (number >= 0 && number < seen.Length && Pattern.IsAt(number, datagram[NumberLength..]))
                {
                    seen[number] = true;
                }
            }
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            // Lost: the count says so.
        }
    }

    private static void Write(Span<byte> datagram, int number)
    {
        BinaryPrimitives.WriteInt32BigEndian(datagram, number);
        Pattern.At(number, datagram.Length - NumberLength).Span.CopyTo(datagram[NumberLength..]);
    }
}
