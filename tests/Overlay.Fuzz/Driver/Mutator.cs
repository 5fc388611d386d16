using System.Buffers.Binary;

namespace Overlay.Fuzz.Driver;

/// <summary>Changes an input: bits, bytes, numbers, lengths; cuts, repeats, removes, inserts, and joins two.</summary>
internal static class Mutator
{
    private const int MaxChanges = 6;
    private const int Operations = 14;

    // Ends of ranges, and what length fields and headers hold.
    private static readonly byte[] Bytes = [0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x08, 0x0F, 0x10, 0x11, 0x29, 0x2C, 0x2F, 0x3C, 0x40, 0x45, 0x46, 0x4F, 0x60, 0x7F, 0x80, 0xFE, 0xFF];
    private static readonly ushort[] Words =
        [0, 1, 4, 7, 8, 20, 28, 40, 64, 0xFF, 0x100, 0x0800, 0x0806, 0x1FFF, 0x2000, 0x4000, 0x6558, 0x7FFF, 0x8000, 0x8100, 0x86DD, 0x88A8, 0x12B5, 0x17C1, 0x17C0, 0x12B6, 0xFFE3, 0xFFF8, 0xFFFE, 0xFFFF];

    private static readonly uint[] DoubleWords = [0, 1, 0xFF, 0xFFFF, 0x1_0000, 0xFF_FFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF];

    /// <summary>Changes an input in some places.</summary>
    /// <param name="random">Decides.</param>
    /// <param name="buffer">The input, and room for a longer one.</param>
    /// <param name="length">Bytes of the input.</param>
    /// <param name="pool">Others to take parts from.</param>
    /// <returns>Bytes of the changed input.</returns>
    public static int Mutate(ref SplitMix64 random, Span<byte> buffer, int length, IReadOnlyList<byte[]> pool)
    {
        for (int changes = 1 + random.Below(random.OneIn(2) ? 2 : MaxChanges); changes > 0; changes--)
        {
            length = Change(ref random, buffer, length, pool);
        }

        return length;
    }

    private static int Change(ref SplitMix64 random, Span<byte> buffer, int length, IReadOnlyList<byte[]> pool)
    {
        if (length == 0)
        {
            return Insert(ref random, buffer, length);
        }

        Span<byte> input = buffer[..length];
        // Headers are at the start: half of the changes go there.
        int at = random.Below(random.OneIn(2) ? length : Math.Min(length, 64));
        switch (random.Below(Operations))
        {
            case 0:
            case 1:
                input[at] ^= (byte)(1 << random.Below(8));
                return length;
            case 2:
                input[at] = (byte)random.Next();
                return length;
            case 3:
                input[at] = Bytes[random.Below(Bytes.Length)];
                return length;
            case 4:
                input[at] += (byte)(random.Below(33) - 16);
                return length;
            case 5 when length - at >= 2:
                WriteWord(ref random, input[at..], Words[random.Below(Words.Length)]);
                return length;
            case 6 when length - at >= 4:
                BinaryPrimitives.WriteUInt32BigEndian(input[at..], DoubleWords[random.Below(DoubleWords.Length)]);
                return length;
            case 7 when length - at >= 2:
                // A length field: what is left from some place on, or nearly that much.
                WriteWord(ref random, input[at..], (ushort)(length - random.Below(at + 1) + random.Below(5) - 2));
                return length;
            case 8 when length - at >= 4:
                BinaryPrimitives.WriteUInt32LittleEndian(input[at..], (uint)(length - at + random.Below(9) - 4));
                return length;
            case 9:
                return random.Below(length + 1);
            case 10:
                return Remove(ref random, input, at);
            case 11:
                return Insert(ref random, buffer, length);
            case 12:
                return Repeat(ref random, buffer, length, at);
            case 13:
                return Splice(ref random, buffer, length, pool);
            default:
                input[at] ^= 0xFF;
                return length;
        }
    }

    private static void WriteWord(ref SplitMix64 random, Span<byte> destination, ushort value)
    {
        if (random.OneIn(4))
        {
            BinaryPrimitives.WriteUInt16LittleEndian(destination, value);
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(destination, value);
        }
    }

    private static int Size(ref SplitMix64 random) => random.OneIn(2) ? 4 << random.Below(4) : 1 + random.Below(40);

    private static int Remove(ref SplitMix64 random, Span<byte> input, int at)
    {
        int count = Math.Min(Size(ref random), input.Length - at);
        input[(at + count)..].CopyTo(input[at..]);
        return input.Length - count;
    }

    private static int Insert(ref SplitMix64 random, Span<byte> buffer, int length)
    {
        int count = Math.Min(Size(ref random), buffer.Length - length);
        int at = random.Below(length + 1);
        buffer[at..length].CopyTo(buffer[(at + count)..]);
        Span<byte> inserted = buffer.Slice(at, count);
        if (random.OneIn(2))
        {
            inserted.Fill(Bytes[random.Below(Bytes.Length)]);
        }
        else
        {
            foreach (ref byte b in inserted)
            {
                b = (byte)random.Next();
            }
        }

        return length + count;
    }

    private static int Repeat(ref SplitMix64 random, Span<byte> buffer, int length, int at)
    {
        int count = Math.Min(Size(ref random), Math.Min(length - at, buffer.Length - length));
        buffer[at..length].CopyTo(buffer[(at + count)..]);
        return length + count;
    }

    private static int Splice(ref SplitMix64 random, Span<byte> buffer, int length, IReadOnlyList<byte[]> pool)
    {
        if (pool.Count == 0)
        {
            return length;
        }

        byte[] other = pool[random.Below(pool.Count)];
        int from = random.Below(other.Length + 1);
        // At the same place, which keeps fields where they are, or anywhere.
        int at = random.OneIn(2) ? Math.Min(from, length) : random.Below(length + 1);
        int count = Math.Min(other.Length - from, buffer.Length - at);
        other.AsSpan(from, count).CopyTo(buffer[at..]);
        return random.OneIn(2) ? at + count : Math.Max(length, at + count);
    }
}
