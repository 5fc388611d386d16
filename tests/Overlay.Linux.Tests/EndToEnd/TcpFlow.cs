using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// A TCP connection from one namespace to another that runs beside the test, as long as the test likes, with a stream of its own, hashed at both ends.
/// </summary>
/// <remarks>For a transfer of a known length and nothing beside it: <see cref="TcpTransfer"/>.</remarks>
internal sealed class TcpFlow : IDisposable
{
    private const int BlockLength = 256 * 1024;

    private readonly Socket _client;
    private readonly Socket _server;
    private readonly Thread _sending;
    private readonly Thread _receiving;
    private readonly byte[] _block;
    private readonly long _length;
    private volatile bool _finish;
    private long _received;
    private byte[] _sentHash = [];
    private byte[] _receivedHash = [];
    private ExceptionDispatchInfo? _failure;

    /// <summary>Connects and begins to send.</summary>
    /// <param name="sender">Where the client is.</param>
    /// <param name="receiver">Where the server is.</param>
    /// <param name="address">The server's address.</param>
    /// <param name="seed">Flows with different seeds carry different bytes.</param>
    /// <param name="length">How many bytes are sent, in whole blocks of 256 KB; by default until <see cref="Finish"/>.</param>
    public TcpFlow(Netns sender, Netns receiver, string address, int seed = 1, long length = long.MaxValue)
    {
        _block = PacketBuilder.Payload(BlockLength, seed);
        _length = length;
        IPAddress server = IPAddress.Parse(address);
        using Socket listener = receiver.Run(() => new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(server, 0));
        listener.Listen(1);
        _client = sender.Run(() => new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        IAsyncResult connecting = _client.BeginConnect(listener.LocalEndPoint!, null, null);
        if (!connecting.AsyncWaitHandle.WaitOne(TcpTransfer.Patience) || !listener.Poll(TcpTransfer.Patience, SelectMode.SelectRead))
        {
            _client.Dispose();
            throw new TimeoutException($"No connection to {address} within {TcpTransfer.Patience.TotalSeconds:0} s.");
        }

        _client.EndConnect(connecting);
        _server = listener.Accept();
        _client.SendTimeout = _server.ReceiveTimeout = (int)TcpTransfer.Patience.TotalMilliseconds;
        _sending = Start(Send);
        _receiving = Start(Receive);
    }

    /// <summary>Bytes that came through so far.</summary>
    public long Received => Volatile.Read(ref _received);

    /// <summary>Waits until so many more bytes came through.</summary>
    public void WaitForMore(long bytes)
    {
        long target = Received + bytes;
        Wait.Until(() => Received >= target || _failure is not null, () => $"{target - Received} of {bytes} more bytes are missing");
        _failure?.Throw();
    }

    /// <summary>Sends no more.</summary>
    public void Finish() => _finish = true;

    /// <summary>Waits for the end of the stream, and asks that what came is what was sent.</summary>
    /// <returns>The number of bytes.</returns>
    public long Complete()
    {
        // Each end has its own time limit for standing still.
        _sending.Join();
        _receiving.Join();
        _failure?.Throw();
        Assert.Equal(_sentHash, _receivedHash);
        return Received;
    }

    public void Dispose()
    {
        _finish = true;
        _client.Dispose();
        _server.Dispose();
        _sending.Join();
        _receiving.Join();
    }

    private Thread Start(Action action)
    {
        Thread thread = new(() =>
        {
            try
            {
                action();
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                _failure ??= ExceptionDispatchInfo.Capture(exception);
            }
        })
        { IsBackground = true };
        thread.Start();
        return thread;
    }

    private void Send()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (long sent = 0; !_finish && sent < _length; sent += BlockLength)
        {
            // No two blocks are alike.
            BinaryPrimitives.WriteInt64LittleEndian(_block, sent);
            hash.AppendData(_block);
            for (int done = 0; done < BlockLength;)
            {
                done += _client.Send(_block.AsSpan(done));
            }
        }

        _sentHash = hash.GetHashAndReset();
        _client.Shutdown(SocketShutdown.Send);
    }

    private void Receive()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[BlockLength];
        while (true)
        {
            int length = _server.Receive(buffer);
            if (length == 0)
            {
                break;
            }

            hash.AppendData(buffer, 0, length);
            Volatile.Write(ref _received, _received + length);
        }

        _receivedHash = hash.GetHashAndReset();
    }
}
