using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Overlay.Wire;

/// <summary>The ones' complement checksum of IPv4, ICMP, UDP and TCP (RFC 1071) and its incremental update (RFC 1624).</summary>
/// <remarks>
/// <para>
/// A <em>sum</em> is a <see cref="ulong"/> that is congruent, modulo 65 535, to the data read as 16-bit words in the byte order of this
/// machine. The ones' complement sum does not depend on byte order (RFC 1071 §2 B), so nothing is swapped before the end. Every sum returned
/// here is below 2³⁴; sums of pieces may be added with <c>+</c>, millions of them, or handed on as the next piece's seed.
/// It is zero only if all data were zero.
/// </para>
/// <para>
/// A <em>checksum</em> is a <see cref="ushort"/> as number: written with <see cref="BinaryPrimitives.WriteUInt16BigEndian(Span{byte}, ushort)"/>.
/// </para>
/// <para>
/// The pieces of a message are summed from even offsets: a piece that begins at an odd offset of the message goes through
/// <see cref="AtOddOffset(ulong)"/> first. Where the bytes lie in memory does not matter.
/// </para>
/// </remarks>
public static class InternetChecksum
{
    private const int Accumulators = 4;

    /// <summary>The checksum to write: the complement of the sum of the data and the seed.</summary>
    /// <param name="data">The bytes, with the checksum field zero; an odd last byte is padded with zero (RFC 1071 §1).</param>
    /// <param name="seed">The sum of what comes before, such as <see cref="PseudoHeader"/>.</param>
    /// <remarks>UDP sends a computed 0x0000 as 0xFFFF (RFC 768); that is the rule of UDP, not of this method.</remarks>
    public static ushort Compute(ReadOnlySpan<byte> data, ulong seed = 0) => (ushort)~Fold(Partial(data, seed));

    /// <summary>Whether data that include their checksum sum up to all ones, as RFC 1071 §1 (3) asks.</summary>
    /// <param name="data">The bytes, checksum field included.</param>
    /// <param name="seed">The sum of what comes before, such as <see cref="PseudoHeader"/>.</param>
    public static bool IsValid(ReadOnlySpan<byte> data, ulong seed = 0) => Fold(Partial(data, seed)) == 0xFFFF;

    /// <summary>The sum of the data and the seed; see the remarks of the class.</summary>
    /// <param name="data">The bytes, which begin at an even offset of the message; an odd last byte is padded with zero.</param>
    /// <param name="seed">The sum of what comes before.</param>
    public static ulong Partial(ReadOnlySpan<byte> data, ulong seed = 0)
    {
        // Below these lengths the set-up of the vectors costs more than it saves; headers stay in general registers.
        if (Vector512.IsHardwareAccelerated && data.Length >= Vector512<byte>.Count)
        {
            return Partial<Lanes512>(data, seed);
        }

        if (Vector256.IsHardwareAccelerated && data.Length >= 2 * Vector256<byte>.Count)
        {
            return Partial<Lanes256>(data, seed);
        }

        if (Vector128.IsHardwareAccelerated && data.Length >= 5 * Vector128<byte>.Count)
        {
            return Partial<Lanes128>(data, seed);
        }

        return Short(data, seed);
    }

    /// <summary>Copies and sums in one pass over memory.</summary>
    /// <param name="source">The bytes, which begin at an even offset of the message; an odd last byte is padded with zero.</param>
    /// <param name="destination">Takes the copy. It may be the same memory, but must not overlap <paramref name="source"/> otherwise.</param>
    /// <param name="seed">The sum of what comes before.</param>
    /// <returns>What <see cref="Partial"/> returns for <paramref name="source"/>.</returns>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is shorter than <paramref name="source"/>; nothing was written.</exception>
    public static ulong CopyPartial(ReadOnlySpan<byte> source, Span<byte> destination, ulong seed = 0)
    {
        if (destination.Length < source.Length)
        {
            ThrowDestinationTooShort();
        }

        destination = destination[..source.Length];
        if (Vector512.IsHardwareAccelerated && source.Length >= Vector512<byte>.Count)
        {
            return CopyPartial<Lanes512>(source, destination, seed);
        }

        if (Vector256.IsHardwareAccelerated && source.Length >= Vector256<byte>.Count)
        {
            return CopyPartial<Lanes256>(source, destination, seed);
        }

        return CopyPartial<Lanes128>(source, destination, seed);
    }

