using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Overlay.Wire;

/// <summary>
/// Fields of a header whose length the caller has checked as a whole. Through spans each field is checked or at least addressed by itself, which is a third
/// of the work where a packet takes a dozen nanoseconds; so the few ways that nearly every packet takes read and write like this, and have a twin that
/// does not, which the tests hold them against.
/// </summary>
internal static class HeaderFields
{
    /// <summary>Reads two bytes in wire order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort ReadUInt16(ref readonly byte start, nuint offset) => ToWireOrder(ReadRaw<ushort>(in start, offset));

    /// <summary>Reads eight bytes in wire order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong ReadUInt64(ref readonly byte start, nuint offset) => ToWireOrder(ReadRaw<ulong>(in start, offset));

    /// <summary>Reads bytes as they lie: comparisons, hashes and ones' complement sums (RFC 1071 §2 B) need no order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T ReadRaw<T>(ref readonly byte start, nuint offset)
        where T : unmanaged => Unsafe.ReadUnaligned<T>(in Unsafe.Add(ref Unsafe.AsRef(in start), offset));

    /// <summary>Writes two bytes in wire order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref byte start, nuint offset, ushort value) => Unsafe.WriteUnaligned(ref Unsafe.Add(ref start, offset), ToWireOrder(value));

    /// <summary>Writes four bytes in wire order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref byte start, nuint offset, uint value) => Unsafe.WriteUnaligned(ref Unsafe.Add(ref start, offset), ToWireOrder(value));

    /// <summary>Writes eight bytes in wire order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(ref byte start, nuint offset, ulong value) => Unsafe.WriteUnaligned(ref Unsafe.Add(ref start, offset), ToWireOrder(value));

    private static ushort ToWireOrder(ushort value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    private static uint ToWireOrder(uint value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    private static ulong ToWireOrder(ulong value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;
}
