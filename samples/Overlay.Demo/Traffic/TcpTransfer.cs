using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Overlay.Testing;

namespace Overlay.Demo.Traffic;

/// <summary>One TCP connection, over which one host sends the pattern and the other compares every byte of it.</summary>
internal static class TcpTransfer
{
    private const int Port = 7008;
    private const int ChunkLength = 64 * 1024;

    // Beyond the time that the transfer itself is to take.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Sends until so many bytes are under way or the time is over, whichever is first; returns when the receiver has all of them.</summary>
    /// <param name="sender">The namespace that connects and sends.</param>
    /// <param name="receiver">The namespace that listens.</param>
    /// <param name="address">The receiver's address.</param>
    /// <param name="bytes">How many bytes at most.</param>
    /// <param name="time">How long at most.</param>
    /// <param name="cancellation">Ends it at once.</param>
    /// <exception cref="InvalidDataException">Other bytes arrived than were sent.</exception>
    /// <exception cref="TimeoutException">It came to a standstill.</exception>
    public static TcpResult Run(Netns sender, Netns receiver, IPAddress address, long bytes, TimeSpan time, CancellationToken cancellation)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        bound.CancelAfter(time + Patience);
        try
        {
            return RunAsync(sender, receiver, new IPEndPoint(address, Port), bytes, time, bound.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"TCP to {address}: not over {Patience.TotalSeconds:0} s after its time.");
        }
    }

    private static async Task<TcpResult> RunAsync(
        Netns sender, Netns receiver, IPEndPoint endPoint, long bytes, TimeSpan time, CancellationToken cancellation)
    {
        // A socket stays in the namespace of the thread that made it, whichever threads use it later.
        using Socket listener = receiver.Run(() => new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(endPoint);
        listener.Listen(1);
        using Socket outgoing = sender.Run(() => new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        await outgoing.ConnectAsync(endPoint, cancellation).ConfigureAwait(false);
        using Socket incoming = await listener.AcceptAsync(cancellation).ConfigureAwait(false);

        Task<long> sending = SendAsync(outgoing, bytes, time, cancellation);
        Task<TcpResult> receiving = ReceiveAsync(incoming, cancellation);
        await Task.WhenAll(sending, receiving).ConfigureAwait(false);
        TcpResult result = await receiving.ConfigureAwait(false);
        long sent = await sending.ConfigureAwait(false);
        return result.Bytes == sent ? result : throw new InvalidDataException($"TCP to {endPoint}: {sent} bytes were sent, {result.Bytes} arrived.");
    }

    private static async Task<long> SendAsync(Socket socket, long bytes, TimeSpan time, CancellationToken cancellation)
    {
        long sent = 0;
        long start = Stopwatch.GetTimestamp();
        while (sent < bytes && Stopwatch.GetElapsedTime(start) < time)
        {
            int length = (int)Math.Min(ChunkLength, bytes - sent);
            sent += await socket.SendAsync(Pattern.At(sent, length), SocketFlags.None, cancellation).ConfigureAwait(false);
        }

        socket.Shutdown(SocketShutdown.Send);
        return sent;
    }

    private static async Task<TcpResult> ReceiveAsync(Socket socket, CancellationToken cancellation)
    {
        byte[] buffer = new byte[ChunkLength];
        long received = 0;
        long start = Stopwatch.GetTimestamp();
        while (await socket.ReceiveAsync(buffer, SocketFlags.None, cancellation).ConfigureAwait(false) is > 0 and var length)
        {
            if (!Pattern.IsAt(received, buffer.AsSpan(0, length)))
            {
                throw new InvalidDataException($"TCP: other bytes than were sent, between byte {received} and {received + length}.");
            }

            received += length;
        }

        return new TcpResult(received, Stopwatch.GetElapsedTime(start));
    }
}
