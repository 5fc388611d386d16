using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Overlay.Tables;

/// <summary>
/// What 64 neighbouring /16s lead to, for each /24 in them, as one array that never changes.
/// </summary>
/// <remarks>
/// <code>
///  0     64 × 2 bytes   where the band of each /16 begins
///  then, for each /16, in order
///        4 × 8 bytes    a bit for each /24 that leads to something else than the one before it, lowest first
///        4 × 1 byte     how many such bits the words before have
///        n × 3 bytes    what each run leads to: 23 bits number, and a bit that says that there are longer prefixes inside
///  end   1 byte         so that four bytes may be read where three are meant
/// </code>
/// All words are little-endian. A look-up reads where the band is, a word and its count, and the three bytes. What counts is how few pages of memory
/// the blocks of a large table fill, because most of the time goes into finding pages: hence one array for many bands, with nothing in it but this.
/// </remarks>
internal static class IPv4Block
{
    /// <summary>The /16s of a block, as bits.</summary>
    public const int BandBits = 6;

    /// <summary>Says that a /24 has longer prefixes.</summary>
    public const uint LongerMark = 1 << 23;

    private const int Bands = 1 << BandBits;
    private const int OffsetLength = sizeof(ushort);
    private const int HeaderLength = Bands * OffsetLength;
    private const int CountsOffset = 32;
    private const int NumbersOffset = 36;
    private const int NumberLength = 3;
    private const int MaxBandLength = NumbersOffset + (RouteBand.Slots * NumberLength);
    private const int Padding = 1;

    /// <summary>A block in which nothing leads anywhere.</summary>
    public static byte[] Empty { get; } = CreateEmpty();

    /// <summary>What an address leads to: its number, with <see cref="LongerMark"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Find(byte[] block, uint address)
    {
        int band = BinaryPrimitives.ReadUInt16LittleEndian(block.AsSpan((int)(address >> 16) % Bands * OffsetLength));
        int slot = (int)(address >> 8) & (RouteBand.Slots - 1);
        ulong bits = BinaryPrimitives.ReadUInt64LittleEndian(block.AsSpan(band + (slot / 64 * sizeof(ulong))));
        int run = block[band + CountsOffset + (slot / 64)] + BitOperations.PopCount(bits << ~slot);
        return ReadNumber(block, band, run - 1);
    }

    /// <summary>The block with another band.</summary>
    /// <param name="block">The block.</param>
    /// <param name="second">The upper 16 bits of the band's addresses; only the last six count.</param>
    /// <param name="slots">For each /24 its number and mark.</param>
    public static byte[] With(byte[] block, uint second, ReadOnlySpan<uint> slots)
    {
        Span<byte> band = stackalloc byte[MaxBandLength];
        int length = WriteBand(slots, band);
        int index = (int)second % Bands;
        int start = OffsetOf(block, index);
        int end = index + 1 < Bands ? OffsetOf(block, index + 1) : block.Length - Padding;
        int change = length - (end - start);
        byte[] result = GC.AllocateUninitializedArray<byte>(block.Length + change);
        block.AsSpan(0, start).CopyTo(result);
        band[..length].CopyTo(result.AsSpan(start));
        block.AsSpan(end).CopyTo(result.AsSpan(start + length));
        for (int i = index + 1; i < Bands; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(result.AsSpan(i * OffsetLength), (ushort)(OffsetOf(block, i) + change));
        }

        return result;
    }

    /// <summary>Sets the mark of each slot that has it in the block.</summary>
    public static void CopyMarks(byte[] block, uint second, Span<uint> slots)
    {
        int band = OffsetOf(block, (int)second % Bands);
        int run = 0;
        uint mark = 0;
        for (int slot = 0; slot < RouteBand.Slots; slot++)
        {
            ulong bits = BinaryPrimitives.ReadUInt64LittleEndian(block.AsSpan(band + (slot / 64 * sizeof(ulong)))) >> slot;
            if ((bits & 1) != 0)
            {
                mark = ReadNumber(block, band, run++) & LongerMark;
            }
            else if (mark == 0)
            {
                // On to the next run; its start is the next thing of interest.
                slot = bits == 0 ? slot | 63 : slot + BitOperations.TrailingZeroCount(bits) - 1;
                continue;
            }

            slots[slot] |= mark;
        }
    }

    private static int OffsetOf(byte[] block, int index) => BinaryPrimitives.ReadUInt16LittleEndian(block.AsSpan(index * OffsetLength));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint ReadNumber(byte[] block, int band, int run) =>
        BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(band + NumbersOffset + (run * NumberLength))) & 0xFF_FFFF;

    private static int WriteBand(ReadOnlySpan<uint> slots, Span<byte> band)
    {
        Span<ulong> starts = stackalloc ulong[RouteBand.Slots / 64];
        RouteBand.FindRuns(slots, starts);
        int run = 0;
        for (int i = 0; i < starts.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(band[(i * sizeof(ulong))..], starts[i]);
            band[CountsOffset + i] = (byte)run;
            for (ulong bits = starts[i]; bits != 0; bits &= bits - 1)
            {
                uint number = slots[(64 * i) + BitOperations.TrailingZeroCount(bits)];
                Span<byte> place = band.Slice(NumbersOffset + (run++ * NumberLength), NumberLength);
                place[0] = (byte)number;
                place[1] = (byte)(number >> 8);
                place[2] = (byte)(number >> 16);
            }
        }

        return NumbersOffset + (run * NumberLength);
    }

    private static byte[] CreateEmpty()
    {
        Span<byte> band = stackalloc byte[MaxBandLength];
        Span<uint> slots = stackalloc uint[RouteBand.Slots];
        slots.Clear();
        int length = WriteBand(slots, band);
        byte[] block = new byte[HeaderLength + (Bands * length) + Padding];
        for (int i = 0; i < Bands; i++)
        {
            int start = HeaderLength + (i * length);
            BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(i * OffsetLength), (ushort)start);
            band[..length].CopyTo(block.AsSpan(start));
        }

        return block;
    }
}