    /// <summary>The sum of the pseudo-header of TCP, UDP and ICMPv6 (RFC 9293 §3.1, RFC 8200 §8.1).</summary>
    /// <param name="source">The source address.</param>
    /// <param name="destination">The destination address, of the same family.</param>
    /// <param name="protocol">The upper-layer protocol.</param>
    /// <param name="length">The upper-layer length in bytes, header included.</param>
    public static ulong PseudoHeader(ValueIPAddress source, ValueIPAddress destination, IPProtocol protocol, int length)
    {
        // One formula serves both families: the ffff in the 16-byte form of an IPv4 address is zero to ones' complement addition.
        ulong sum = (uint)source.High + (source.High >> 32) + (uint)source.Low + (source.Low >> 32) +
            (uint)destination.High + (destination.High >> 32) + (uint)destination.Low + (destination.Low >> 32) +
            (uint)protocol + (uint)length;
        uint folded = (uint)Fold64(Fold64(sum));
        return BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(folded) : folded;
    }

    /// <summary>One 16-bit word of the message as it counts in a sum.</summary>
    /// <param name="word">The word as number.</param>
    public static ulong Word(ushort word) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(word) : word;

    /// <summary>Moves the sum of a piece that begins at an odd offset of the message to where its bytes count (RFC 1071 §2 B).</summary>
    public static ulong AtOddOffset(ulong sum) => BinaryPrimitives.ReverseEndianness(Fold16(sum));

    /// <summary>
    /// The 16-bit ones' complement sum, not complemented, as number: what the kernel wants in the checksum field of a packet whose checksum it
    /// is to complete, if <paramref name="sum"/> is the pseudo-header's.
    /// </summary>
    public static ushort Fold(ulong sum)
    {
        ushort folded = Fold16(sum);
        return BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(folded) : folded;
    }

    /// <summary>The checksum after one 16-bit word of the data changed (RFC 1624 §3, equation 3).</summary>
    /// <param name="checksum">The checksum before, HC.</param>
    /// <param name="oldValue">The word before, m.</param>
    /// <param name="newValue">The word after, m'.</param>
    public static ushort Update(ushort checksum, ushort oldValue, ushort newValue)
    {
        // HC' = ~(~HC + ~m + m')
        uint sum = (uint)(ushort)~checksum + (ushort)~oldValue + newValue;
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum += sum >> 16;
        return (ushort)~sum;
    }

    /// <summary>The checksum after a 32-bit word at an even offset of the data changed (RFC 1624 §3, equation 3).</summary>
    /// <inheritdoc cref="Update(ushort, ushort, ushort)"/>
    public static ushort Update(ushort checksum, uint oldValue, uint newValue) =>
        Update(Update(checksum, (ushort)(oldValue >> 16), (ushort)(newValue >> 16)), (ushort)oldValue, (ushort)newValue);

    internal static ulong Partial<T>(ReadOnlySpan<byte> data, ulong seed)
        where T : struct, ILanes<T>
    {
        ReadOnlySpan<T> lanes = MemoryMarshal.Cast<byte, T>(data);
        seed = Fold64(seed) + (lanes.Length < Accumulators ? SumFew(lanes) : Sum(lanes));
        return Rest(data[(lanes.Length * T.Length)..], seed);
    }

