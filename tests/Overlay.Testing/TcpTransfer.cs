using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Cryptography;

namespace Overlay.Testing;

/// <summary>How a transfer went.</summary>
/// <param name="SentBytes">Bytes the sender gave to its socket.</param>
/// <param name="ReceivedBytes">Bytes the receiver read until the end of the stream.</param>
/// <param name="SentHash">SHA-256 of what was sent, in hexadecimal digits.</param>
/// <param name="ReceivedHash">SHA-256 of what was received.</param>
/// <param name="Duration">From the accepted connection to the end of the stream.</param>
public sealed record TcpTransferResult(long SentBytes, long ReceivedBytes, string SentHash, string ReceivedHash, TimeSpan Duration)
{
    /// <summary>Whether exactly what was sent came, and nothing else.</summary>
    public bool IsIntact => SentBytes == ReceivedBytes && SentHash == ReceivedHash;
}

/// <summary>
/// A TCP stream from one namespace to another, hashed at both ends: what a tunnel loses TCP repairs, what it garbles behind a right checksum the
/// hashes show.
/// </summary>
[SupportedOSPlatform("linux")]
public static class TcpTransfer
{
    private const int ChunkLength = 64 * 1024;
    private const int PatternLength = 1024 * 1024;

    // Not a multiple of anything in the way, so that no two chunks are alike even without their number.
    private const int Stride = 7919;

    /// <summary>How long either end waits for the other before the transfer fails.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(20);

    /// <summary>Sends a seeded pattern.</summary>
    /// <param name="from">Where the sender is.</param>
    /// <param name="to">Where the receiver is.</param>
    /// <param name="address">The receiver's address, which must be there.</param>
    /// <param name="bytes">How much.</param>
    /// <param name="seed">Of the pattern.</param>
    /// <param name="source">The sender's address; null leaves it to the kernel.</param>
    /// <exception cref="SocketException">There was no connection, or nothing went on for <see cref="Patience"/>.</exception>
    public static TcpTransferResult Run(Netns from, Netns to, string address, long bytes, int seed = 1, string? source = null)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        var target = IPAddress.Parse(address);
        using Socket listener = to.Run(() => Open(target));
        listener.Bind(new IPEndPoint(target, 0));
        listener.Listen(1);
        using Socket sender = from.Run(() => Open(target));
        if (source is not null)
        {
            sender.Bind(new IPEndPoint(IPAddress.Parse(source), 0));
        }

        Task<Socket> accepted = listener.AcceptAsync();
        if (!sender.ConnectAsync(listener.LocalEndPoint!).Wait(Patience) || !accepted.Wait(Patience))
        {
            throw new SocketException((int)SocketError.TimedOut);
        }

        using Socket receiver = accepted.Result;
        SetPatience(sender);
        SetPatience(receiver);
        long begin = Stopwatch.GetTimestamp();
        var receiving = Task.Factory.StartNew(() => Receive(receiver), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        string sent = Send(sender, bytes, seed);
        (long count, string received) = receiving.GetAwaiter().GetResult();
        return new TcpTransferResult(bytes, count, sent, received, Stopwatch.GetElapsedTime(begin));
    }

    private static Socket Open(IPAddress address) => new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);

    private static void SetPatience(Socket socket) => socket.SendTimeout = socket.ReceiveTimeout = (int)Patience.TotalMilliseconds;

    private static string Send(Socket socket, long bytes, int seed)
    {
        byte[] pattern = new byte[PatternLength + ChunkLength];
        new Random(seed).NextBytes(pattern);
        byte[] chunk = new byte[ChunkLength];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (long number = 0, left = bytes; left > 0; number++)
        {
            int length = (int)Math.Min(left, ChunkLength);
            pattern.AsSpan((int)(number * Stride % PatternLength), ChunkLength).CopyTo(chunk);
            BinaryPrimitives.WriteInt64LittleEndian(chunk, number);
            for (int sent = 0; sent < length;)
            {
                sent += socket.Send(chunk.AsSpan(sent, length - sent));
            }

            hash.AppendData(chunk, 0, length);
            left -= length;
        }

        socket.Shutdown(SocketShutdown.Send);
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static (long Bytes, string Hash) Receive(Socket socket)
    {
        byte[] buffer = new byte[4 * ChunkLength];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long bytes = 0;
        for (int length; (length = socket.Receive(buffer)) > 0; bytes += length)
        {
            hash.AppendData(buffer, 0, length);
        }

        return (bytes, Convert.ToHexString(hash.GetHashAndReset()));
    }
}
