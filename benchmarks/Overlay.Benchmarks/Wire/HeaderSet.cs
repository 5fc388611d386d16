using Overlay.Benchmarks.Wire.Samples;

namespace Overlay.Benchmarks.Wire;

/// <summary>Headers of one kind, each another one: in a row in memory, and each in an array of its own for a library that takes nothing else.</summary>
internal sealed class HeaderSet
{
    public const int Headers = 64;
    public const int Rounds = 12;
    public const int HeadersPerCall = Headers * Rounds;

    /// <summary>Bytes from one header to the next.</summary>
    public const int Stride = 64;

    private HeaderSet(byte[] bytes, int length)
    {
        Bytes = bytes;
        Length = length;
        Arrays = [.. Enumerable.Range(0, Headers).Select(i => bytes.AsSpan(i * Stride, length).ToArray())];
    }

    public byte[] Bytes { get; }

    /// <summary>Bytes of a header.</summary>
    public int Length { get; }

    public byte[][] Arrays { get; }

    /// <exception cref="InvalidOperationException">A header was not written, or is not read.</exception>
    public static HeaderSet Make<T>()
        where T : struct, IHeaderSample
    {
        byte[] bytes = GC.AllocateArray<byte>(Headers * Stride, pinned: true);
        int length = 0;
        for (int i = 0; i < Headers; i++)
        {
            Span<byte> header = bytes.AsSpan(i * Stride, Stride);
            length = T.Write(header, (uint)i);
            if (length == 0 || T.Parse(header[..length]) == 0)
            {
                throw new InvalidOperationException($"{typeof(T).Name} {i} is not written or not read: {Convert.ToHexString(header[..length])}.");
            }
        }

        return new HeaderSet(bytes, length);
    }
}