    internal static ulong CopyPartial<T>(ReadOnlySpan<byte> source, Span<byte> destination, ulong seed)
        where T : struct, ILanes<T>
    {
        ReadOnlySpan<T> lanes = MemoryMarshal.Cast<byte, T>(source);
        Span<T> copies = MemoryMarshal.Cast<byte, T>(destination);
        seed = Fold64(seed) + (lanes.Length < Accumulators ? CopySumFew(lanes, copies) : CopySum(lanes, copies));
        int copied = lanes.Length * T.Length;
        if (copied != source.Length)
        {
            source[copied..].CopyTo(destination[copied..]);
        }

        return Rest(source[copied..], seed);
    }

    // What is left of a wide vector is up to three narrow ones, which is still faster than words.
    private static ulong Rest(ReadOnlySpan<byte> data, ulong seed) => data.IsEmpty ? Fold64(seed) : SomeRest(data, seed);

    private static ulong SomeRest(ReadOnlySpan<byte> data, ulong seed)
    {
        if (data.Length >= Lanes128.Length)
        {
            ReadOnlySpan<Lanes128> lanes = MemoryMarshal.Cast<byte, Lanes128>(data);
            Lanes128 all = default, high = default;
            foreach (Lanes128 x in lanes)
            {
                all += x;
                high += x.High;
            }

            seed = Fold64(seed) + Lanes128.Total(all, high);
            data = data[(lanes.Length * Lanes128.Length)..];
        }

        return Short(data, seed);
    }

    // Four accumulators hide the latency of the additions. For 64-bit lanes x, sum(x) wraps but sum(x >> 32) does not, and the sum of the
    // low halves is sum(x) - 2^32 * sum(x >> 32): three operations a vector instead of the four that masking would take.
    // Optimised at once: what the JIT does with the profile of long messages keeps the accumulators in memory, at half the speed (benchmarks/README.md).
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong Sum<T>(ReadOnlySpan<T> data)
        where T : struct, ILanes<T>
    {
        T all0 = default, all1 = default, all2 = default, all3 = default;
        T high0 = default, high1 = default, high2 = default, high3 = default;
        while (data.Length >= 4)
        {
            T x0 = data[0], x1 = data[1], x2 = data[2], x3 = data[3];
            all0 += x0;
            all1 += x1;
            all2 += x2;
            all3 += x3;
            high0 += x0.High;
            high1 += x1.High;
            high2 += x2.High;
            high3 += x3.High;
            data = data[4..];
        }

        foreach (T x in data)
        {
            all0 += x;
            high0 += x.High;
        }

        return T.Total(all0 + all1 + (all2 + all3), high0 + high1 + (high2 + high3));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong CopySum<T>(ReadOnlySpan<T> data, Span<T> destination)
        where T : struct, ILanes<T>
    {
        T all0 = default, all1 = default, all2 = default, all3 = default;
        T high0 = default, high1 = default, high2 = default, high3 = default;
        while (data.Length >= 4 && destination.Length >= 4)
        {
            T x0 = data[0], x1 = data[1], x2 = data[2], x3 = data[3];
            destination[0] = x0;
            destination[1] = x1;
            destination[2] = x2;
            destination[3] = x3;
            all0 += x0;
            all1 += x1;
            all2 += x2;
            all3 += x3;
            high0 += x0.High;
            high1 += x1.High;
            high2 += x2.High;
            high3 += x3.High;
            data = data[4..];
            destination = destination[4..];
        }

        for (int i = 0; i < data.Length && i < destination.Length; i++)
        {
            T x = data[i];
            destination[i] = x;
            all0 += x;
            high0 += x.High;
        }

        return T.Total(all0 + all1 + (all2 + all3), high0 + high1 + (high2 + high3));
    }

    // A header, or what it takes to tell one: for so little the four accumulators are more work than the sum.
    private static ulong SumFew<T>(ReadOnlySpan<T> data)
        where T : struct, ILanes<T>
    {
        T all = default, high = default;
        foreach (T x in data)
        {
            all += x;
            high += x.High;
        }

        return T.Total(all, high);
    }

    private static ulong CopySumFew<T>(ReadOnlySpan<T> data, Span<T> destination)
        where T : struct, ILanes<T>
    {
        T all = default, high = default;
        for (int i = 0; i < data.Length && i < destination.Length; i++)
        {
            T x = data[i];
            destination[i] = x;
            all += x;
            high += x.High;
        }

        return T.Total(all, high);
    }

    // Less than a few vectors, 8 bytes at a time.
    private static ulong Short(ReadOnlySpan<byte> data, ulong sum)
    {
        sum = Fold64(sum);
        while (data.Length >= 8)
        {
            ulong x = MemoryMarshal.Read<ulong>(data);
            sum += (x & 0xFFFF_FFFF) + (x >> 32);
            data = data[8..];
        }

        if (data.Length >= 4)
        {
            sum += MemoryMarshal.Read<uint>(data);
            data = data[4..];
        }

        if (data.Length >= 2)
        {
            sum += MemoryMarshal.Read<ushort>(data);
            data = data[2..];
        }

        if (data.Length != 0)
        {
            sum += BitConverter.IsLittleEndian ? data[0] : (uint)data[0] << 8;
        }

        return Fold64(sum);
    }

    private static ulong Fold64(ulong sum) => (sum & 0xFFFF_FFFF) + (sum >> 32);

    private static ushort Fold16(ulong sum)
    {
        sum = Fold64(sum);
        sum = (sum & 0xFFFF) + ((sum >> 16) & 0xFFFF) + (sum >> 32);
        sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)(sum + (sum >> 16));
    }

