using System.Buffers.Binary;
using Overlay.Testing;
using Xunit;

namespace Overlay.Linux.Tests.EndToEnd;

/// <summary>
/// Datagrams that say which they are: each begins with its number, and what follows depends on the number. What is lost, doubled, out of order, cut at
/// another place or garbled behind a right checksum is told apart.
/// </summary>
internal static class NumberedDatagrams
{
    private const int NumberLength = 4;

    /// <summary>Makes the data of one UDP_SEGMENT call.</summary>
    /// <param name="first">The number of the first datagram.</param>
    /// <param name="size">Bytes of each, at least four.</param>
    /// <param name="count">How many of that size.</param>
    /// <param name="last">Bytes of a further one, at least four; 0 for none.</param>
    public static byte[] Make(int first, int size, int count, int last = 0)
    {
        byte[] data = new byte[(size * count) + last];
        for (int i = 0; i * size < data.Length; i++)
        {
            Fill(data.AsSpan(i * size, Math.Min(size, data.Length - (i * size))), first + i);
        }

        return data;
    }

    /// <summary>Asks that the datagrams are those that <see cref="Make"/> makes, one by one.</summary>
    public static void AssertEqual(byte[][] received, int first, int size, int count, int last = 0)
    {
        Assert.Equal([.. Enumerable.Repeat(size, count), .. last == 0 ? (int[])[] : [last]], received.Select(datagram => datagram.Length));
        Assert.Equal(Enumerable.Range(first, received.Length), received.Select(datagram => BinaryPrimitives.ReadInt32BigEndian(datagram)));
        for (int i = 0; i < received.Length; i++)
        {
            byte[] expected = new byte[received[i].Length];
            Fill(expected, first + i);
            Assert.True(expected.AsSpan().SequenceEqual(received[i]), $"The content of datagram {first + i} is not what was sent.");
        }
    }

    private static void Fill(Span<byte> datagram, int number)
    {
        PacketBuilder.Payload(datagram.Length, seed: number).CopyTo(datagram);
        BinaryPrimitives.WriteInt32BigEndian(datagram[..NumberLength], number);
    }
}
