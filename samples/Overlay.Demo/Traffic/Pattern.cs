namespace Overlay.Demo.Traffic;

/// <summary>An endless stream of bytes that both ends know, so that what arrives can be compared with what was sent.</summary>
internal static class Pattern
{
    // Prime, so that a packet lost, doubled or moved never lands on equal bytes.
    private const int Period = 65_521;
    private const int MaximumLength = 65_536;

    // Once more behind its end: a piece that begins anywhere in the period lies in one run.
    private static readonly byte[] Bytes = Make();

    /// <summary>The bytes at a position of the stream; never more than 64 KiB.</summary>
    public static ReadOnlyMemory<byte> At(long position, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaximumLength);
        return Bytes.AsMemory((int)(position % Period), length);
    }

    /// <summary>Whether these bytes are those at a position of the stream.</summary>
    public static bool IsAt(long position, ReadOnlySpan<byte> bytes) => bytes.SequenceEqual(At(position, bytes.Length).Span);

    private static byte[] Make()
    {
        byte[] bytes = new byte[Period + MaximumLength];
        // A linear congruential generator (Knuth's constants): its upper bits are irregular enough.
        ulong state = 1;
        for (int i = 0; i < Period; i++)
        {
            state = (state * 6_364_136_223_846_793_005) + 1_442_695_040_888_963_407;
            bytes[i] = (byte)(state >> 56);
        }

        bytes.AsSpan(0, MaximumLength - Period).CopyTo(bytes.AsSpan(2 * Period));
        bytes.AsSpan(0, Period).CopyTo(bytes.AsSpan(Period));
        return bytes;
    }
}