    [DoesNotReturn]
    private static void ThrowDestinationTooShort() => throw new ArgumentException("The destination is shorter than the source.", "destination");

    /// <summary>64-bit lanes of one vector width, so that the loops above exist once.</summary>
    internal interface ILanes<T>
        where T : struct, ILanes<T>
    {
        /// <summary>Bytes of a vector.</summary>
        static abstract int Length { get; }

        /// <summary>The upper 32 bits of each lane.</summary>
        T High { get; }

        /// <summary>The sum of all 32-bit words, from the sum of the 64-bit words, modulo 2⁶⁴, and the sum of their upper halves.</summary>
        static abstract ulong Total(T all, T high);

        static abstract T operator +(T left, T right);
    }

    internal readonly struct Lanes512(Vector512<ulong> value) : ILanes<Lanes512>
    {
        private readonly Vector512<ulong> _value = value;

        public static int Length => Vector512<byte>.Count;

        public Lanes512 High => new(_value >>> 32);

        public static ulong Total(Lanes512 all, Lanes512 high) => Fold64(Vector512.Sum(all._value + high._value - (high._value << 32)));

        public static Lanes512 operator +(Lanes512 left, Lanes512 right) => new(left._value + right._value);
    }

    internal readonly struct Lanes256(Vector256<ulong> value) : ILanes<Lanes256>
    {
        private readonly Vector256<ulong> _value = value;

        public static int Length => Vector256<byte>.Count;

        public Lanes256 High => new(_value >>> 32);

        public static ulong Total(Lanes256 all, Lanes256 high) => Fold64(Vector256.Sum(all._value + high._value - (high._value << 32)));

        public static Lanes256 operator +(Lanes256 left, Lanes256 right) => new(left._value + right._value);
    }

    internal readonly struct Lanes128(Vector128<ulong> value) : ILanes<Lanes128>
    {
        private readonly Vector128<ulong> _value = value;

        public static int Length => Vector128<byte>.Count;

        public Lanes128 High => new(_value >>> 32);

        public static ulong Total(Lanes128 all, Lanes128 high) => Fold64(Vector128.Sum(all._value + high._value - (high._value << 32)));

        public static Lanes128 operator +(Lanes128 left, Lanes128 right) => new(left._value + right._value);
    }
}
